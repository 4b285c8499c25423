import HTTP
import TestSupport
import Testing

/// Sessions for telephones that several people use: they end with the visit.
@Suite("Strict mode", .serialized, .timeLimit(.minutes(1)))
struct StrictModeTests {
    private static let server = Task { try await World.own() }
    private static let exits = "/v1/sessions/current/exits"

    private var api: Api {
        get async throws { try await Self.server.value.api }
    }

    private func logIn(_ person: Person, _ mode: String? = "strict") async throws -> JSON {
        var body = JSON.logIn(person.username)
        if let mode { body = body.replacing("mode", .string(mode)) }
        return try await person.api.expect(201, .post, "/v1/sessions", body)
    }

    @Test func leavingEndsTheSession() async throws {
        let person = try await Person.signUp(try await api)
        for name in ["access_token", "refresh_token"] {
            let session = try await logIn(person)
            #expect(session["mode"]?.string == "strict")
            // As a beacon sends it: a token as plain text, and no header.
            let reply = try await person.api.beacon(Self.exits, session[name]?.string ?? "")
            #expect(reply.status == 204, "\(reply.text)")
            let access = session["access_token"]?.string
            try await person.api.refused(401, "session_invalid", .get, "/v1/me", token: access)
            try await person.api.refused(
                401, "refresh_token_invalid", .post, "/v1/sessions/refresh",
                ["refresh_token": session["refresh_token"] ?? nil])
            let again = try await person.api.beacon(Self.exits, session[name]?.string ?? "")
            again.expectProblem(401, "session_invalid")
        }
        for nonsense in ["", "nobody", "a.b.c", String(repeating: "x", count: 4000)] {
            let reply = try await person.api.beacon(Self.exits, nonsense)
            reply.expectProblem(401, "session_invalid")
        }
        // Whoever came another way is still there.
        _ = try await person.get("/v1/me")
    }

    @Test func leavingWithACookieNeedsNoScriptButTheOwnPage() async throws {
        let person = try await Person.signUp(try await api)
        var browser = Browser(api: person.api, host: "wallet.example")
        try await browser.logIn(person, mode: "strict")
        browser.csrf = nil
        var foreign = browser
        foreign.origin = "https://evil.example"
        try await foreign.reply(.post, Self.exits).expectProblem(403, "origin_not_allowed")
        #expect(try await browser.reply(.get, "/v1/me").status == 200)
        #expect(try await browser.reply(.post, Self.exits).status == 204)
        try await browser.reply(.get, "/v1/me").expectProblem(401, "session_invalid")
    }

    @Test func anUnusedSessionEnds() async throws {
        let person = try await Person.signUp(try await api)
        let session = try await logIn(person)
        #expect(session["expires_in"]?.integer == 60)
        // Used now and then, it goes on.
        var refresh: JSON = ["refresh_token": session["refresh_token"] ?? nil]
        for _ in 0..<3 {
            try await person.api.advanceClock(seconds: 299)
            let next = try await person.api.expect(201, .post, "/v1/sessions/refresh", refresh)
            refresh = ["refresh_token": next["refresh_token"] ?? nil]
        }
        var browser = Browser(api: person.api, host: "wallet.example")
        try await browser.logIn(person, mode: "strict")
        for _ in 0..<3 {
            try await person.api.advanceClock(seconds: 299)
            #expect(try await browser.reply(.get, "/v1/me").status == 200)
        }
        try await person.api.advanceClock(seconds: 361)
        try await person.api.refused(
            401, "refresh_token_invalid", .post, "/v1/sessions/refresh", refresh)
        try await browser.reply(.get, "/v1/me").expectProblem(401, "session_invalid")
        // The list has none of them, and the log says why.
        let back = try await logIn(person, nil)
        let token = back["access_token"]?.string
        let rows = try await person.api.expect(200, .get, "/v1/sessions", token: token).rows
        #expect(rows.allSatisfy { $0["mode"]?.string == "standard" })
        while try await person.api.expect(200, .get, "/v1/me/acts", token: token).rows
            .allSatisfy({ $0["kind"]?.string != "session_idle" })
        {}
    }

    @Test func aPersonMayChooseItForAllLogIns() async throws {
        let person = try await Person.signUp(try await api)
        let path = "/v1/session_settings"
        #expect(try await person.get(path)["mode"]?.string == "standard")
        let set = try await person.api.expect(
            200, .put, path, ["mode": "strict"], token: person.token)
        #expect(set["mode"]?.string == "strict")
        #expect(try await logIn(person, nil)["mode"]?.string == "strict")
        #expect(try await logIn(person, "standard")["mode"]?.string == "standard")
        try await person.refused(400, "invalid_request", .put, path, ["mode": "loose"])
        // Who is in stays in as they came.
        let rows = try await person.get("/v1/sessions").rows
        #expect(
            rows.first { $0["is_current"]?.bool == true }?["mode"]?.string == "standard")
    }
}

extension Api {
    /// What `navigator.sendBeacon` sends with a text.
    fileprivate func beacon(_ path: String, _ text: String) async throws -> Reply {
        try await reply(.post, path, text: text, type: "text/plain;charset=UTF-8")
    }
}
