import Cryptography
import FlorinClient
import HTTP
import Postgres
import TestSupport
import Testing

/// Tokens for the programs of merchants: RFC 6749 §4.4, RFC 6750, RFC 8414.
@Suite("OAuth 2 for programs", .timeLimit(.minutes(1)))
struct OAuthTests {
    /// A merchant whose key is a client, at two servers of one database.
    private struct Shop: Sendable {
        let database: TestDatabase
        let servers: [FlorinServer]
        let merchant: Person
        let client: String
        let secret: String

        var api: Api { servers[0].api }

        init(
            scopes: [String] = ["transfers:write", "wallets:read"],
            _ settings: [String: String] = [:], _ more: [(String, JSON)] = []
        ) async throws {
            database = try await TestPostgres.database()
            servers = try await FlorinServer.pair(on: database, settings)
            merchant = try await Person.signUp(servers[0].api)
            try database.connection().execute(
                "UPDATE identity.users SET role = 'merchant' WHERE username = \(merchant.username)")
            try await merchant.topUp(100_000)
            try await merchant.stepUpByPassword()
            let body = more.reduce(JSON.key(scopes: scopes)) { $0.replacing($1.0, $1.1) }
            let made = try await merchant.post("/v1/api_keys", body)
            (client, secret) = (made.id, made["key"]?.string ?? "")
        }

        func ask(_ fields: String = "", at server: Int = 0) async throws -> Reply {
            try await servers[server].api.form(
                "/oauth/token",
                "grant_type=client_credentials&client_id=\(client)&client_secret=\(secret)"
                    + fields)
        }

        func token(_ fields: String = "") async throws -> String {
            let reply = try await ask(fields)
            try #require(reply.status == 200, "\(reply.text)")
            return reply.json["access_token"]?.string ?? ""
        }

        func basic(_ client: String, _ secret: String) -> [(String, String)] {
            [("Authorization", "Basic " + Base64.encode(Array("\(client):\(secret)".utf8)))]
        }
    }

