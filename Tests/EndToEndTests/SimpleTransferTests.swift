import HTTP
import TestSupport
import Testing

/// The simple transfer API as its clients know it: e-mail addresses, and amounts of major units.
@Suite("The simple transfer API, open", .timeLimit(.minutes(1)))
struct SimpleTransferTests {
    private func register(_ api: Api) async throws -> JSON {
        let names = Person.Names()
        return try await api.expect(
            201, .post, "/api/users/register",
            [
                "username": .string(names.username), "email": .string(names.email),
                "password": .string(Person.password),
            ])
    }

    private func transaction(_ sender: JSON, _ receiver: JSON, _ amount: JSON) -> JSON {
        [
            "sender_email": sender["email"] ?? nil, "receiver_email": receiver["email"] ?? nil,
            "amount": amount,
        ]
    }

    private func email(_ user: JSON) -> String { user["email"]?.string ?? "" }

    @Test func aUserRegistersAndIsFound() async throws {
        let api = try await World.terms
        let user = try await register(api)
        #expect(user["balance"]?.decimal == "1000.00")
        #expect(user["password"] == nil)
        #expect(try await api.expect(200, .get, "/api/users/\(user.id)") == user)
        #expect(try await api.expect(200, .get, "/api/users/by-email/\(email(user))") == user)

        let session = try await api.expect(
            200, .post, "/api/users/login",
            ["email": user["email"] ?? nil, "password": .string(Person.password)])
        #expect(session["access_token"]?.string?.isEmpty == false)
        #expect(session["user"] == user)
        try await api.refused(
            401, "credentials_invalid", .post, "/api/users/login",
            ["email": user["email"] ?? nil, "password": "wrong"])
    }

    @Test func registrationIsRefused() async throws {
        let api = try await World.terms
        let (user, names) = (try await register(api), Person.Names())
        let body: JSON = [
            "username": .string(names.username), "email": .string(names.email),
            "password": .string(Person.password),
        ]
        for (field, value, status, code) in [
            ("email", email(user), 409, "email_taken"),
            ("username", user["username"]?.string ?? "", 409, "username_taken"),
            ("email", "nobody", 422, "email_invalid"), ("username", "1", 422, "username_invalid"),
            ("password", "short", 422, "password_too_weak"),
        ] {
            try await api.refused(
                status, code, .post, "/api/users/register", body.replacing(field, .string(value)))
        }
    }

    @Test func moneyMovesByEmail() async throws {
        let api = try await World.terms
        let (sender, receiver) = (try await register(api), try await register(api))
        let line = try await api.expect(
            201, .post, "/api/transactions", transaction(sender, receiver, .decimal("12.50")))
        #expect(line["sender_email"] == sender["email"])
        #expect(line["receiver_email"] == receiver["email"])
        #expect(line["amount"]?.decimal == "12.50")
        #expect(line["status"]?.string == "completed")

        let (sent, received) = (
            try await api.expect(200, .get, "/api/transactions/user/\(sender.id)"),
            try await api.expect(200, .get, "/api/transactions/user/\(receiver.id)")
        )
        #expect(sent.array?.contains(line) == true, "\(sent.text)")
        #expect(received.array?.contains(line) == true)
        let shown = try await api.expect(200, .get, "/api/users/\(receiver.id)")
        #expect(shown["balance"]?.decimal == "1012.50")

        let summary = try await api.expect(200, .get, "/api/reports/users/\(receiver.id)")
        // The demo balance was received too: it is a transfer like any other.
        #expect(summary["total_received"]?.decimal == "1012.50")
        #expect(summary["received_count"]?.integer == 2)
        #expect(summary["sent_count"]?.integer == 0)
    }

    @Test func programsPayAsOftenAsTheyLike() async throws {
        let server = try await World.own([
            "FLORIN_LIMITS": "*.* hour_count=1", "FLORIN_SIMPLE_API": "open",
            "FLORIN_SIMPLE_BALANCE": "1000",
        ])
        let (sender, receiver) = (
            try await register(server.api), try await register(server.api)
        )
        for _ in 0..<3 {
            _ = try await server.api.expect(
                201, .post, "/api/transactions", transaction(sender, receiver, 1))
        }
        try await server.stop()
    }

    @Test func aBalanceIsPostedToAndNeverSet() async throws {
        let api = try await World.terms
        let user = try await register(api)
        let topped = try await api.expect(
            200, .put, "/api/users/\(user.id)/balance", ["amount": .decimal("0.05")])
        #expect(topped["balance"]?.decimal == "1000.05")
        let lines = try await api.expect(200, .get, "/api/transactions/user/\(user.id)")
        #expect(lines.array?.count == 2)
        #expect(lines[0]?["sender_email"]?.string == "florin")
    }

    @Test(arguments: ["0", "-1", "0.001", "1e400", "99999999999999999999"])
    func anAmountThatIsNoneIsRefused(_ amount: String) async throws {
        let api = try await World.terms
        let (sender, receiver) = (try await register(api), try await register(api))
        try await api.refused(
            422, "amount_invalid", .post, "/api/transactions",
            transaction(sender, receiver, .decimal(amount)))
        try await api.refused(
            422, "amount_invalid", .put, "/api/users/\(sender.id)/balance",
            ["amount": .decimal(amount)])
    }

