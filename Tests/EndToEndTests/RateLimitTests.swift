import HTTP
import Postgres
import TestSupport
import Testing

/// Limits of the running program: what a person sees, and what several processes make of one
/// bucket.
struct RateLimitTests {
    @Test func aPersonIsToldWhatIsLeftAndWhenToComeBack() async throws {
        let server = try await World.own([
            "FLORIN_RATE_LIMITS": "address=1000000/1,account=1000000/1,account.money=3/3600"
        ])
        let payer = try await Person.signUp(server.api)
        let payee = try await Person.signUp(server.api)
        // The top-up is the first change of this hour.
        try await payer.topUp(10_000)
        for left in [1, 0] {
            let reply = try await payer.reply(.post, "/v1/transfers", .send(5, to: payee.username))
            #expect(reply.status == 201)
            let policy = reply.header("RateLimit-Policy")
            #expect(policy == "\"address\";q=1000000;w=1, \"account\";q=3;w=3600")
            #expect(reply.header("RateLimit")?.hasPrefix("\"account\";r=\(left);t=") == true)
        }
        let problem = try await payer.refused(
            429, "rate_limited", .post, "/v1/transfers", .send(5, to: payee.username))
        #expect(problem["scope"]?.string == "account")
        let wait = try #require(problem["retry_after"]?.integer)
        #expect((1...1200).contains(wait))
        // Looking is another class, and another person another bucket.
        #expect(try await payer.available() == 9_990)
        try await payee.send(5, to: payer)
        // What was refused has done nothing, and works later.
        try await server.api.advanceClock(seconds: wait)
        let session = try await server.api.logIn(payer.username)
        let later = try await server.api.reply(
            .post, "/v1/transfers", .send(5, to: payee.username),
            token: session["access_token"]?.string, key: Api.newKey())
        #expect(later.status == 201)
        #expect(try await server.run("audit").ending == .exited(0))
    }

    @Test func aKeyHasABucketOfItsOwn() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database,
            ["FLORIN_RATE_LIMITS": "address=1000000/1,account=1000000/1,key.read=3/3600"])
        let merchant = try await Person.signUp(server.api)
        try database.connection().execute(
            "UPDATE identity.users SET role = 'merchant' WHERE username = \(merchant.username)")
        let login = try await server.api.logIn(merchant.username)
        let token = login["access_token"]?.string
        _ = try await server.api.expect(
            201, .post, "/v1/sessions/current/step_ups",
            ["password": .string(Person.password)], token: token)
        func makeKey() async throws -> String? {
            let made = try await server.api.expect(
                201, .post, "/v1/api_keys", .key(scopes: ["wallets:read"]), token: token)
            return made["key"]?.string
        }
        let (till, stall) = (try await makeKey(), try await makeKey())
        for left in [2, 1, 0] {
            let reply = try await server.api.reply(.get, "/v1/wallets", token: till)
            #expect(reply.status == 200)
            #expect(reply.header("RateLimit")?.hasPrefix("\"key\";r=\(left);t=") == true)
        }
        let problem = try await server.api.refused(
            429, "rate_limited", .get, "/v1/wallets", token: till)
        #expect(problem["scope"]?.string == "key")
        // Another key of the same merchant, and the merchant, go on.
        _ = try await server.api.expect(200, .get, "/v1/wallets", token: stall)
        _ = try await merchant.get("/v1/wallets")
    }

    @Test func guessingFromOneAddressIsSlowedWhoeverIsGuessedAt() async throws {
        let server = try await World.own([
            "FLORIN_RATE_LIMITS": "address=1000000/1,address.authentication=5/3600"
        ])
        for number in 0..<5 {
            _ = try await server.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn("nobody-\(number)"))
        }
        let problem = try await server.api.refused(
            429, "rate_limited", .post, "/v1/sessions", .logIn("somebody"))
        #expect(problem["scope"]?.string == "address")
        _ = try await server.api.expect(200, .get, "/health")
    }

    @Test func twoProcessesShareABucketThroughRedis() async throws {
        let redis = try await TestRedis.start()
        let pair = try await FlorinServer.pair(
            on: TestPostgres.database(),
            [
                "FLORIN_REDIS_URL": redis.socket,
                "FLORIN_RATE_LIMITS": "address=1000000/1,address.authentication=20/3600",
            ])
        var answered = 0
        for number in 0..<60 {
            let reply = try await pair[number % 2].api.reply(
                .post, "/v1/sessions", .logIn("nobody-\(number)"))
            #expect([401, 429].contains(reply.status))
            if reply.status == 401 { answered += 1 }
        }
        // A chunk of twenty is one, and what is under way while another decides is one more.
        #expect((20...24).contains(answered))
        #expect(try await redis.command("DBSIZE").contains("1"))
    }

    @Test func staffWorkFromWhereTheOperatorSays() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database,
            [
                "FLORIN_STAFF_ADDRESSES": "10.0.0.0/8,2001:db8::/32",
                "FLORIN_TRUSTED_PROXIES": "127.0.0.1",
            ], arguments: ["--demo"])
        let session = try await server.api.logIn(
            "otieno", "try-florin-now", onNewDeviceOf: "+254700000005")
        let token = session["access_token"]?.string
        func status(from address: String?) async throws -> Reply {
            try await server.api.reply(
                .get, "/v1/me", token: token,
                headers: address.map { [("X-Forwarded-For", $0)] } ?? [])
        }
        try await status(from: nil).expectProblem(403, "staff_address_not_allowed")
        try await status(from: "192.0.2.1").expectProblem(403, "staff_address_not_allowed")
        try await status(from: "10.1.2.3, 192.0.2.1")
            .expectProblem(403, "staff_address_not_allowed")
        #expect(try await status(from: "10.1.2.3").status == 200)
        #expect(try await status(from: "2001:db8::7").status == 200)
        let customer = try await Person.signUp(server.api)
        #expect(try await customer.get("/v1/me")["role"]?.string == "customer")
    }

    @Test(arguments: [
        ("FLORIN_RATE_LIMITS", "address"), ("FLORIN_RATE_LIMITS", "address.sleep=1/1"),
        ("FLORIN_RATE_LIMITS", "everyone=1/1"), ("FLORIN_RATE_LIMITS", "address=0/1"),
        ("FLORIN_RATE_LIMITS", "address=1/86401"), ("FLORIN_REDIS_URL", "localhost"),
        ("FLORIN_STAFF_ADDRESSES", "office"), ("FLORIN_TRUSTED_PROXIES", "10.0.0.0/33"),
    ])
    func aSettingThatMakesNoSenseKeepsItFromStarting(name: String, value: String) async throws {
        let (program, ending) = try await FlorinServer.run(["serve"], [name: value])
        #expect(ending != .exited(0))
        #expect(program.complaints.contains(name))
    }
}