    private static func expectError(
        _ reply: Reply, _ code: String, _ status: Int = 400,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(reply.status == status, "\(reply.text)", sourceLocation: location)
        #expect(reply.json["error"]?.string == code, "\(reply.text)", sourceLocation: location)
        #expect(
            reply.json["error_description"]?.string?.isEmpty == false, sourceLocation: location)
        #expect(reply.header("Content-Type") == "application/json", sourceLocation: location)
        #expect(reply.header("Cache-Control") == "no-store", sourceLocation: location)
        #expect(reply.header("Pragma") == "no-cache", sourceLocation: location)
    }

    @Test func aTokenLetsInAtEveryServerForWhatItWasGiven() async throws {
        let shop = try await Shop()
        let reply = try await shop.ask()
        #expect(reply.status == 200)
        #expect(reply.json["token_type"]?.string == "Bearer")
        #expect(reply.json["expires_in"]?.integer == 600)
        #expect(reply.json["scope"]?.string == "wallets:read transfers:write")
        #expect(reply.header("Cache-Control") == "no-store")
        #expect(reply.header("Pragma") == "no-cache")
        let token = reply.json["access_token"]?.string
        for server in shop.servers {
            _ = try await server.api.expect(200, .get, "/v1/wallets", token: token)
            let friend = try await Person.signUp(server.api)
            _ = try await server.api.expect(
                201, .post, "/v1/transfers", .send(500, to: friend.username), token: token)
        }
        let refused = try await shop.api.reply(.get, "/v1/requests", token: token)
        refused.expectProblem(403, "insufficient_scope")
        #expect(
            refused.header("WWW-Authenticate")
                == #"Bearer error="insufficient_scope", scope="requests:read""#)
        // A program is not the merchant.
        try await shop.api.refused(403, "forbidden", .get, "/v1/api_keys", token: token)
        try await shop.api.refused(403, "forbidden", .get, "/v1/me", token: token)
    }

    @Test func aTokenMayHaveSomeOfTheScopes() async throws {
        let shop = try await Shop()
        let token = try await shop.token("&scope=wallets%3Aread")
        _ = try await shop.api.expect(200, .get, "/v1/wallets", token: token)
        try await shop.api.refused(
            403, "insufficient_scope", .post, "/v1/transfers",
            .send(1, to: shop.merchant.username), token: token)
        for scope in ["requests:read", "everything", "wallets:read++transfers:write"] {
            Self.expectError(try await shop.ask("&scope=\(scope)"), "invalid_scope")
        }
    }

    @Test func credentialsComeInTheHeaderOrInTheForm() async throws {
        let shop = try await Shop()
        let grant = "grant_type=client_credentials"
        for (fields, headers) in [
            (grant, shop.basic(shop.client, shop.secret)),
            (grant + "&client_id=\(shop.client)", shop.basic(shop.client, shop.secret)),
            // Both halves are spelt as forms spell them.
            (grant, shop.basic(shop.client.replacing("-", with: "%2D"), shop.secret)),
            (grant + "&client_id=\(shop.client)&client_secret=\(shop.secret)&unknown=1", []),
        ] {
            let reply = try await shop.api.form("/oauth/token", fields, headers: headers)
            #expect(reply.status == 200, "\(reply.text)")
        }
        let other = "00000000-0000-7000-8000-000000000000"
        for (fields, headers) in [
            (grant + "&client_secret=\(shop.secret)", shop.basic(shop.client, shop.secret)),
            (grant + "&client_id=\(other)", shop.basic(shop.client, shop.secret)),
        ] {
            Self.expectError(
                try await shop.api.form("/oauth/token", fields, headers: headers),
                "invalid_request")
        }
    }

    @Test func whoIsNoClientLearnsNothing() async throws {
        let shop = try await Shop()
        let other = "00000000-0000-7000-8000-000000000000"
        var descriptions: Set<String> = []
        for (client, secret) in [
            (other, shop.secret), (shop.client, String(shop.secret.dropLast())),
            (shop.client, shop.merchant.token), (shop.client, ""), ("", shop.secret),
            (other, "x"), ("client", "secret"),
        ] {
            let grant = "grant_type=client_credentials"
            let inForm = try await shop.api.form(
                "/oauth/token", grant + "&client_id=\(client)&client_secret=\(secret)")
            Self.expectError(inForm, "invalid_client", 401)
            #expect(inForm.header("WWW-Authenticate") == nil)
            let inHeader = try await shop.api.form(
                "/oauth/token", grant, headers: shop.basic(client, secret))
            Self.expectError(inHeader, "invalid_client", 401)
            #expect(inHeader.header("WWW-Authenticate") == #"Basic realm="florin""#)
            descriptions.insert(inForm.json["error_description"]?.string ?? "")
        }
        #expect(descriptions.count == 1)
        for header in ["Basic", "Basic !", "Basic YQ", "Basic YQ==", "Bearer \(shop.secret)"] {
            Self.expectError(
                try await shop.api.form(
                    "/oauth/token", "grant_type=client_credentials",
                    headers: [("Authorization", header)]), "invalid_client", 401)
        }
    }

    @Test func whatIsNoRequestForATokenIsRefusedInTheWordsOfOAuth() async throws {
        let shop = try await Shop()
        let who = "client_id=\(shop.client)&client_secret=\(shop.secret)"
        for (body, code) in [
            (who, "invalid_request"), ("grant_type=&" + who, "invalid_request"),
            ("grant_type=password&" + who, "unsupported_grant_type"),
            ("grant_type=authorization_code&code=1&" + who, "unsupported_grant_type"),
            (
                "grant_type=client_credentials&grant_type=client_credentials&" + who,
                "invalid_request"
            ),
            ("grant_type=client_credentials%&" + who, "invalid_request"),
            ("grant_type=client_credentials%FF&" + who, "invalid_request"),
        ] {
            Self.expectError(try await shop.api.form("/oauth/token", body), code)
        }
        Self.expectError(
            try await shop.api.form(
                "/oauth/token", "{\"grant_type\":\"client_credentials\"}",
                type: "application/json"), "invalid_request")
    }

    /// Clients of the standard read `error`; programs of ours read what they read everywhere.
    @Test func whatRefusesBeforeTheEndpointSpeaksBothLanguages() async throws {
        let api = try await World.own(["FLORIN_RATE_LIMITS": "address.authentication=2/3600"]).api
        let long =
            "grant_type=client_credentials&client_id=" + String(repeating: "a", count: 2_000_000)
        let large = try await api.form("/oauth/token", long)
        Self.expectError(large, "invalid_request", 413)
        #expect(large.code == "content_too_large")
        #expect(large.json["bytes_max"]?.integer ?? 0 > 0)
        let other = try await api.form(
            "/oauth/token", "grant_type=client_credentials", headers: [("Accept", "text/html")])
        Self.expectError(other, "invalid_request", 406)
        #expect(other.code == "not_acceptable")
        Self.expectError(try await api.form("/oauth/token", "grant_type="), "invalid_client", 401)
        let often = try await api.form("/oauth/token", "grant_type=")
        Self.expectError(often, "temporarily_unavailable", 429)
        #expect(often.code == "rate_limited")
        #expect(often.json["status"]?.integer == 429)
        #expect(often.json["request_id"]?.string == often.header("X-Request-Id"))
        #expect(often.header("Retry-After") == often.json["retry_after"]?.integer.map { "\($0)" })
        #expect(often.header("Retry-After") != nil)
    }

    @Test func aTokenEndsWithItsKeyAndWithItsSecretEverywhere() async throws {
        let shop = try await Shop()
        let (first, second) = (try await shop.token(), try await shop.token())
        func untilDead(_ token: String) async throws {
            for server in shop.servers {
                // What was committed is told to the other process, which may need a moment.
                var reply = try await server.api.reply(.get, "/v1/wallets", token: token)
                while reply.status == 200 {
                    try await Task.yieldUnlessCancelled()
                    reply = try await server.api.reply(.get, "/v1/wallets", token: token)
                }
                #expect(reply.status == 401)
                #expect(reply.code == "session_invalid")
                #expect(
                    reply.header("WWW-Authenticate") == #"Bearer error="invalid_token""#)
            }
        }
        for server in shop.servers {
            _ = try await server.api.expect(200, .get, "/v1/wallets", token: first)
        }
        let path = "/v1/api_keys/\(shop.client)"
        let rotated = try await shop.merchant.post(
            path + "/rotations", ["overlap_seconds": 0])
        try await untilDead(first)
        try await untilDead(second)
        Self.expectError(try await shop.ask(), "invalid_client", 401)
        let next = try await shop.api.form(
            "/oauth/token",
            "grant_type=client_credentials&client_id=\(shop.client)"
                + "&client_secret=\(rotated["key"]?.string ?? "")")
        let third = try #require(next.json["access_token"]?.string)
        for server in shop.servers {
            _ = try await server.api.expect(200, .get, "/v1/wallets", token: third)
        }
        #expect(try await shop.merchant.reply(.delete, path).status == 204)
        try await untilDead(third)
    }

    @Test func aTokenEndsByItself() async throws {
        let shop = try await Shop()
        let token = try await shop.token()
        try await shop.api.advanceClock(seconds: 599)
        _ = try await shop.api.expect(200, .get, "/v1/wallets", token: token)
        try await shop.api.advanceClock(seconds: 1)
        #expect(try await shop.api.reply(.get, "/v1/wallets", token: token).status == 401)
    }

    /// A person's token is no client's and the reverse, whatever of it is exchanged.
    @Test func oneKindOfTokenNeverPassesForTheOther() async throws {
        let shop = try await Shop()
        let token = try await shop.token()
        let (person, program) = (
            shop.merchant.token.split(separator: "."), token.split(separator: ".")
        )
        #expect(person[0] != program[0])
        for parts in [
            [person[0], program[1], program[2]], [program[0], person[1], person[2]],
            [program[0], program[1], person[2]], [person[0], person[1], program[2]],
            [program[0], program[1], ""], ["", program[1], program[2]],
        ] {
            let forged = parts.joined(separator: ".")
            for path in ["/v1/wallets", "/v1/me"] {
                let reply = try await shop.api.reply(.get, path, token: forged)
                #expect(reply.status == 401, "\(forged)")
            }
        }
        // A session is no secret of a client, and a token none either.
        Self.expectError(
            try await shop.api.form(
                "/oauth/token",
                "grant_type=client_credentials&client_id=\(shop.client)&client_secret=\(token)"),
            "invalid_client", 401)
    }

    @Test func aKeyForOtherAddressesGivesNoToken() async throws {
        let shop = try await Shop(
            scopes: ["wallets:read"], ["FLORIN_TRUSTED_PROXIES": "127.0.0.1"],
            [("addresses", ["192.0.2.0/24"])])
        Self.expectError(try await shop.ask(), "invalid_client", 401)
        let from = [("X-Forwarded-For", "192.0.2.7")]
        let given = try await shop.api.form(
            "/oauth/token",
            "grant_type=client_credentials&client_id=\(shop.client)"
                + "&client_secret=\(shop.secret)", headers: from)
        #expect(given.status == 200)
        let token = given.json["access_token"]?.string
        #expect(
            try await shop.api.reply(.get, "/v1/wallets", token: token, headers: from).status
                == 200)
        try await shop.api.refused(
            403, "key_address_not_allowed", .get, "/v1/wallets", token: token)
    }

    @Test func tokensAreCountedAgainstTheirKeyAndInTheLog() async throws {
        let shop = try await Shop(
            scopes: ["wallets:read"],
            ["FLORIN_RATE_LIMITS": "address=1000000/1,account=1000000/1,key=2/3600"])
        let token = try await shop.token()
        _ = try await shop.token()
        let refused = try await shop.ask()
        Self.expectError(refused, "temporarily_unavailable", 429)
        #expect(refused.code == "rate_limited")
        #expect(
            refused.header("Retry-After") == refused.json["retry_after"]?.integer.map { "\($0)" })
        for _ in 0..<2 { _ = try await shop.api.expect(200, .get, "/v1/wallets", token: token) }
        // The key and its tokens draw from one bucket.
        for text in [token, shop.secret] {
            try await shop.api.refused(429, "rate_limited", .get, "/v1/wallets", token: text)
        }
        let acts = try await shop.merchant.get("/v1/me/acts").rows
        #expect(acts.filter { $0["kind"]?.string == "client_token_given" }.count == 2)
    }

    @Test func theServerSaysWhereTokensAre() async throws {
        let api = try await World.own(["FLORIN_WEB_ORIGIN": "https://wallet.example"]).api
        let path = "/.well-known/oauth-authorization-server"
        let metadata = try await api.expect(200, .get, path)
        #expect(metadata["issuer"]?.string == "https://wallet.example")
        #expect(metadata["token_endpoint"]?.string == "https://wallet.example/oauth/token")
        #expect(
            metadata["jwks_uri"]?.string == "https://wallet.example/.well-known/jwks.json")
        #expect(metadata["grant_types_supported"] == ["client_credentials"])
        #expect(
            metadata["token_endpoint_auth_methods_supported"]
                == ["client_secret_basic", "client_secret_post"])
        #expect(metadata["scopes_supported"]?.array?.count == 7)

        let document = try await api.expect(200, .get, "/openapi.json")
        let form = document[at: "paths", "/oauth/token", "post", "requestBody", "content"]
        #expect(form?["application/x-www-form-urlencoded"] != nil)
        let scheme = document[at: "components", "securitySchemes", "client", "flows"]
        #expect(scheme?[at: "clientCredentials", "tokenUrl"]?.string == "/oauth/token")
    }
}
