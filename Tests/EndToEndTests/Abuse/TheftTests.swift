import HTTP
import TestSupport
import Testing

/// What a thief has of tokens, and what an attacker has of planting some.
///
/// One test at a time moves the clocks of both processes.
@Suite("Abuse: stolen and planted tokens", .serialized, .timeLimit(.minutes(1)))
struct TheftTests {
    private static let pair = Task { try await FlorinServer.pair(on: TestPostgres.database()) }
    private static let refresh = "/v1/sessions/refresh"

    private static func renewed(_ api: Api, _ token: String) async throws -> Reply {
        try await api.reply(.post, refresh, ["refresh_token": .string(token)])
    }

    /// A lost answer may be asked for again at once, by tabs and by trains in tunnels. Not so late.
    private static func wait(_ servers: [FlorinServer]) async throws {
        for server in servers { try await server.api.advanceClock(seconds: 31) }
    }

    /// The thief is first, at one process; the owner comes later, at the other one.
    @Test func aStolenRefreshTokenIsFoundOutByItsOwner() async throws {
        let servers = try await Self.pair.value
        let owner = try await Person.signUp(servers[0].api)
        let loot = try await Self.renewed(servers[0].api, owner.refreshToken)
        #expect(loot.status == 201)
        var chain = [loot.json["refresh_token"]?.string ?? ""]
        for _ in 0..<2 {
            let next = try await Self.renewed(servers[0].api, chain[chain.count - 1])
            chain.append(next.json["refresh_token"]?.string ?? "")
        }
        let access = try #require(loot.json["access_token"]?.string)
        _ = try await servers[1].api.expect(200, .get, "/v1/me", token: access)

        try await Self.wait(servers)
        (try await Self.renewed(servers[1].api, owner.refreshToken))
            .expectProblem(401, "refresh_token_invalid")
        // Everything that came of it is over, everywhere and at once.
        for token in chain {
            (try await Self.renewed(servers[0].api, token))
                .expectProblem(401, "refresh_token_invalid")
        }
        try await servers[1].api.refused(401, "session_invalid", .get, "/v1/me", token: access)
        try await eventually("the other process forgets it") {
            try await servers[0].api.reply(.get, "/v1/me", token: access).status == 401
        }
        _ = try await servers[0].api.logIn(owner.username)
    }

    /// The owner is first, and the thief gives himself away.
    @Test func aThiefWhoComesLateEndsTheSessionHeWanted() async throws {
        let servers = try await Self.pair.value
        let api = servers[0].api
        let owner = try await Person.signUp(api)
        let next = try await Self.renewed(api, owner.refreshToken)
        let (access, refreshToken) = (
            next.json["access_token"]?.string, next.json["refresh_token"]?.string ?? ""
        )
        try await Self.wait(servers)
        (try await Self.renewed(api, owner.refreshToken))
            .expectProblem(401, "refresh_token_invalid")
        try await api.refused(401, "session_invalid", .get, "/v1/me", token: access)
        (try await Self.renewed(api, refreshToken)).expectProblem(401, "refresh_token_invalid")
    }

    @Test func manyAtOnceGetOneTokenAtMostAndNoneOfThemKeepsIt() async throws {
        let servers = try await Self.pair.value
        let owner = try await Person.signUp(servers[0].api)
        let replies = try await together(8) { number in
            try await Self.renewed(servers[number % 2].api, owner.refreshToken)
        }
        let given = Set(replies.compactMap { $0.json["refresh_token"]?.string })
        #expect(given.count == 1)
        #expect(replies.allSatisfy { $0.status == 201 || $0.code == "refresh_token_invalid" })
        try await Self.wait(servers)
        (try await Self.renewed(servers[1].api, owner.refreshToken))
            .expectProblem(401, "refresh_token_invalid")
        for token in given {
            (try await Self.renewed(servers[0].api, token))
                .expectProblem(401, "refresh_token_invalid")
        }
    }

    /// Session fixation: a session is what the server makes at the log-in, whatever came with it.
    @Test func aPlantedTokenIsNotTheOneThatIsGivenOut() async throws {
        let api = try await Self.pair.value[0].api
        let (attacker, victim) = (try await Person.signUp(api), try await Person.signUp(api))
        let reply = try await api.reply(
            .post, "/v1/sessions", .logIn(victim.username), token: attacker.token,
            headers: [
                ("Cookie", "session=\(attacker.token); __Host-florin=\(attacker.refreshToken)"),
                ("X-Session-Id", "fixed"),
            ])
        #expect(reply.status == 201, "\(reply.text)")
        let given = [reply.json["access_token"]?.string, reply.json["refresh_token"]?.string]
        for planted in [attacker.token, attacker.refreshToken, victim.token, victim.refreshToken] {
            #expect(!given.contains(planted))
        }
        // What was planted is still the attacker's own and shows nothing of the victim.
        #expect(try await attacker.get("/v1/me").id == attacker.id)
        for field in ["session_id", "access_token", "refresh_token", "session"] {
            let body = JSON.logIn(victim.username).replacing(field, .string(attacker.token))
            let problem = try await api.refused(
                400, "invalid_request", .post, "/v1/sessions", body)
            #expect(problem["field"]?.string == "/" + field)
        }
    }

    /// Whoever has the password alone stands before the second step and holds nothing that opens.
    @Test func aHalfOpenLogInOpensNothing() async throws {
        let api = try await Self.pair.value[0].api
        let owner = try await Person.signUp(api)
        let asked = try await api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(owner.username, isNewDevice: true))
        let challenge = try #require(asked["challenge"]?.string)
        #expect(asked["access_token"] == nil && asked["user"] == nil && asked["id"] == nil)
        for path in ["/v1/me", "/v1/wallets", "/v1/me/acts"] {
            try await api.refused(401, "session_invalid", .get, path, token: challenge)
        }
        (try await Self.renewed(api, challenge)).expectProblem(401, "refresh_token_invalid")
        // The thief's own code, to the thief's own telephone, is none for this.
        let thief = try await Person.signUp(api)
        _ = try await api.expect(202, .post, "/v1/password_resets", ["to": .string(thief.phone)])
        let answer: JSON = [
            "method": "sms_code", "code": .string(try await api.code(for: thief.phone)),
        ]
        let reply = try await api.reply(
            .post, "/v1/session_challenges/\(challenge)/answers", answer)
        #expect([401, 422].contains(reply.status), "\(reply.text)")
        #expect(reply.json["access_token"] == nil)
    }

    @Test func whatWasLoggedOutIsNotBroughtBack() async throws {
        let servers = try await Self.pair.value
        let person = try await Person.signUp(servers[0].api)
        _ = try await person.at(servers[1]).get("/v1/me")
        #expect(try await person.reply(.delete, "/v1/sessions/current").status == 204)
        (try await Self.renewed(servers[1].api, person.refreshToken))
            .expectProblem(401, "refresh_token_invalid")
        try await eventually("the other process forgets it") {
            try await person.at(servers[1]).reply(.get, "/v1/me").status == 401
        }
    }
}

/// Asks again and again until it is so, which the time limit of the test bounds.
func eventually(_ what: String, _ isSo: () async throws -> Bool) async throws {
    while try await !isSo() { try await Task.yieldUnlessCancelled() }
}
