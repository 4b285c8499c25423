import HTTP
import Testing

@Suite("Signing up", .timeLimit(.minutes(1)))
struct SignUpTests {
    @Test func aPersonSignsUpAndProvesTheNumber() async throws {
        let (api, names) = (try await World.api, Person.Names())
        let user = try await api.expect(201, .post, "/v1/users", names.signUp)
        #expect(user["username"]?.string == names.username)
        #expect(user["phone"]?.string == names.phone)
        #expect(user["email"]?.string == names.email)
        #expect(user["role"]?.string == "customer")
        #expect(user["phone_verified"]?.bool == false)
        #expect(user["password"] == nil)

        let outbox = try await api.expect(
            200, .get, "/sandbox/messages?to=%2B\(names.phone.dropFirst())")
        #expect(outbox.rows.count == 1)
        #expect(outbox.rows.first?["to"]?.string == names.phone)
        #expect(outbox.rows.first?["channel"]?.string == "sms")

        let code = JSON.string(try await api.code(for: names.phone))
        let proof: JSON = ["phone": .string(names.phone), "code": code]
        let verified = try await api.expect(201, .post, "/v1/phone_verifications", proof)
        #expect(verified["phone_verified"]?.bool == true)
        #expect(verified.id == user.id)
        try await api.refused(409, "already_verified", .post, "/v1/phone_verifications", proof)
    }

    @Test(arguments: [
        ("phone", "0712345678", 422, "phone_invalid"),
        ("phone", "+254abc", 422, "phone_invalid"),
        ("username", "ab", 422, "username_invalid"),
        ("username", "1amina", 422, "username_invalid"),
        ("username", "аmina", 422, "username_invalid"),
        ("email", "nobody", 422, "email_invalid"),
        ("password", "short", 422, "password_too_weak"),
        ("password", "password123", 422, "password_too_weak"),
    ])
    func whatIsMalformedIsRefused(
        _ field: String, _ value: String, _ status: Int, _ code: String
    ) async throws {
        let body = Person.Names().signUp.replacing(field, .string(value))
        try await World.api.refused(status, code, .post, "/v1/users", body)
    }

    @Test func aWeakPasswordSaysWhy() async throws {
        let names = Person.Names()
        for (password, reason) in [
            ("short", "too_short"), (String(repeating: "long and ", count: 15), "too_long"),
            ("aaaaaaaaaa", "too_common"), (names.email, "too_personal"),
        ] {
            let body = names.signUp.replacing("password", .string(password))
            let problem = try await World.api.refused(
                422, "password_too_weak", .post, "/v1/users", body)
            #expect(problem["reason"]?.string == reason)
        }
    }

    @Test(arguments: ["phone", "username", "email"])
    func whatIsTakenIsRefused(_ field: String) async throws {
        let (api, first) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", first.signUp)
        let body = Person.Names().signUp.replacing(field, first.signUp[field])
        try await api.refused(409, field + "_taken", .post, "/v1/users", body)
    }

    @Test func namesAreTakenInAnyCaseAndSpelling() async throws {
        let (api, first) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", first.signUp)
        let (phone, other) = (first.phone, Person.Names().signUp)
        let spelt = "\(phone.prefix(4)) \(phone.dropFirst(4).prefix(3))-\(phone.dropFirst(7))"
        for (field, value, code) in [
            ("username", first.username.uppercased(), "username_taken"),
            ("email", first.email.uppercased(), "email_taken"), ("phone", spelt, "phone_taken"),
        ] {
            try await api.refused(
                409, code, .post, "/v1/users", other.replacing(field, .string(value)))
        }
    }

    @Test func oneOfTwinsIsCreated() async throws {
        let (api, names) = (try await World.api, Person.Names())
        let statuses = try await together(8) { _ in
            try await api.reply(.post, "/v1/users", names.signUp).status
        }
        #expect(statuses.sorted() == [201] + Array(repeating: 409, count: 7))
    }

