import HTTP
import TestSupport
import Testing

@Suite("Another number, another address", .timeLimit(.minutes(2)))
struct ContactChangeTests {
    private static let phones = "/v1/me/phone_changes"
    private static let emails = "/v1/me/email_changes"

    private func order(_ phone: String) -> JSON {
        Person.proof.replacing("phone", .string(phone))
    }

    private func order(email: String) -> JSON {
        Person.proof.replacing("email", .string(email))
    }

    @Test func aNumberIsTakenWithItsCodeAndTheOldOneIsTold() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let other = try await person.logged(
            in: api.logIn(person.username)["access_token"]?.string)
        let new = Person.Names().phone
        let sent = try await person.post(Self.phones, order(new), status: 202)
        #expect(sent["expires_in"]?.integer == 300)
        let code = try await api.code(for: new)
        let wrong = code == "000000" ? "000001" : "000000"
        let body: JSON = ["phone": .string(new), "code": .string(wrong)]
        let problem = try await person.refused(
            422, "code_incorrect", .post, Self.phones + "/completions", body)
        #expect(problem["tries_left"]?.integer == 4)
        let right = body.replacing("code", .string(code))
        // A code is its owner's: nobody else takes the number with it.
        let stranger = try await Person.signUp(api)
        try await stranger.refused(
            410, "code_expired", .post, Self.phones + "/completions", right)
        let changed = try await person.post(Self.phones + "/completions", right)
        #expect(changed["phone"]?.string == new)
        try await person.refused(410, "code_expired", .post, Self.phones + "/completions", right)

        #expect(try await person.get("/v1/me")["phone"]?.string == new)
        try await other.refused(401, "session_invalid", .get, "/v1/me")
        for old in [person.phone, person.email] {
            #expect(try await api.newestMessage(to: old).contains("telephone number of your"))
        }
        try await api.refused(401, "second_step_required", .post, "/v1/sessions", .logIn(new))
        try await api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.phone))
        // The old number is free for whoever has it now.
        _ = try await api.expect(
            201, .post, "/v1/users",
            Person.Names().signUp.replacing("phone", .string(person.phone)))
        let acts = try await person.get("/v1/me/acts").rows
        let act = try #require(acts.first { $0["kind"]?.string == "phone_changed" })
        #expect(act[at: "before", "masked"]?.string?.contains("•") == true)
    }

    /// Whoever has a session, and neither the PIN nor the password, takes nothing.
    @Test func aSessionAloneIsNotEnough() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let names = Person.Names()
        let sensitive: [(String, JSON)] = [
            (Self.phones, ["phone": .string(names.phone)]),
            (Self.emails, ["email": .string(names.email)]), ("/v1/me/exports", [:]),
            ("/v1/me/erasures", [:]),
        ]
        for (path, body) in sensitive {
            try await person.refused(403, "step_up_required", .post, path, body)
            try await person.refused(
                403, "password_incorrect", .post, path, body.replacing("password", "not it"))
        }
        // Once there is a PIN, the password alone does not do either.
        try await person.setPin(PinTests.pin)
        try await person.refused(403, "step_up_required", .post, Self.phones, order(names.phone))
        let reply = try await api.reply(
            .post, Self.phones, ["phone": .string(names.phone)], token: person.token,
            headers: [("X-Florin-PIN", PinTests.pin)])
        #expect(reply.status == 202, "\(reply.text)")
        _ = try await person.post(
            "/v1/sessions/current/step_ups", ["pin": .string(PinTests.pin)])
        _ = try await person.post(
            Self.emails, ["email": .string(names.email)], status: 202)
        _ = try await person.post("/v1/me/exports", status: 200)
    }

    /// The answer tells nobody who has a wallet, and the owner is not bothered.
    @Test func whatIsSomebodyElsesIsSentNothing() async throws {
        let api = try await World.api
        let (person, owner) = (try await Person.signUp(api), try await Person.signUp(api))
        let before = try await api.newestMessage(to: owner.phone)
        let free = try await person.reply(.post, Self.phones, order(Person.Names().phone))
        let taken = try await person.reply(.post, Self.phones, order(owner.phone))
        #expect(free.status == 202 && taken.status == 202 && free.text == taken.text)
        #expect(try await api.newestMessage(to: owner.phone) == before)
        for guess in ["000000", "123456"] {
            try await person.refused(
                422, "code_incorrect", .post, Self.phones + "/completions",
                ["phone": .string(owner.phone), "code": .string(guess)])
        }
        try await person.refused(409, "already_verified", .post, Self.phones, order(person.phone))
        try await person.refused(422, "phone_invalid", .post, Self.phones, order("0712345678"))
    }

    @Test func anAddressIsProvenOrTakenWithItsCode() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        #expect(try await person.get("/v1/me")["email_verified"]?.bool == false)
        let other = try await person.logged(
            in: api.logIn(person.username)["access_token"]?.string)

        // One's own takes no step-up, and ends nothing.
        let mine: JSON = ["email": .string(person.email)]
        _ = try await person.post(Self.emails, mine, status: 202)
        let proven = try await person.post(
            Self.emails + "/completions",
            mine.replacing("code", .string(try await api.code(at: person.email))))
        #expect(proven["email_verified"]?.bool == true)
        #expect(try await other.reply(.get, "/v1/me").status == 200)
        try await person.refused(409, "email_proven", .post, Self.emails, mine)

        let new = Person.Names().email
        _ = try await person.post(Self.emails, order(email: new.uppercased()), status: 202)
        let code = try await api.code(at: new)
        let taken = try await person.post(
            Self.emails + "/completions", ["email": .string(new), "code": .string(code)])
        #expect(taken["email"]?.string == new && taken["email_verified"]?.bool == true)
        try await other.refused(401, "session_invalid", .get, "/v1/me")
        #expect(try await api.newestMessage(to: person.email).contains("e-mail address of your"))
        try await api.refused(401, "second_step_required", .post, "/v1/sessions", .logIn(new))
        try await person.refused(422, "email_invalid", .post, Self.emails, order(email: "a@b"))
    }

    /// Who signs up with the number while the code is under way was there first.
    @Test func whatIsTakenMeanwhileIsNotTakenTwice() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let names = Person.Names()
        _ = try await person.post(Self.phones, order(names.phone), status: 202)
        let code = try await api.code(for: names.phone)
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        try await person.refused(
            409, "phone_taken", .post, Self.phones + "/completions",
            ["phone": .string(names.phone), "code": .string(code)])
        #expect(try await person.get("/v1/me")["phone"]?.string == person.phone)
    }

    /// A number that was mistyped at sign-up is put right, and proven, in one go.
    @Test func whoNeverProvedANumberMayTakeAnother() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api, isVerified: false)
        let new = Person.Names().phone
        _ = try await person.post(Self.phones, order(new), status: 202)
        let changed = try await person.post(
            Self.phones + "/completions",
            ["phone": .string(new), "code": .string(try await api.code(for: new))])
        #expect(changed["phone_verified"]?.bool == true)
        try await person.topUp(1)
    }
}
