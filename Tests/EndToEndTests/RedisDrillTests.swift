import HTTP
import Postgres
import TestSupport
import Testing

/// Redis is killed and flushed while people pay. Nothing that must be right is kept there, so
/// nothing that must be right changes.
@Suite("Redis, killed and flushed under load", .serialized, .timeLimit(.minutes(3)))
struct RedisDrillTests {
    private static let payments = 150

    @Test func noMoneyIsLostAndNobodyGetsIn() async throws {
        let world = try await Shared()
        let shutOut = try await ShutOut(world)
        let drill = try await Drill(
            world.api, world.database.settings, people: 8, clients: 24)
        try await shutOut.expectNobodyIn()
        var entries = try await drill.pay(Self.payments) {
            try await world.untilRedis("answers")
        }
        #expect(try await world.redis.command("DBSIZE") != "0\n", "the load never reached Redis")

        entries += try await drill.pay(Self.payments) {
            for _ in 0..<5 {
                try await world.redis.command("FLUSHALL")
                try await shutOut.expectNobodyIn()
            }
        }
        entries += try await drill.pay(Self.payments) {
            try await world.redis.crash()
            try await world.untilRedis("away")
            try await shutOut.expectNobodyIn()
            await drill.gate.waitForMore(Self.payments)
            try await world.redis.restart()
            try await world.untilRedis("answers")
            try await shutOut.expectNobodyIn()
            await drill.gate.waitForMore(Self.payments)
        }
        #expect(try await world.redis.command("DBSIZE") != "0\n", "what was lost is not told anew")

        var figures = Drill.Figures()
        try await drill.settle(entries, into: &figures)
        // Nobody was kept waiting for want of Redis: each had an answer.
        #expect(figures.openAndDone + figures.openAndNotDone == 0, "\(figures.words)")
        #expect(figures.posted > 4 * Self.payments, "\(figures.words)")
        try await world.expectToldOnce()
        let audit = try await world.servers[0].run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
    }

    @Test func whoHasSpentAllIsStillRefusedByTheProcessThatKnowsIt() async throws {
        let world = try await Shared(["FLORIN_CODE_LIMITS": "phone=1/7200"])
        let names = Person.Names()
        func ask() async throws -> Reply {
            try await world.api.reply(.post, "/v1/phone_codes", ["phone": .string(names.phone)])
        }
        #expect(try await ask().status == 202)
        for _ in 0..<2 {
            try await world.redis.command("FLUSHALL")
            try await ask().expectProblem(429, "too_many_attempts")
        }
        try await world.redis.crash()
        try await ask().expectProblem(429, "too_many_attempts")
        // Another number is counted in memory meanwhile.
        let other = Person.Names().phone
        let reply = try await world.api.reply(
            .post, "/v1/phone_codes", ["phone": .string(other)])
        #expect(reply.status == 202)
        try await world.api.refused(
            429, "too_many_attempts", .post, "/v1/phone_codes", ["phone": .string(other)])
        try await world.redis.restart()
        try await world.untilRedis("answers")
        // What memory knew goes along with the next question.
        try await ask().expectProblem(429, "too_many_attempts")
        #expect(try await world.redis.command("DBSIZE") == "0\n")
    }
}

/// Two servers of one database and one Redis.
private struct Shared: Sendable {
    let redis: TestRedis
    let database: TestDatabase
    let servers: [FlorinServer]

    var api: Api { servers[0].api }

    init(_ settings: [String: String] = [:]) async throws {
        redis = try await TestRedis.start()
        database = try await TestPostgres.database()
        let common = [
            "FLORIN_REDIS_URL": redis.socket,
            // Each 32nd request is told to Redis, which remembers it for longer than the load.
            "FLORIN_RATE_LIMITS": "address=100000/1,account=1024/600",
        ]
        servers = try await FlorinServer.pair(
            on: database, common.merging(settings) { _, own in own })
    }

    func untilRedis(_ state: String) async throws {
        for server in servers {
            while try await server.api.expect(200, .get, "/health/ready")["redis"]?.string != state
            {
                try await Task.yieldUnlessCancelled()
            }
        }
    }

