import FlorinClient
import HTTP
import TestSupport
import Testing

/// Sessions that a browser holds in a cookie.
@Suite("Sessions in a cookie", .timeLimit(.minutes(1)))
struct CookieSessionTests {
    @Test func theCookieOpensAndNoScriptCanReadIt() async throws {
        let person = try await Person.signUp(World.api)
        var browser = Browser(api: person.api, host: "wallet.example")
        let reply = try await browser.logIn(person)
        for name in ["access_token", "refresh_token", "token_type"] {
            #expect(reply.json[name] == nil)
        }
        let (session, csrf) = (try #require(reply.cookiesSet.first), reply.cookiesSet[1])
        #expect(session.hasPrefix("__Host-florin_session="))
        for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=2592000"] {
            #expect(session.split(separator: ";").contains { $0 == " " + attribute }, "\(session)")
        }
        #expect(csrf.hasPrefix("__Host-florin_csrf=\(reply.json["csrf_token"]?.string ?? "")"))
        #expect(!csrf.contains("HttpOnly") && csrf.contains("; Secure"))
        #expect(!session.contains("Domain") && !csrf.contains("Domain"))
        let me = try await browser.reply(.get, "/v1/me", isBare: true)
        #expect(me.json.id == person.id)
        let topUp: JSON = ["amount": 500, "currency": "KES"]
        #expect(try await browser.reply(.post, "/sandbox/topups", topUp).status == 201)
        // Its refresh token does not exist, so there is none to steal.
        let sessions = try await browser.reply(.get, "/v1/sessions").json.rows
        #expect(sessions.count == 2)
    }

    @Test func whatChangesSomethingNeedsTheTokenAndThePage() async throws {
        let person = try await Person.signUp(World.api)
        var browser = Browser(api: person.api, host: "wallet.example")
        _ = try await browser.logIn(person)
        var other = Browser(api: person.api, host: "wallet.example")
        _ = try await other.logIn(person)
        let body: JSON = ["amount": 500, "currency": "KES"]
        func refused(_ code: String, _ change: (inout Browser) -> Void) async throws {
            var changed = browser
            change(&changed)
            let reply = try await changed.reply(.post, "/sandbox/topups", body)
            reply.expectProblem(403, code)
        }
        try await refused("csrf_token_invalid") { $0.csrf = nil }
        try await refused("csrf_token_invalid") { $0.csrf = "" }
        try await refused("csrf_token_invalid") { $0.csrf?.removeLast() }
        // Nor does the token of another session of the same person.
        try await refused("csrf_token_invalid") { $0.csrf = other.csrf }
        for origin in [
            nil, "null", "https://evil.example", "https://wallet.example.evil.example",
            "https://wallet.example:444", "http://wallet.example/",
        ] {
            try await refused("origin_not_allowed") { $0.origin = origin }
        }
        #expect(try await browser.reply(.post, "/sandbox/topups", body).status == 201)
        #expect(try await browser.reply(.get, "/v1/wallets").status == 200)
    }

    @Test func aPlantedCookieDoesNotComeInWithItsOwner() async throws {
        let (thief, person) = (
            try await Person.signUp(World.api), try await Person.signUp(World.api)
        )
        var planted = Browser(api: person.api, host: "wallet.example")
        _ = try await planted.logIn(thief)
        var browser = planted
        _ = try await browser.logIn(person)
        #expect(browser.session != planted.session)
        #expect(try await browser.reply(.get, "/v1/me").json.id == person.id)
        // What was planted opens nothing at all any more.
        try await planted.reply(.get, "/v1/me").expectProblem(401, "session_invalid")
        // Neither does one that nobody was given, or two of one name.
        for cookie in ["florin", "", "\(browser.session ?? ""); __Host-florin_session=x"] {
            var guessing = browser
            guessing.session = cookie
            try await guessing.reply(.get, "/v1/me").expectProblem(401, "session_invalid")
        }
    }

