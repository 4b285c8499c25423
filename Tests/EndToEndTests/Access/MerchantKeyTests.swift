import HTTP
import Postgres
import TestSupport
import Testing

extension JSON {
    /// The body that makes a key; with scopes that pay it needs a limit, in major units.
    static func key(scopes: [String], paymentMax: Int64? = nil) -> JSON {
        let pays = scopes.contains("transfers:write") || scopes.contains("holds:write")
        return [
            "name": "Till", "scopes": .array(scopes.map { .string($0) }),
            "payment_max": .integer(paymentMax ?? (pays ? 1_000_000 : 0)),
        ]
    }
}

@Suite("Keys of merchants", .timeLimit(.minutes(1)))
struct MerchantKeyTests {
    private struct Shop {
        let servers: [FlorinServer]
        let merchant: Person
        let customer: Person

        var api: Api { servers[0].api }

        /// Two servers of one database, so that a test can see what the other one knows.
        init() async throws {
            let database = try await TestPostgres.database()
            servers = try await FlorinServer.pair(on: database)
            merchant = try await Person.signUp(servers[0].api)
            try database.connection().execute(
                "UPDATE identity.users SET role = 'merchant' WHERE username = \(merchant.username)")
            try await merchant.stepUpByPassword()
            try await merchant.topUp(100_000)
            customer = try await Person.signUp(servers[0].api)
        }

        func pay(_ amount: Int64, key: String) async throws -> Reply {
            try await api.reply(
                .post, "/v1/transfers", .send(amount, to: customer.username), token: key,
                key: Api.newKey())
        }
    }

    @Test func aKeyIsShownOnceAndLetsInForItsScopes() async throws {
        let shop = try await Shop()
        let made = try await shop.merchant.post(
            "/v1/api_keys", .key(scopes: ["transfers:write", "wallets:read"]))
        let key = try #require(made["key"]?.string)
        #expect(key.hasPrefix("florin_sk_test_") && key.utf8.count == 64)
        let hint = made["secrets"]?[0]?["hint"]?.string
        #expect(key.hasPrefix(try #require(hint)) && hint?.utf8.count == 23)

        #expect(try await shop.pay(500, key: key).status == 201)
        let wallets = try await shop.api.expect(200, .get, "/v1/wallets", token: key)
        #expect(wallets.rows[0]["available"]?.integer == 99_500)
        let listed = try await shop.merchant.get("/v1/api_keys").rows
        #expect(listed.map(\.id) == [made.id])
        #expect(listed[0]["key"] == nil && listed[0]["last_used_at"]?.string != nil)

        let refused = try await shop.api.reply(
            .post, "/v1/requests",
            [
                "from": .string(shop.customer.username), "amount": 1,
                "currency": "KES",
            ], token: key)
        refused.expectProblem(403, "insufficient_scope")
        #expect(refused.json["scope"]?.string == "requests:write")
        #expect(
            refused.header("WWW-Authenticate")
                == #"Bearer error="insufficient_scope", scope="requests:write""#)
    }

    @Test func whatIsNoKeyOpensNothing() async throws {
        let shop = try await Shop()
        let made = try await shop.merchant.post(
            "/v1/api_keys", .key(scopes: ["wallets:read"]))
        let key = try #require(made["key"]?.string)
        let others = [
            key + "0", String(key.dropLast()), key.uppercased(),
            key.replacing("_test_", with: "_live_"), "florin_sk_test_",
        ]
        for other in others {
            try await shop.api.refused(401, "session_invalid", .get, "/v1/wallets", token: other)
        }
    }

    @Test func aKeyPaysNoMoreAtOnceThanItWasAllowed() async throws {
        let shop = try await Shop()
        let made = try await shop.merchant.post(
            "/v1/api_keys", .key(scopes: ["transfers:write"], paymentMax: 5))
        let key = try #require(made["key"]?.string)
        #expect(try await shop.pay(500, key: key).status == 201)
        let refused = try await shop.pay(501, key: key)
        refused.expectProblem(409, "limit_exceeded")
        #expect(refused.json["limit"]?.string == "per_key")
        #expect(refused.json["limit_amount"]?.integer == 500)

        let asked = try await shop.customer.post(
            "/v1/requests",
            ["from": .string(shop.merchant.username), "amount": 501, "currency": "KES"])
        try await shop.api.refused(
            409, "limit_exceeded", .post, "/v1/requests/\(asked.id)/acceptances", token: key)
        let batch = try await shop.api.expect(
            200, .post, "/v1/transfer_batches",
            [
                "mode": "independent",
                "transfers": [
                    ["to": .string(shop.customer.username), "amount": 501],
                    ["to": .string(shop.customer.username), "amount": 500],
                ],
            ], token: key)
        #expect(batch["results"]?[0]?["code"]?.string == "limit_exceeded")
        #expect(batch["results"]?[1]?["status"]?.string == "posted")
    }

