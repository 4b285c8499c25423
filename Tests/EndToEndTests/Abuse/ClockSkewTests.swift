import HTTP
import TestSupport
import Testing

/// Two processes on one database whose clocks differ, and a clock that goes on.
@Suite("Abuse: clocks that differ", .timeLimit(.minutes(1)))
struct ClockSkewTests {
    private static func api(_ servers: [FlorinServer], ahead seconds: Int64) async throws -> Api {
        if seconds > 0 { try await servers[1].api.advanceClock(seconds: seconds) }
        return servers[1].api
    }

    @Test func aTokenOfAProcessFarAheadIsFromTheFuture() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let ahead = try await Self.api(servers, ahead: 120)
        let person = try await Person.signUp(servers[0].api)
        let token = try await ahead.logIn(person.username)["access_token"]?.string
        _ = try await ahead.expect(200, .get, "/v1/me", token: token)
        try await servers[0].api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        // A token of the one behind is good at both for as long as both say so.
        _ = try await ahead.expect(200, .get, "/v1/me", token: person.token)
    }

    @Test func clocksMayDifferByAMoment() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let ahead = try await Self.api(servers, ahead: 4)
        let person = try await Person.signUp(servers[0].api)
        let token = try await ahead.logIn(person.username)["access_token"]?.string
        _ = try await servers[0].api.expect(200, .get, "/v1/me", token: token)
    }

    @Test func aTokenEndsByTheClockOfWhoIsAsked() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(servers[0].api)
        _ = try await person.at(servers[1]).get("/v1/me")
        let ahead = try await Self.api(servers, ahead: 901)
        // Not even one that was looked at before.
        try await ahead.refused(401, "session_invalid", .get, "/v1/me", token: person.token)
        _ = try await person.get("/v1/me")
    }

    /// A code is made and checked against what the database says of it, whoever asks.
    @Test func aCodeIsOverForTheOneAheadFirst() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let names = Person.Names()
        _ = try await servers[0].api.expect(201, .post, "/v1/users", names.signUp)
        let code = try await servers[0].api.code(for: names.phone)
        let ahead = try await Self.api(servers, ahead: 301)
        let proof: JSON = ["phone": .string(names.phone), "code": .string(code)]
        try await ahead.refused(410, "code_expired", .post, "/v1/phone_verifications", proof)
        _ = try await servers[0].api.expect(201, .post, "/v1/phone_verifications", proof)
    }

    /// Nobody outside a sandbox moves a clock.
    @Test func aRealServerHasNoClockToMove() async throws {
        let server = try await World.own(["FLORIN_SANDBOX": "0"])
        for path in ["/sandbox/clock", "/sandbox/messages", "/sandbox/topups"] {
            let reply = try await server.api.reply(
                .post, path, ["advance_seconds": 3600], key: Api.newKey())
            reply.expectProblem(404, "not_found")
        }
    }
}