    @Test func logOutEndsItInEveryProcess() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        var browser = Browser(api: pair[0].api, host: "wallet.example")
        _ = try await browser.logIn(person)
        let elsewhere = browser.at(pair[1].api)
        #expect(try await elsewhere.reply(.get, "/v1/me").status == 200)
        let out = try await browser.reply(.delete, "/v1/sessions/current")
        #expect(out.status == 204)
        #expect(out.cookiesSet.count == 2)
        #expect(out.cookiesSet.allSatisfy { $0.contains("=; ") && $0.contains("Max-Age=0") })
        for browser in [browser, elsewhere] {
            while try await browser.reply(.get, "/v1/me").status == 200 {}
            try await browser.reply(.get, "/v1/me").expectProblem(401, "session_invalid")
        }
        for server in pair { try await server.stop() }
    }

    @Test func aSandboxOnThisMachineDoesWithoutTLS() async throws {
        let person = try await Person.signUp(World.api)
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
            var browser = Browser(api: person.api, host: host, scheme: "http")
            let reply = try await browser.logIn(person)
            let session = try #require(reply.cookiesSet.first)
            #expect(session.hasPrefix("florin_session=") && !session.contains("Secure"))
            #expect(session.contains("HttpOnly") && session.contains("SameSite=Strict"))
            #expect(try await browser.reply(.get, "/v1/me").json.id == person.id)
            let out = try await browser.reply(.delete, "/v1/sessions/current")
            #expect(out.status == 204)
        }
    }

    @Test func aSecondStepAndAPasskeyKeepWhatWasAskedFor() async throws {
        let server = try await World.own(["FLORIN_WEB_ORIGIN": "https://wallet.example"])
        let person = try await Person.signUp(server.api)
        let passkey = SoftPasskey(origin: "https://wallet.example", domain: "wallet.example")
        try await person.addPasskey(passkey)
        let asked = try await server.api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(person.username, isNewDevice: true).replacing("cookie", true)
                .replacing("mode", "strict"))
        let path = "/v1/session_challenges/\(asked["challenge"]?.string ?? "")"
        let options = try await server.api.expect(201, .post, path + "/passkey_challenges")
        let answer = try await server.api.reply(
            .post, path + "/answers",
            ["method": "passkey", "assertion": passkey.assertion(options)])
        #expect(answer.status == 201)
        #expect(answer.json["mode"]?.string == "strict")
        #expect(answer.cookiesSet.count == 2)
        // A strict one is gone when the browser is closed.
        #expect(answer.cookiesSet.allSatisfy { !$0.contains("Max-Age") })
        try await server.stop()
    }
}

/// What a browser keeps and sends by itself.
struct Browser: Sendable {
    let api: Api
    let host: String
    var origin: String?
    var session: String?
    var csrf: String?
    private var name = ""

    init(api: Api, host: String, scheme: String = "https") {
        self.api = api
        self.host = host
        origin = "\(scheme)://\(host)"
    }

    @discardableResult
    mutating func logIn(_ person: Person, mode: String? = nil) async throws -> Reply {
        var body = JSON.logIn(person.username).replacing("cookie", true)
        if let mode { body = body.replacing("mode", .string(mode)) }
        let reply = try await reply(.post, "/v1/sessions", body)
        try #require(reply.status == 201, "\(reply.text)")
        let cookie = try #require(reply.cookiesSet.first).prefix { $0 != ";" }
        name = String(cookie.prefix { $0 != "=" })
        session = String(cookie.drop { $0 != "=" }.dropFirst())
        csrf = reply.json["csrf_token"]?.string
        return reply
    }

    /// - Parameter isBare: as a link or an image, which no script of the page has made.
    func reply(
        _ method: Method, _ path: String, _ body: JSON? = nil, isBare: Bool = false
    ) async throws -> Reply {
        var fields = [("Host", host)]
        if let session { fields.append(("Cookie", "theme=dark; \(name)=\(session)")) }
        if !isBare, let csrf { fields.append(("X-CSRF-Token", csrf)) }
        if !isBare, let origin { fields.append(("Origin", origin)) }
        return try await api.reply(method, path, body, key: Api.newKey(), headers: fields)
    }

    func at(_ api: Api) -> Browser {
        var other = Browser(api: api, host: host)
        (other.origin, other.session, other.csrf, other.name) = (origin, session, csrf, name)
        return other
    }
}
