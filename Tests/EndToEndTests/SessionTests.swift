import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Sessions", .timeLimit(.minutes(1)))
struct SessionTests {
    private let refresh = "/v1/sessions/refresh"

    @Test func anyNameLogsIn() async throws {
        let person = try await Person.signUp(World.api)
        for login in [
            person.username, person.username.uppercased(), person.phone, person.email,
            person.email.uppercased(),
        ] {
            let session = try await person.api.logIn(login)
            #expect(session["access_token"]?.string?.split(separator: ".").count == 3)
            #expect(session["refresh_token"]?.string?.isEmpty == false)
            #expect(session["token_type"]?.string == "Bearer")
            #expect(session["expires_in"]?.integer == 900)
            #expect(session[at: "user", "id"]?.string == person.id)
        }
    }

    /// However it is used: the operator says for how long a log-in counts.
    @Test func aSessionEndsAtItsLastMoment() async throws {
        let server = try await World.own(["FLORIN_SESSION_HOURS": "1"])
        let api = server.api
        let person = try await Person.signUp(api)
        try await api.advanceClock(seconds: 3000)
        let last = try await api.expect(
            201, .post, refresh, ["refresh_token": .string(person.refreshToken)])
        // Nothing that it gives out outlives it.
        #expect((540...600).contains(last["expires_in"]?.integer ?? 0))
        let token = last["access_token"]?.string
        _ = try await api.expect(200, .get, "/v1/me", token: token)
        try await api.advanceClock(seconds: 601)
        try await api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        try await api.refused(
            401, "refresh_token_invalid", .post, refresh,
            ["refresh_token": .string(last["refresh_token"]?.string ?? "")])
        let again = try await api.logIn(person.username)
        #expect(
            try await api.expect(
                200, .get, "/v1/sessions", token: again["access_token"]?.string
            ).rows.count == 1)
    }

    @Test func aShorterTermEndsWhatWasOpenedBefore() async throws {
        let database = try await TestPostgres.database()
        let key = ["FLORIN_MASTER_KEY": Forge.master]
        let before = try await FlorinServer.start(database: database, key)
        let person = try await Person.signUp(before.api)
        let server = try await FlorinServer.start(
            database: database, key.merging(["FLORIN_SESSION_HOURS": "1"]) { $1 })
        try await server.api.advanceClock(seconds: 3601)
        for api in [server.api, before.api] {
            try await api.refused(
                401, "refresh_token_invalid", .post, refresh,
                ["refresh_token": .string(person.refreshToken)])
        }
        let ended = try database.connection().query(
            "SELECT reason FROM identity.acts WHERE kind = 'session_ended'")
        #expect(try ended.map { try $0[0] as String } == ["expired"])
    }

    @Test func oneselfIsShown() async throws {
        let person = try await Person.signUp(World.api)
        let me = try await person.get("/v1/me")
        #expect(me.id == person.id)
        #expect(me["username"]?.string == person.username)
        #expect(me["phone"]?.string == person.phone)
        #expect(me["email"]?.string == person.email)
        #expect(me["phone_verified"]?.bool == true)
    }

    @Test func strangersAndWrongPasswordsLookAlike() async throws {
        let person = try await Person.signUp(World.api)
        var details: Set<String> = []
        for login in [person.username, Person.Names().username, "no one at all"] {
            let problem = try await person.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn(login, "not the password")
            )
            details.insert(problem["detail"]?.string ?? "")
        }
        #expect(details.count == 1)
    }

    @Test func wrongPasswordsLock() async throws {
        let person = try await Person.signUp(World.api)
        for _ in 0..<5 {
            try await person.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.phone, "wrong"))
        }
        let problem = try await person.api.refused(
            429, "too_many_attempts", .post, "/v1/sessions", .logIn(person.username))
        #expect((1...30).contains(problem["retry_after"]?.integer ?? 0))
        // Who is in stays in.
        _ = try await person.get("/v1/me")
    }

    @Test func aBurstOfGuessesLearnsNoMore() async throws {
        let person = try await Person.signUp(World.api)
        let codes = try await together(24) { number in
            try await person.api.reply(
                .post, "/v1/sessions", .logIn(person.username, "wrong \(number)")
            ).code
        }
        #expect(codes.count { $0 == "credentials_invalid" } == 5)
        #expect(codes.count { $0 == "too_many_attempts" } == 19)
    }

    @Test func theRightPasswordIsRightManyTimesAtOnce() async throws {
        let person = try await Person.signUp(World.api)
        let statuses = try await together(12) { _ in
            try await person.api.reply(.post, "/v1/sessions", .logIn(person.username)).status
        }
        #expect(statuses.allSatisfy { $0 == 201 })
    }

    @Test func theRightPasswordForgetsWrongOnes() async throws {
        let person = try await Person.signUp(World.api)
        for _ in 0..<3 {
            for _ in 0..<4 {
                try await person.api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions",
                    .logIn(person.username, "wrong"))
            }
            _ = try await person.api.logIn(person.username)
        }
    }

    @Test(arguments: [
        "", "nonsense", "a.b.c",
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.",
    ])
    func whatIsNoTokenIsRefused(_ token: String) async throws {
        let reply = try await World.api.reply(.get, "/v1/me", token: token)
        reply.expectProblem(401, "session_invalid")
    }

    @Test func aTokenWithAnotherSignatureIsRefused() async throws {
        let (one, two) = (
            try await Person.signUp(World.api), try await Person.signUp(World.api)
        )
        let signature = two.token.split(separator: ".")[2]
        let forged = one.token.split(separator: ".").dropLast().joined(separator: ".")
        let reply = try await one.api.reply(.get, "/v1/me", token: "\(forged).\(signature)")
        reply.expectProblem(401, "session_invalid")
        (try await one.api.reply(.get, "/v1/me")).expectProblem(401, "session_invalid")
    }

    @Test func refreshTokensRotate() async throws {
        let person = try await Person.signUp(World.api)
        var token = person.refreshToken
        var seen: Set<String> = [token]
        for _ in 0..<3 {
            let next = try await person.api.expect(
                201, .post, refresh, ["refresh_token": .string(token)])
            token = next["refresh_token"]?.string ?? ""
            #expect(seen.insert(token).inserted)
            let access = next["access_token"]?.string ?? ""
            _ = try await person.api.expect(200, .get, "/v1/me", token: access)
        }
        try await person.api.refused(
            401, "refresh_token_invalid", .post, refresh, ["refresh_token": "never given out"])
    }

    @Test func aLostAnswerIsGivenAgain() async throws {
        let person = try await Person.signUp(World.api)
        let first: JSON = ["refresh_token": .string(person.refreshToken)]
        let next = try await person.api.expect(201, .post, refresh, first)
        let again = try await person.api.expect(201, .post, refresh, first)
        #expect(again["refresh_token"] == next["refresh_token"])
        // Once what was given is in use, nobody waits for it any more; and nobody is thrown out.
        let second: JSON = ["refresh_token": next["refresh_token"] ?? nil]
        let last = try await person.api.expect(201, .post, refresh, second)
        try await person.api.refused(401, "refresh_token_invalid", .post, refresh, first)
        let token = last["access_token"]?.string
        _ = try await person.api.expect(200, .get, "/v1/me", token: token)
    }

    @Test func twinsThatRefreshGetTheSame() async throws {
        let person = try await Person.signUp(World.api)
        let body: JSON = ["refresh_token": .string(person.refreshToken)]
        let replies = try await together(6) { _ in
            try await person.api.reply(.post, "/v1/sessions/refresh", body)
        }
        #expect(replies.allSatisfy { $0.status == 201 })
        #expect(Set(replies.map { $0.json["refresh_token"]?.string }).count == 1)
    }

    @Test func logOutIsAtOnceAndOfOneSession() async throws {
        let person = try await Person.signUp(World.api)
        let other = try await person.api.logIn(person.username)["access_token"]?.string
        _ = try await person.get("/v1/me")
        let reply = try await person.reply(.delete, "/v1/sessions/current")
        #expect(reply.status == 204)
        #expect(reply.text.isEmpty)
        try await person.refused(401, "session_invalid", .get, "/v1/me")
        try await person.refused(401, "session_invalid", .delete, "/v1/sessions/current")
        try await person.api.refused(
            401, "refresh_token_invalid", .post, refresh,
            ["refresh_token": .string(person.refreshToken)])
        _ = try await person.api.expect(200, .get, "/v1/me", token: other)
    }
}