    @Test func refusalsOfATransaction() async throws {
        let api = try await World.terms
        let (sender, receiver) = (try await register(api), try await register(api))
        let path = "/api/transactions"
        let nobody: JSON = ["email": "nobody@example.com"]
        try await api.refused(404, "user_not_found", .post, path, transaction(nobody, receiver, 1))
        try await api.refused(404, "user_not_found", .post, path, transaction(sender, nobody, 1))
        try await api.refused(
            422, "accounts_must_differ", .post, path, transaction(sender, sender, 1))
        let short = try await api.refused(
            409, "insufficient_funds", .post, path, transaction(sender, receiver, 1000))
        #expect(short["available"] != nil)
        try await api.refused(
            400, "invalid_request", .post, path, transaction(sender, receiver, "1"))
        try await api.refused(404, "user_not_found", .get, "/api/users/by-email/nobody@example.com")
        let unknown = "01890000-0000-7000-8000-000000000000"
        for path in ["/api/users/", "/api/transactions/user/", "/api/reports/users/"] {
            try await api.refused(404, "user_not_found", .get, path + unknown)
        }
    }

    @Test func aKeyMakesATransactionOne() async throws {
        let api = try await World.terms
        let (sender, receiver) = (try await register(api), try await register(api))
        let (key, body) = (Api.newKey(), transaction(sender, receiver, 5))
        let first = try await api.expect(201, .post, "/api/transactions", body, key: key)
        let again = try await api.reply(.post, "/api/transactions", body, key: key)
        #expect(again.isReplay)
        #expect(again.json == first)
        // Without one, each request is a payment of its own, as the original has it.
        for _ in 0..<2 { _ = try await api.expect(201, .post, "/api/transactions", body, key: nil) }
        let shown = try await api.expect(200, .get, "/api/users/\(receiver.id)")
        #expect(shown["balance"]?.decimal == "1015.00")
        try await api.refused(
            400, "invalid_request", .post, "/api/transactions", body, key: "two words")
    }

    @Test func daysAreReported() async throws {
        let api = try await World.terms
        let (sender, receiver) = (try await register(api), try await register(api))
        let line = try await api.expect(
            201, .post, "/api/transactions", transaction(sender, receiver, 7))
        let day = String(line["created_at"]?.string?.prefix(10) ?? "")
        let path = "/api/reports/transactions?startDate="
        let report = try await api.expect(200, .get, path + "\(day)&endDate=\(day)")
        #expect(report["transactions"]?.array?.contains(line) == true)
        #expect(report["count"]?.integer == report["transactions"]?.array.map { Int64($0.count) })
        let before = try await api.expect(200, .get, path + "2020-01-01&endDate=2020-12-31")
        #expect(before["count"]?.integer == 0)
        for query in ["2020-02-30&endDate=2020-03-01", "\(day)&endDate=2020-01-01"] {
            try await api.refused(422, "date_invalid", .get, path + query)
        }
        try await api.refused(400, "invalid_request", .get, "/api/reports/transactions")
    }

    @Test func whoHasATelephoneIsNotOpenToEveryone() async throws {
        let api = try await World.terms
        let (person, user) = (
            try await Person.signUp(api, money: 1000), try await register(api)
        )
        let body = transaction(["email": .string(person.email)], user, 1)
        try await api.refused(401, "session_invalid", .post, "/api/transactions", body)
        try await api.refused(401, "session_invalid", .get, "/api/users/\(person.id)")
        try await person.refused(404, "user_not_found", .get, "/api/users/\(user.id)")
        _ = try await person.post("/api/transactions", body)
        #expect(try await person.available() == 1000 - 100 - 20)
    }
}

@Suite("The simple transfer API, with tokens", .timeLimit(.minutes(1)))
struct SimpleAccessTests {
    @Test func onesTokenSpendsOnesMoney() async throws {
        let api = try await World.api
        let (one, two) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let body: JSON = [
            "sender_email": .string(one.email), "receiver_email": .string(two.email),
            "amount": .decimal("2.5"),
        ]
        try await api.refused(401, "session_invalid", .post, "/api/transactions", body)
        try await two.refused(404, "user_not_found", .post, "/api/transactions", body)
        _ = try await one.post("/api/transactions", body)
        #expect(try await two.available() == 250)
        for path in [
            "/api/users/\(one.id)", "/api/users/by-email/\(one.email)",
            "/api/transactions/user/\(one.id)", "/api/reports/users/\(one.id)",
        ] {
            try await api.refused(401, "session_invalid", .get, path)
            try await two.refused(404, "user_not_found", .get, path)
            _ = try await one.get(path)
        }
        let report = "/api/reports/transactions?startDate=2026-01-01&endDate=2026-01-02"
        try await api.refused(401, "session_invalid", .get, report)
        try await one.refused(403, "forbidden", .get, report)
        try await two.refused(
            404, "user_not_found", .put, "/api/users/\(one.id)/balance", ["amount": 1])
    }

    @Test func noDemoBalanceWhereNobodyTurnedItOn() async throws {
        let names = Person.Names()
        let user = try await World.api.expect(
            201, .post, "/api/users/register",
            [
                "username": .string(names.username), "email": .string(names.email),
                "password": .string(Person.password),
            ])
        #expect(user["balance"]?.decimal == "0.00")
    }
}
