import FlorinClient
import HTTP
import TestSupport
import Testing

/// These move their server's clock, so it is theirs alone and they take turns.
@Suite("The clock", .serialized, .timeLimit(.minutes(1)))
struct ClockTests {
    private static let server = Task { try await World.own() }

    private var api: Api {
        get async throws { try await Self.server.value.api }
    }

    @Test func codesExpire() async throws {
        let (api, names) = (try await api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let code = JSON.string(try await api.code(for: names.phone))
        try await api.advanceClock(seconds: 301)
        try await api.refused(
            410, "code_expired", .post, "/v1/phone_verifications",
            ["phone": .string(names.phone), "code": code])
        // A new one is good.
        _ = try await api.expect(202, .post, "/v1/phone_codes", ["phone": .string(names.phone)])
        try await api.verify(names.phone)
    }

    @Test func onlyTheNewestCodeIsGood() async throws {
        let (api, names) = (try await api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let old = try await api.code(for: names.phone)
        try await api.advanceClock(seconds: 61)
        _ = try await api.expect(202, .post, "/v1/phone_codes", ["phone": .string(names.phone)])
        let new = try await api.code(for: names.phone)
        if old != new {
            try await api.refused(
                422, "code_incorrect", .post, "/v1/phone_verifications",
                ["phone": .string(names.phone), "code": .string(old)])
        }
        try await api.verify(names.phone)
    }

    @Test func codesAreCappedByTheHour() async throws {
        let (api, names) = (try await api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let body: JSON = ["phone": .string(names.phone)]
        for _ in 0..<4 {
            try await api.advanceClock(seconds: 61)
            _ = try await api.expect(202, .post, "/v1/phone_codes", body)
        }
        try await api.advanceClock(seconds: 61)
        let problem = try await api.refused(
            429, "too_many_attempts", .post, "/v1/phone_codes", body)
        let wait = try #require(problem["retry_after"]?.integer)
        #expect((3000...3600).contains(wait))
        try await api.advanceClock(seconds: wait)
        _ = try await api.expect(202, .post, "/v1/phone_codes", body)
    }

    @Test func locksOpenAndGrow() async throws {
        let person = try await Person.signUp(api)
        for _ in 0..<5 {
            try await person.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions",
                .logIn(person.username, "wrong"))
        }
        for longest in [30, 60, 120] as [Int64] {
            let problem = try await person.api.refused(
                429, "too_many_attempts", .post, "/v1/sessions", .logIn(person.username))
            let wait = try #require(problem["retry_after"]?.integer)
            #expect((longest / 2 + 1...longest).contains(wait))
            try await person.api.advanceClock(seconds: wait)
            try await person.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions",
                .logIn(person.username, "wrong"))
        }
        try await person.api.advanceClock(seconds: 3600)
        _ = try await person.api.logIn(person.username)
    }

    @Test func accessTokensExpireAndAreRenewed() async throws {
        let person = try await Person.signUp(api)
        _ = try await person.get("/v1/me")
        try await person.api.advanceClock(seconds: 901)
        try await person.refused(401, "session_invalid", .get, "/v1/me")
        // The client library renews by itself.
        #expect(try await person.client.me().username == person.username)
    }

    @Test func refreshTokensExpire() async throws {
        let person = try await Person.signUp(api)
        try await person.api.advanceClock(seconds: 30 * 86_400 + 1)
        try await person.api.refused(
            401, "refresh_token_invalid", .post, "/v1/sessions/refresh",
            ["refresh_token": .string(person.refreshToken)])
    }

    @Test func theClockOnlyGoesForward() async throws {
        let api = try await api
        try await api.refused(
            400, "invalid_request", .post, "/sandbox/clock", ["advance_seconds": -1])
        let clock = try await api.expect(200, .post, "/sandbox/clock", ["advance_seconds": 0])
        #expect(clock["offset_seconds"]?.integer != nil)
        #expect(clock["now"]?.string?.hasSuffix("Z") == true)
    }

    @Test func holdsExpireByThemselves() async throws {
        let api = try await api
        let (payer, shop) = (
            try await Person.signUp(api, money: 500), try await Person.signUp(api)
        )
        let events = EventLog(payer.client)
        try await events.wait { $0 == .ready }
        let hold = try await payer.post(
            "/v1/holds", .send(300, to: shop.username, expiresIn: 600))
        #expect(try await payer.available() == 200)
        try await api.advanceClock(seconds: 601)
        // The job does it; the stream tells when.
        try await events.wait { event in
            guard case .entry(_, let entry) = event else { return false }
            return entry.kind == "expiry"
        }
        #expect(try await payer.available() == 500)
        let ended = try await api.logIn(payer.username)["access_token"]?.string
        let shown = try await api.expect(200, .get, "/v1/transfers/\(hold.id)", token: ended)
        #expect(shown["status"]?.string == "expired")
        let shopToken = try await api.logIn(shop.username)["access_token"]?.string
        let problem = try await api.reply(
            .post, "/v1/holds/\(hold.id)/captures", token: shopToken, key: Api.newKey())
        problem.expectProblem(
            409, problem.code == "hold_expired" ? "hold_expired" : "hold_already_ended")
    }

    @Test func dailyLimitsStartAgain() async throws {
        let server = try await World.own(["FLORIN_LIMIT_DAY": "10"])
        let (payer, other) = (
            try await Person.signUp(server.api, money: 100_000),
            try await Person.signUp(server.api)
        )
        try await payer.send(1000, to: other)
        let problem = try await payer.refused(
            409, "limit_exceeded", .post, "/v1/transfers", .send(1, to: other.username))
        #expect(problem["limit"]?.string == "per_day")
        #expect(problem["remaining"]?.integer == 0)
        #expect(problem["resets_at"]?.string?.contains("T00:00:00") == true, "\(problem.text)")
        try await server.api.advanceClock(seconds: 86_400)
        let token = try await server.api.logIn(payer.username)["access_token"]?.string
        _ = try await server.api.expect(
            201, .post, "/v1/transfers", .send(1000, to: other.username), token: token)
        try await server.stop()
    }
}
