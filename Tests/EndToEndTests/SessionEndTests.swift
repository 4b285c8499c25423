import HTTP
import Postgres
import TestSupport
import Testing

/// How sessions end, in every process at once. Clocks move, so the servers are theirs alone.
@Suite("Sessions that end", .serialized, .timeLimit(.minutes(1)))
struct SessionEndTests {
    private static let refresh = "/v1/sessions/refresh"

    @Test func aTokenUsedAgainEndsTheSessionAndTellsItsOwner() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        let stolen: JSON = ["refresh_token": .string(person.refreshToken)]
        let next = try await server.api.expect(201, .post, Self.refresh, stolen)
        let access = try #require(next["access_token"]?.string)
        _ = try await server.api.expect(200, .get, "/v1/me", token: access)
        try await server.api.advanceClock(seconds: 31)
        try await server.api.refused(401, "refresh_token_invalid", .post, Self.refresh, stolen)
        for token in [access, person.token] {
            try await server.api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        }
        try await server.api.refused(
            401, "refresh_token_invalid", .post, Self.refresh,
            ["refresh_token": next["refresh_token"] ?? nil])
        for recipient in [person.phone, person.email] {
            let words = try await server.api.messages(to: recipient)
            #expect(words.first?.contains("somebody else may have copied it") == true)
        }
        // A thief who goes on trying ends and tells nothing more.
        let told = try await server.api.messages(to: person.email).count
        try await server.api.refused(401, "refresh_token_invalid", .post, Self.refresh, stolen)
        #expect(try await server.api.messages(to: person.email).count == told)
        let back = try await server.api.logIn(person.username)
        let acts = try await server.api.expect(
            200, .get, "/v1/me/acts", token: back["access_token"]?.string)
        #expect(acts.rows.contains { $0["kind"]?.string == "refresh_token_reused" })
        try await server.stop()
    }

    @Test func sessionsAreListedNamedAndRevokedInEveryProcess() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        let phone = try await pair[0].api.logIn(
            person.username, onNewDeviceOf: person.phone)
        let phoneToken = try #require(phone["access_token"]?.string)
        for server in pair {
            _ = try await server.api.expect(200, .get, "/v1/me", token: phoneToken)
        }
        let rows = try await person.get("/v1/sessions").rows
        #expect(rows.count == 2)
        #expect(rows.count { $0["is_current"]?.bool == true } == 1)
        #expect(rows.allSatisfy { $0["mode"]?.string == "standard" })
        #expect(rows.allSatisfy { $0["address"]?.string == "127.0.0.1" })
        let other = try #require(rows.first { $0["is_current"]?.bool == false })
        let path = "/v1/sessions/\(other.id)"
        let named = try await person.api.expect(
            200, .patch, path, ["name": "Lost\u{202E} phone"], token: person.token)
        #expect(named["name"]?.string == "Lost phone")
        _ = try await person.api.expect(204, .delete, path, token: person.token)
        try await together(on: pair, refuse: phoneToken)
        try await person.refused(404, "session_not_found", .delete, path)
        try await pair[1].api.refused(
            401, "refresh_token_invalid", .post, Self.refresh,
            ["refresh_token": phone["refresh_token"] ?? nil])
        // Whoever holds the lost telephone and knows the password is asked for more.
        try await pair[1].api.advanceClock(seconds: 61)
        try await pair[1].api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(person.username).replacing("device", phone["device"] ?? nil))
        for server in pair { try await server.stop() }
    }

    @Test func allOthersAreRevokedAtOnce() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        var others: [String] = []
        for _ in 0..<3 {
            let session = try await pair[1].api.logIn(person.username)
            others.append(try #require(session["access_token"]?.string))
        }
        let answer = try await person.post("/v1/sessions/revocations")
        #expect(answer["ended"]?.integer == 3)
        for token in others { try await together(on: pair, refuse: token) }
        _ = try await person.get("/v1/me")
        #expect(try await person.get("/v1/sessions").rows.count == 1)
        for server in pair { try await server.stop() }
    }

    @Test func aProcessThatHearsNothingAsksTheDatabase() async throws {
        let database = try await TestPostgres.database()
        let pair = try await FlorinServer.pair(on: database)
        let person = try await Person.signUp(pair[0].api)
        let other = try await pair[0].api.logIn(person.username)
        let token = try #require(other["access_token"]?.string)
        for server in pair {
            for token in [token, person.token] {
                _ = try await server.api.expect(200, .get, "/v1/me", token: token)
            }
        }
        let rows = try await person.get("/v1/sessions").rows
        let id = try #require(rows.first { $0["is_current"]?.bool == false }).id
        let books = try database.connection()
        // Both lose the connection that they listen on, and get no other.
        let server = try await Connection.open(TestPostgres.shared.settings)
        let name = SQL(identifier: database.name)
        try server.execute("ALTER DATABASE \(name) ALLOW_CONNECTIONS false")
        try server.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = \(database.name) AND application_name = 'florin listener'
            """)
        // Ended behind their backs, which nobody who trusts what they remember can notice.
        try books.execute(
            """
            UPDATE identity.sessions SET ended_at = now(), end_reason = 'revoked'
            WHERE id = \(id)::uuid
            """)
        try await together(on: pair, refuse: token)
        // What one of them does, the other knows without being told.
        let out = try await pair[0].api.reply(
            .delete, "/v1/sessions/current", token: person.token)
        #expect(out.status == 204)
        try await pair[1].api.refused(401, "session_invalid", .get, "/v1/me", token: person.token)
        try server.execute("ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
        for server in pair { try await server.stop() }
    }

    /// Both processes refuse the token; nothing is awaited, since both were told.
    private func together(on servers: [FlorinServer], refuse token: String) async throws {
        for server in servers {
            while try await server.api.reply(.get, "/v1/me", token: token).status == 200 {}
            try await server.api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        }
    }
}

extension Person {
    /// The id of another session of the same person.
    func newSession() async throws -> String {
        _ = try await api.logIn(username)
        let rows = try await get("/v1/sessions").rows
        return try #require(rows.first { $0["is_current"]?.bool == false }).id
    }
}
