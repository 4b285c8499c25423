import HTTP
import TestSupport
import Testing

@Suite("Devices", .timeLimit(.minutes(1)))
struct DeviceTests {
    private func asked(
        _ person: Person, _ body: JSON? = nil, at location: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let problem = try await person.api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            body ?? .logIn(person.username, isNewDevice: true), at: location)
        #expect(problem["methods"] == ["sms_code"], sourceLocation: location)
        #expect(problem["expires_in"]?.integer == 600, sourceLocation: location)
        let masked = problem["sent_to"]?.string ?? ""
        #expect(masked.contains("•") && masked.suffix(3) == person.phone.suffix(3))
        return "/v1/session_challenges/\(problem["challenge"]?.string ?? "")"
    }

    private func answer(_ code: String) -> JSON { ["method": "sms_code", "code": .string(code)] }

    @Test func theDeviceThatProvedTheNumberIsKnown() async throws {
        let person = try await Person.signUp(World.api)
        for login in [person.username, person.phone, person.email] {
            let session = try await person.api.logIn(login)
            #expect(session["device"] == nil)
        }
        #expect(try await person.api.messages(to: person.email) == [])
    }

    @Test func aNewDeviceAsksForTheCodeOnce() async throws {
        let person = try await Person.signUp(World.api)
        let challenge = try await asked(
            person,
            .logIn(person.username, isNewDevice: true)
                .replacing("device_name", "Shop\u{202E}phone\n"))
        let code = try await person.api.code(for: person.phone)
        let session = try await person.api.expect(
            201, .post, challenge + "/answers", answer(code))
        #expect(session[at: "user", "id"]?.string == person.id)
        let token = session["access_token"]?.string
        _ = try await person.api.expect(200, .get, "/v1/me", token: token)
        // From now on it is known.
        let device = try #require(session["device"])
        let again = try await person.api.expect(
            201, .post, "/v1/sessions",
            .logIn(person.username, isNewDevice: true).replacing("device", device))
        #expect(again["device"] == nil)
        // On every channel it is told, by a name that cannot mislead.
        for recipient in [person.phone, person.email] {
            let words = try await person.api.messages(to: recipient)
            #expect(words.first?.contains("new device") == true)
            #expect(words.first?.contains(": Shop phone. If") == true)
        }
        // An answer opens one session.
        try await person.api.refused(
            401, "challenge_invalid", .post, challenge + "/answers", answer(code))
    }

    @Test func anothersDeviceIsNotKnown() async throws {
        let (one, two) = (
            try await Person.signUp(World.api), try await Person.signUp(World.api)
        )
        let device = try #require(KnownDevices.token(for: two.username))
        _ = try await asked(
            one, .logIn(one.username, isNewDevice: true).replacing("device", .string(device)))
        _ = try await asked(one, .logIn(one.username).replacing("device", ""))
    }

    @Test func wrongCodesEndTheChallengeAndLockTheLogIn() async throws {
        let person = try await Person.signUp(World.api)
        let challenge = try await asked(person)
        let code = try await person.api.code(for: person.phone)
        let wrong = code == "000000" ? "000001" : "000000"
        for left in [4, 3, 2, 1, 0] as [Int64] {
            let problem = try await person.api.refused(
                422, "code_incorrect", .post, challenge + "/answers", answer(wrong))
            #expect(problem["tries_left"]?.integer == left)
        }
        try await person.api.refused(
            401, "challenge_invalid", .post, challenge + "/answers", answer(code))
        // Nor does the password open another challenge to guess on with.
        try await person.api.refused(
            429, "too_many_attempts", .post, "/v1/sessions",
            .logIn(person.username, isNewDevice: true))
        // Where they are known, their owner is not kept out.
        _ = try await person.api.logIn(person.username)
    }

    @Test func oneOfTwinsThatAnswerIsLetIn() async throws {
        let person = try await Person.signUp(World.api)
        let challenge = try await asked(person)
        let answer = answer(try await person.api.code(for: person.phone))
        let codes = try await together(8) { _ in
            try await person.api.reply(.post, challenge + "/answers", answer)
        }
        #expect(codes.count { $0.status == 201 } == 1)
        #expect(codes.count { $0.code == "challenge_invalid" } == 7)
    }

    @Test func theCodeIsSentOnceForManyChallenges() async throws {
        let person = try await Person.signUp(World.api)
        _ = try await asked(person)
        let sent = try await person.api.messages(to: person.phone).count
        let challenge = try await asked(person)
        #expect(try await person.api.messages(to: person.phone).count == sent)
        let problem = try await person.api.refused(
            429, "too_many_attempts", .post, challenge + "/codes")
        #expect((1...60).contains(problem["retry_after"]?.integer ?? 0))
        let code = try await person.api.code(for: person.phone)
        _ = try await person.api.expect(201, .post, challenge + "/answers", answer(code))
    }

    @Test func whatIsNoChallengeIsRefused() async throws {
        let person = try await Person.signUp(World.api)
        let nowhere = "/v1/session_challenges/never-given-out"
        try await person.api.refused(
            401, "challenge_invalid", .post, nowhere + "/answers", answer("123456"))
        try await person.api.refused(401, "challenge_invalid", .post, nowhere + "/codes")
        let challenge = try await asked(person)
        for body in [["method": "sms_code"], ["method": "palm", "code": "1"], [:]] as [JSON] {
            try await person.api.refused(
                400, "invalid_request", .post, challenge + "/answers", body)
        }
        // A wrong password learns nothing of devices.
        try await person.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions",
            .logIn(person.username, "wrong", isNewDevice: true))
    }

    @Test func theSimpleTransferAPIIsNoWayAround() async throws {
        let person = try await Person.signUp(World.api)
        let body: JSON = [
            "email": .string(person.email), "password": .string(Person.password),
        ]
        let path = "/api/users/login"
        try await person.api.refused(401, "second_step_required", .post, path, body)
        let device = try #require(KnownDevices.token(for: person.email))
        _ = try await person.api.expect(
            200, .post, path, body.replacing("device", .string(device)))
    }

    @Test func anOperatorMayTakeThePasswordAlone() async throws {
        let server = try await World.own(["FLORIN_NEW_DEVICE_CODE": "off"])
        let person = try await Person.signUp(server.api)
        for _ in 1...3 {
            _ = try await person.api.expect(
                201, .post, "/v1/sessions",
                .logIn(person.username, isNewDevice: true).replacing("device_name", "Desk"))
        }
        let told = try await person.api.messages(to: person.email)
        #expect(told.count == 1)
        #expect(told.first?.contains(": Desk.") == true)
        try await server.stop()
    }
}