    @Test func aBodyOutOfShapeIsRefused() async throws {
        let (api, signUp) = (try await World.api, Person.Names().signUp)
        for (body, field) in [
            (signUp.replacing("phone", nil), "/phone"),
            (signUp.replacing("phone", 254), "/phone"),
            (signUp.replacing("surprise", true), "/surprise"),
        ] {
            let problem = try await api.refused(400, "invalid_request", .post, "/v1/users", body)
            #expect(problem["field"]?.string == field, "\(problem.text)")
        }
        try await api.refused(400, "invalid_request", .post, "/v1/users")
    }
}

@Suite("One-time codes", .timeLimit(.minutes(1)))
struct CodeTests {
    private let verifications = "/v1/phone_verifications"

    private func wrong(_ code: String) -> JSON { code == "000000" ? "000001" : "000000" }

    @Test func triesAreCountedAndEnd() async throws {
        let (api, names) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let code = try await api.code(for: names.phone)
        let (phone, wrong) = (JSON.string(names.phone), wrong(code))
        for left in [4, 3, 2, 1, 0] as [Int64] {
            let problem = try await api.refused(
                422, "code_incorrect", .post, verifications, ["phone": phone, "code": wrong])
            #expect(problem["tries_left"]?.integer == left)
        }
        // Not even the right code helps now.
        let problem = try await api.refused(
            429, "too_many_attempts", .post, verifications,
            ["phone": phone, "code": .string(code)])
        #expect((1...60).contains(problem["retry_after"]?.integer ?? 0))
        #expect(try await api.logIn(names.username)[at: "user", "phone_verified"]?.bool == false)
    }

    @Test func triesAreCountedUnderConcurrency() async throws {
        let (api, names) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let wrong = wrong(try await api.code(for: names.phone))
        let body: JSON = ["phone": .string(names.phone), "code": wrong]
        let codes = try await together(12) { _ in
            try await api.reply(.post, "/v1/phone_verifications", body).code
        }
        #expect(codes.count { $0 == "code_incorrect" } == 5)
        #expect(codes.count { $0 == "too_many_attempts" } == 7)
    }

    @Test func aStrangersNumberIsNotTold() async throws {
        let (api, phone) = (try await World.api, JSON.string(Person.Names().phone))
        try await api.refused(
            410, "code_expired", .post, verifications, ["phone": phone, "code": "123456"])
        _ = try await api.expect(202, .post, "/v1/phone_codes", ["phone": phone])
        try await api.refused(422, "phone_invalid", .post, "/v1/phone_codes", ["phone": "12"])
        try await api.refused(
            422, "phone_invalid", .post, verifications, ["phone": "12", "code": "123456"])
    }

    @Test func aNewCodeComesOncePerMinute() async throws {
        let (api, names) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let problem = try await api.refused(
            429, "too_many_attempts", .post, "/v1/phone_codes", ["phone": .string(names.phone)])
        #expect((1...60).contains(problem["retry_after"]?.integer ?? 0))
    }

    @Test func nobodyMovesMoneyBeforeTheCode() async throws {
        let api = try await World.api
        let stranger = try await Person.signUp(api, isVerified: false)
        let friend = try await Person.signUp(api, money: 100)
        let body = JSON.send(1, to: friend.username)
        let asked: JSON = ["from": .string(friend.username), "amount": 1, "currency": "KES"]
        for (path, body) in [
            ("/v1/transfers", body), ("/v1/transfers/preview", body), ("/v1/requests", asked),
            ("/v1/holds", .send(1, to: friend.username, expiresIn: 60)),
            ("/sandbox/topups", ["amount": 1, "currency": "KES"]),
        ] {
            try await stranger.refused(403, "phone_not_verified", .post, path, body)
        }
        // The code makes the same session good at once.
        try await api.verify(stranger.phone)
        try await stranger.topUp(500)
        try await stranger.send(1, to: friend)
    }
}

extension JSON {
    /// The same object with one member changed, added, or left out.
    func replacing(_ name: String, _ value: JSON?) -> JSON {
        var changed = JSONObject(object?.members.filter { $0.name != name } ?? [])
        if let value { changed.append(name, value) }
        return .object(changed)
    }
}

/// What `count` tasks at the same time come back with.
func together<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: Value.self) { group in
        for number in 0..<count { group.addTask { try await body(number) } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}
