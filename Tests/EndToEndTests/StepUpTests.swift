import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Step-ups", .timeLimit(.minutes(1)))
struct StepUpTests {
    private let stepUps = "/v1/sessions/current/step_ups"
    private let password: JSON = ["password": .string(Person.password)]

    /// A merchant, so that there are keys to make, with what a session alone must not do.
    private func merchant(_ server: FlorinServer, _ database: TestDatabase) async throws -> Person {
        let person = try await Person.signUp(server.api, money: 2_000_000)
        try database.connection().execute(
            "UPDATE identity.users SET role = 'merchant' WHERE username = \(person.username)")
        // The role was looked up before it was given.
        let login = try await server.api.logIn(person.username)
        return Person(
            api: person.api, id: person.id, username: person.username, phone: person.phone,
            email: person.email, token: login["access_token"]?.string ?? "", refreshToken: "")
    }

    private let weighty: [(path: String, body: JSON?, status: Int)] = [
        ("/v1/passkeys/registrations", nil, 201), ("/v1/totp", nil, 201),
        ("/v1/api_keys", .key(scopes: ["wallets:read"]), 201),
    ]

    @Test func aSessionAloneDoesNothingWeighty() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await merchant(server, database)
        for act in weighty {
            let problem = try await person.refused(
                403, "step_up_required", .post, act.path, act.body)
            #expect(problem["methods"]?.array == ["password"])
        }
        try await person.refused(
            403, "password_incorrect", .post, stepUps, ["password": "not it"])
        let done = try await person.post(stepUps, password)
        #expect(done["method"]?.string == "password")
        for act in weighty {
            _ = try await person.post(act.path, act.body, status: act.status)
        }
        let key = try await person.get("/v1/api_keys").rows[0]

        // The first factor takes the password's place at once.
        try await person.setPin()
        for act in weighty + [("/v1/api_keys/\(key.id)/rotations", nil, 201)] {
            let problem = try await person.refused(
                403, "step_up_required", .post, act.path, act.body)
            #expect(problem["methods"]?.array == ["pin"])
        }
        try await person.refused(403, "step_up_required", .post, stepUps, password)
        let passkey = "/v1/passkeys/\(person.id)"
        try await person.refused(403, "step_up_required", .delete, passkey)
        let reply = try await person.api.reply(
            .post, "/v1/totp", token: person.token, headers: [("X-Florin-PIN", PinTests.pin)])
        #expect(reply.status == 201, "\(reply.text)")
        _ = try await person.post(stepUps, ["pin": .string(PinTests.pin)])
        for act in weighty {
            _ = try await person.post(act.path, act.body, status: act.status)
        }
        try await person.refused(404, "passkey_not_found", .delete, passkey)
        // To revoke a key nobody has to find their PIN first.
        try await server.api.advanceClock(seconds: 301)
        #expect(try await person.reply(.delete, "/v1/api_keys/\(key.id)").status == 204)
    }

    @Test func aPasswordAllowsNoLargePayment() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api, money: 2_000_000)
        let friend = try await Person.signUp(api)
        _ = try await person.post(stepUps, password)
        let reply = try await person.pay(500_000, friend)
        reply.expectProblem(403, "pin_required")
    }

    @Test func whoHasAPinShowsItForAnotherPassword() async throws {
        let person = try await Person.signUp(World.api)
        try await person.setPin()
        let body: JSON = [
            "old_password": .string(Person.password), "new_password": "a calm lake in May",
        ]
        try await person.refused(403, "step_up_required", .put, "/v1/me/password", body)
        let reply = try await person.api.reply(
            .put, "/v1/me/password", body, token: person.token,
            headers: [("X-Florin-PIN", PinTests.pin)])
        #expect(reply.status == 204, "\(reply.text)")
    }

    @Test func oneThingIsShownAtATime() async throws {
        let person = try await Person.signUp(World.api)
        for body: JSON in [
            [:], ["pin": .string(PinTests.pin), "password": .string(Person.password)],
        ] {
            try await person.refused(400, "invalid_request", .post, stepUps, body)
        }
        try await person.refused(404, "totp_not_found", .post, stepUps, ["totp": "123456"])
    }

    @Test func aNewPinByCodeEndsOtherSessions() async throws {
        let person = try await Person.signUp(World.api)
        try await person.setPin()
        let elsewhere = try await person.api.logIn(person.username)
        _ = try await person.post("/v1/me/pin_resets", status: 202)
        let code = try await person.api.code(at: person.phone)
        let reply = try await person.reply(
            .post, "/v1/me/pin_resets/completions",
            ["pin": "260597", "code": .string(code), "password": .string(Person.password)])
        #expect(reply.status == 204, "\(reply.text)")
        try await person.api.refused(
            401, "session_invalid", .get, "/v1/me", token: elsewhere["access_token"]?.string)
        _ = try await person.get("/v1/me")
        #expect(try await person.api.newestMessage(to: person.phone).contains("PIN was set"))
    }

    /// One code after the other: the tries of all of them together get slower and slower.
    @Test func wrongCodesSlowDownTheNextOnesToo() async throws {
        let server = try await World.own()
        let names = Person.Names()
        _ = try await server.api.expect(201, .post, "/v1/users", names.signUp)
        let body: JSON = ["phone": .string(names.phone), "code": "wrong"]
        let path = "/v1/phone_verifications"
        for left in [4, 3, 2, 1, 0] as [Int64] {
            let problem = try await server.api.refused(422, "code_incorrect", .post, path, body)
            #expect(problem["tries_left"]?.integer == left)
        }
        try await server.api.refused(429, "too_many_attempts", .post, path, body)
        for wait in [60, 120] as [Int64] {
            try await server.api.advanceClock(seconds: 61)
            _ = try await server.api.expect(
                202, .post, "/v1/phone_codes", ["phone": .string(names.phone)])
            let problem = try await server.api.refused(422, "code_incorrect", .post, path, body)
            #expect(problem["tries_left"]?.integer == 0)
            let code = try await server.api.code(for: names.phone)
            let right = body.replacing("code", .string(code))
            let locked = try await server.api.refused(
                429, "too_many_attempts", .post, path, right)
            #expect((wait / 2...wait).contains(locked["retry_after"]?.integer ?? 0))
            try await server.api.advanceClock(seconds: wait)
            if wait == 120 { _ = try await server.api.expect(201, .post, path, right) }
        }
    }
}