    func advanceClocks(seconds: Int64) async throws {
        for server in servers { try await server.api.advanceClock(seconds: seconds) }
    }

    func expectToldOnce() async throws {
        for server in servers {
            try await server.current.logLine(containing: "redis_away")
            try await server.current.logLine(containing: "redis_back")
            let lines =
                server.current.output.split(separator: "\n")
                + server.current.complaints.split(separator: "\n")
            #expect(lines.filter { $0.contains("redis_away") }.count == 1)
            #expect(lines.filter { $0.contains("redis_back") }.count == 1)
        }
    }
}

/// All whom something keeps out: whatever happens to Redis, they stay out, everywhere.
private struct ShutOut: Sendable {
    let world: Shared
    /// Knows the password, after too many who did not.
    let guessedAt: Person
    /// Knows the PIN, after too many who did not.
    let pinGuessedAt: Person
    let loggedOut: Person
    let revokedKey: String

    init(_ world: Shared) async throws {
        self.world = world
        let api = world.api
        guessedAt = try await Person.signUp(api)
        pinGuessedAt = try await Person.signUp(api)
        try await pinGuessedAt.setPin()
        loggedOut = try await Person.signUp(api)
        revokedKey = try await Self.revokedKey(world)
        try await guess()
        let out = try await loggedOut.reply(.delete, "/v1/sessions/current")
        try #require(out.status == 204)
    }

    /// Guesses until nobody may for longer than the drill takes.
    private func guess() async throws {
        let lockSeconds: Int64 = 400
        while true {
            let password = try await world.api.reply(
                .post, "/v1/sessions", .logIn(guessedAt.username, "not the password"))
            let pin = try await pinGuessedAt.reply(.post, Self.stepUps, ["pin": "260597"])
            guard let wait = password.json["retry_after"]?.integer,
                let pinWait = pin.json["retry_after"]?.integer
            else { continue }
            if min(wait, pinWait) > lockSeconds { return }
            try await world.advanceClocks(seconds: max(wait, pinWait))
        }
    }

    private static let stepUps = "/v1/sessions/current/step_ups"

    private static func revokedKey(_ world: Shared) async throws -> String {
        let merchant = try await Person.signUp(world.api)
        try world.database.connection().execute(
            "UPDATE identity.users SET role = 'merchant' WHERE username = \(merchant.username)")
        let token = try await world.api.logIn(merchant.username)["access_token"]?.string
        _ = try await world.api.expect(
            201, .post, Self.stepUps, ["password": .string(Person.password)], token: token)
        let key = try await world.api.expect(
            201, .post, "/v1/api_keys", .key(scopes: ["wallets:read"]), token: token)
        let text = try #require(key["key"]?.string)
        for server in world.servers {
            _ = try await server.api.expect(200, .get, "/v1/wallets", token: text)
        }
        let revoked = try await world.api.reply(.delete, "/v1/api_keys/\(key.id)", token: token)
        try #require(revoked.status == 204)
        // What was committed is told to the other process, which may need a moment to hear it.
        while try await world.servers[1].api.reply(.get, "/v1/wallets", token: text).status == 200 {
            try await Task.yieldUnlessCancelled()
        }
        return text
    }

    func expectNobodyIn() async throws {
        for server in world.servers {
            let api = server.api
            try await api.refused(
                429, "too_many_attempts", .post, "/v1/sessions", .logIn(guessedAt.username))
            try await api.refused(
                429, "too_many_attempts", .post, Self.stepUps, ["pin": .string(PinTests.pin)],
                token: pinGuessedAt.token)
            try await api.refused(
                401, "session_invalid", .get, "/v1/me", token: loggedOut.token)
            try await api.refused(
                401, "refresh_token_invalid", .post, "/v1/sessions/refresh",
                ["refresh_token": .string(loggedOut.refreshToken)])
            try await api.refused(401, "session_invalid", .get, "/v1/wallets", token: revokedKey)
        }
    }
}