    @Test func whoPaysHasALimitAndNobodyElse() async throws {
        let shop = try await Shop()
        for body in [
            JSON.key(scopes: ["transfers:write"], paymentMax: 0),
            .key(scopes: ["wallets:read"], paymentMax: 1),
        ] {
            try await shop.merchant.refused(
                422, "key_payment_max_mismatch", .post, "/v1/api_keys", body)
        }
    }

    @Test func aReplacedKeyGoesOnForAWhile() async throws {
        let shop = try await Shop()
        let made = try await shop.merchant.post(
            "/v1/api_keys", .key(scopes: ["transfers:write"]))
        let path = "/v1/api_keys/\(made.id)/rotations"
        let first = try #require(made["key"]?.string)
        let next = try await shop.merchant.post(path, ["overlap_seconds": 600])
        let second = try #require(next["key"]?.string)
        for key in [first, second] { #expect(try await shop.pay(1, key: key).status == 201) }

        try await shop.api.advanceClock(seconds: 601)
        #expect(try await shop.pay(1, key: first).code == "session_invalid")
        #expect(try await shop.pay(1, key: second).status == 201)
    }

    @Test func whoseKeyWillEndIsToldInTimeAndOnce() async throws {
        let shop = try await Shop()
        for (name, days) in [("Till", 60), ("Van", 365), ("Fair", 70)] as [(String, Int64)] {
            let body = JSON.key(scopes: ["wallets:read"]).replacing("name", .string(name))
                .replacing("expires_in", .integer(days * 86_400))
            _ = try await shop.merchant.post("/v1/api_keys", body)
        }
        func told(_ name: String) async throws -> Int {
            try await shop.api.messages(to: shop.merchant.phone)
                .count { $0.contains("The key “\(name)”") && $0.contains("ends on") }
        }
        for (days, name) in [(47, "Till"), (10, "Fair")] as [(Int64, String)] {
            try await shop.api.advanceClock(seconds: days * 86_400)
            while try await told(name) == 0 { try await Task.yieldUnlessCancelled() }
        }
        // By the time of the second one the first was long told, and the third is far.
        #expect(try await told("Till") == 1)
        #expect(try await told("Van") == 0)
    }

    @Test func aRevokedKeyIsOverAtBothServers() async throws {
        let shop = try await Shop()
        let made = try await shop.merchant.post(
            "/v1/api_keys", .key(scopes: ["wallets:read"]))
        let key = try #require(made["key"]?.string)
        for server in shop.servers {
            _ = try await server.api.expect(200, .get, "/v1/wallets", token: key)
        }
        let revoked = try await shop.merchant.reply(.delete, "/v1/api_keys/\(made.id)")
        #expect(revoked.status == 204)
        try await shop.api.refused(401, "session_invalid", .get, "/v1/wallets", token: key)
        // The other server is told by the database, a moment later.
        while try await shop.servers[1].api.reply(.get, "/v1/wallets", token: key).status != 401 {
            try await Task.yieldUnlessCancelled()
        }
        #expect(try await shop.merchant.get("/v1/api_keys").rows.isEmpty)
    }

    @Test func aKeyWorksFromItsAddressesAlone() async throws {
        let shop = try await Shop()
        for (addresses, status) in [(["203.0.113.0/24"], 403), (["127.0.0.0/8", "::1"], 200)] {
            let body = JSON.key(scopes: ["wallets:read"]).replacing(
                "addresses", .array(addresses.map { .string($0) }))
            let key = try await shop.merchant.post("/v1/api_keys", body)["key"]?.string
            let reply = try await shop.api.reply(.get, "/v1/wallets", token: key)
            #expect(reply.status == status)
            #expect(reply.code == (status == 403 ? "key_address_not_allowed" : nil))
        }
        let wrong = JSON.key(scopes: ["wallets:read"]).replacing("addresses", ["10.0.0.0/33"])
        try await shop.merchant.refused(422, "key_addresses_invalid", .post, "/v1/api_keys", wrong)
    }
}
