import HTTP
import Testing

/// More than was asked for, in bodies, queries and headers.
@Suite("Abuse: too many fields", .timeLimit(.minutes(2)))
struct MassAssignmentTests {
    private static let place = Task { try await Neighbourhood() }

    /// What people would like to be or to have.
    private static let wishes: [(String, JSON)] = [
        ("role", "admin"), ("plan", "PREMIUM"), ("kyc_tier", 2), ("phone_verified", true),
        ("is_admin", true), ("user_id", "01912d68-783e-7a03-8467-5661c1243ad4"), ("fee", 0),
        ("balance", 1_000_000), ("__proto__", ["role": "admin"]), ("id", "x"), ("Role", "admin"),
    ]

    /// Each route with a body, called by somebody who may, with a body that is good but for one
    /// field.
    @Test func everyBodyIsHeldToItsFields() async throws {
        let place = try await Self.place.value
        var tried = 0
        // The simple transfer API passes over what it does not know, as its clients expect.
        for row in AccessTable.rows where !row.operation.contains(" /api/") {
            guard let body = try await row.body?(place) else { continue }
            let who = Who.all.first { row.door.refusal(of: $0) == nil }
            let token = who.flatMap { place.token(of: $0) }
            for (name, wish) in Self.wishes where body[name] == nil {
                // In a sandbox everybody chooses where they stand.
                if row.operation == "PUT /sandbox/standing", name == "kyc_tier" { continue }
                let reply = try await place.api.reply(
                    row.method, try await row.target(in: place), body.replacing(name, wish),
                    token: token, key: Api.newKey())
                // A file is no body of fields.
                if reply.code == "unsupported_media_type" { break }
                guard reply.json["field"]?.string != "/" + name else {
                    reply.expectProblem(400, "invalid_request")
                    tried += 1
                    continue
                }
                #expect(
                    Bool(false), "\(row.operation) took \(name): \(reply.status) \(reply.text)")
            }
        }
        #expect(tried > 100)
    }

    /// The open routes, which have no rows with bodies.
    @Test(
        arguments: [
            ("/v1/phone_verifications", ["phone": "+254712000111", "code": "123456"]),
            ("/v1/phone_codes", ["phone": "+254712000111"]),
            ("/v1/sessions", ["login": "x", "password": "y"]),
            ("/v1/sessions/refresh", ["refresh_token": "x"]),
            ("/v1/password_resets", ["to": "+254712000111"]),
        ] as [(String, JSON)])
    func openBodiesToo(_ path: String, _ body: JSON) async throws {
        let api = try await Self.place.value.api
        for (name, wish) in Self.wishes {
            let problem = try await api.refused(
                400, "invalid_request", .post, path, body.replacing(name, wish))
            #expect(problem["field"]?.string == "/" + name)
        }
    }

    @Test func whoSignsUpIsACustomerAndNobodyElse() async throws {
        let api = try await Self.place.value.api
        for (name, wish) in Self.wishes {
            let names = Person.Names()
            let problem = try await api.refused(
                400, "invalid_request", .post, "/v1/users", names.signUp.replacing(name, wish))
            #expect(problem["field"]?.string == "/" + name)
            #expect(problem["reason"]?.string == "is not a known field")
            try await api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn(names.username))
        }
        let person = try await Person.signUp(api)
        let me = try await person.get("/v1/me")
        #expect(me["role"]?.string == "customer")
    }

    @Test func whatTheSimpleApiPassesOverMakesNobodyMore() async throws {
        let api = try await World.terms
        let names = Person.Names()
        var body = names.signUp.replacing("phone", nil)
        for (name, wish) in Self.wishes { body = body.replacing(name, wish) }
        let user = try await api.expect(201, .post, "/api/users/register", body)
        #expect(user["balance"]?.decimal == "1000.00")
        #expect(user.id != "x")
        let session = try await api.expect(
            200, .post, "/api/users/login",
            ["email": .string(names.email), "password": .string(Person.password)])
        let token = session["access_token"]?.string
        let me = try await api.expect(200, .get, "/v1/me", token: token)
        #expect(me["role"]?.string == "customer")
        try await api.refused(403, "forbidden", .get, "/v1/audit_acts", token: token)
    }

    /// Headers by which some servers let themselves be told who is there, or what is meant.
    @Test func headersMakeNobodyElse() async throws {
        let place = try await Self.place.value
        let customer = try #require(place.person(.person(role: "customer")))
        for header in [
            ("X-User-Id", place.owner.id), ("X-Role", "admin"), ("X-Forwarded-User", "admin"),
            ("X-Remote-User", "admin"), ("X-Original-URL", "/v1/audit_acts"),
            ("X-Rewrite-URL", "/v1/audit_acts"), ("X-HTTP-Method-Override", "DELETE"),
            ("X-Method-Override", "DELETE"), ("X-Forwarded-Host", "evil.example"),
        ] {
            let me = try await customer.api.reply(
                .get, "/v1/me", token: customer.token, headers: [header])
            #expect(me.status == 200 && me.json.id == customer.id, "\(header.0)")
            let acts = try await customer.api.reply(
                .get, "/v1/audit_acts", token: customer.token, headers: [header])
            acts.expectProblem(403, "forbidden")
            #expect(!me.text.contains("evil.example"))
        }
    }

    /// The same parameter twice would be read by two programs in two ways.
    @Test func nothingComesTwice() async throws {
        let customer = try await Person.signUp(Self.place.value.api, money: 100)
        let wallet = try await customer.wallet().id
        for query in ["limit=1&limit=200", "cursor=a&cursor=b"] {
            let problem = try await customer.refused(
                400, "invalid_request", .get, "/v1/wallets/\(wallet)/entries?\(query)")
            #expect(problem["reason"]?.string == "must come only once")
        }
        let friend = try await Person.signUp(customer.api)
        let twice = try await customer.api.reply(
            .post, "/v1/transfers", .send(1, to: friend.username), token: customer.token,
            key: "one", headers: [("Idempotency-Key", "two")])
        twice.expectProblem(400, "invalid_request")
        let tokens = try await customer.api.reply(
            .get, "/v1/me", token: customer.token,
            headers: [("Authorization", "Bearer " + friend.token)])
        tokens.expectProblem(401, "session_invalid")
    }
}
