import HTTP
import TestSupport
import Testing

/// Values that would be more than values somewhere: in a header, a log, a message, a query, a page.
@Suite("Abuse: injection", .timeLimit(.minutes(1)))
struct InjectionTests {
    /// Line ends, and what turns into them.
    private static let breaks = ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\0", "\u{1B}[2J"]

    @Test(arguments: ["phone", "username", "email"])
    func namesThatReachMessagesAndHeadersAreOneLine(_ field: String) async throws {
        let api = try await World.api
        let codes = [
            "phone": "phone_invalid", "username": "username_invalid", "email": "email_invalid",
        ]
        for ending in Self.breaks {
            let names = Person.Names()
            let value = names.signUp[field]?.string ?? ""
            for planted in [
                value + ending + "Bcc:a@b.co", value + ending, ending + value,
            ] {
                let reply = try await api.reply(
                    .post, "/v1/users", names.signUp.replacing(field, .string(planted)))
                // NUL is refused by the shape of the body, all others by what a name is.
                let code = ending == "\0" ? "invalid_request" : codes[field] ?? ""
                reply.expectProblem(ending == "\0" ? 400 : 422, code)
                #expect(reply.header("Bcc") == nil)
            }
            #expect(try await api.messages(to: names.phone).isEmpty)
        }
    }

    /// A note is the payer's own text: it comes back as it went in, as JSON and as nothing else.
    @Test func notesAreTextEverywhere() async throws {
        let (payer, payee) = (
            try await Person.signUp(World.api, money: 1000), try await Person.signUp(World.api)
        )
        for note in [
            "<script>alert(1)</script>", "\"},{\"role\":\"admin\"", "'; DROP TABLE x; --",
            "line\r\nSet-Cookie: a=b", "{{7*7}} ${7*7} %s %n", "\u{202E}txt.exe", "ねこ O'Hara 🙂",
        ] {
            let reply = try await payer.reply(
                .post, "/v1/transfers", .send(1, to: payee.username, note: note))
            #expect(reply.status == 201, "\(reply.text)")
            #expect(reply.json["note"]?.string == note)
            #expect(reply.header("Content-Type") == "application/json")
            #expect(reply.header("X-Content-Type-Options") == "nosniff")
            #expect(reply.header("Set-Cookie") == nil)
            let wallet = try await payee.wallet().id
            let entries = try await payee.get("/v1/wallets/\(wallet)/entries")
            #expect(entries.rows.first?["note"]?.string == note)
        }
        try await payer.refused(
            400, "invalid_request", .post, "/v1/transfers",
            .send(1, to: payee.username, note: "a\0b"))
    }

    /// What a client calls its request goes into the log and back into a header.
    @Test(arguments: [
        "a b", "a\tb", "a;b", "<a>", "é", "%0d%0a", "a\"b", String(repeating: "a", count: 129),
    ])
    func namesOfRequestsAreHarmlessOrReplaced(_ name: String) async throws {
        let reply = try await World.api.reply(
            .get, "/v1/nothing", headers: [("X-Request-Id", name)])
        let used = try #require(reply.header("X-Request-Id"))
        #expect(used != name)
        #expect(used.utf8.count == 32)
        #expect(reply.json["request_id"]?.string == used)
        let sane = try await World.api.reply(
            .get, "/v1/nothing", headers: [("X-Request-Id", "till-7.a_b")])
        #expect(sane.header("X-Request-Id") == "till-7.a_b")
    }

    /// One request is one line of the log, whatever stands in it.
    @Test func nobodyWritesLinesIntoTheLog() async throws {
        let server = try await World.own(["FLORIN_LOG_LEVEL": "debug"])
        let planted = "planted%0d%0a%7B%22level%22:%22error%22,%22event%22:%22forged%22%7D"
        for path in ["/v1/\(planted)", "/v1/me?x=\(planted)", "/%1b%5b2J\(planted)"] {
            let reply = try await server.api.reply(
                .get, path, token: "a.b.c", headers: [("User-Agent", "x\" forged=\"1")])
            #expect([401, 404].contains(reply.status))
        }
        _ = try await server.api.reply(
            .post, "/v1/sessions", .logIn("a\r\n{\"event\":\"forged\"}", "b\nforged"))
        try await server.stop()
        let lines = server.current.complaints.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            let json = try JSON(parsing: String(line))
            #expect(json["event"]?.string != "forged", "\(line)")
            #expect(!line.utf8.contains { $0 < 0x20 })
        }
    }

    /// Who is refused is in the log, by address, route and code, and with nothing of what was sent.
    @Test func refusalsAreInTheLog() async throws {
        let server = try await World.own(["FLORIN_TRUSTED_PROXIES": "127.0.0.1"])
        let person = try await Person.signUp(server.api)
        let from = [("X-Forwarded-For", "198.51.100.7")]
        _ = try await server.api.reply(
            .post, "/v1/sessions", .logIn(person.username, "a wrong guess"), headers: from)
        _ = try await server.api.reply(.get, "/v1/me", token: "no.to.ken", headers: from)
        _ = try await server.api.reply(
            .get, "/v1/audit_acts", token: person.token, headers: from)
        _ = try await server.api.reply(
            .post, "/v1/sessions", ["login": 1], token: person.token, headers: from)
        try await server.stop()
        let refused = try server.current.complaints.split(separator: "\n")
            .map { try JSON(parsing: String($0)) }
            .filter { $0["event"]?.string == "http_refused" }
        let told = refused.map { "\($0["status"]?.integer ?? 0) \($0["code"]?.string ?? "")" }
        #expect(
            told == [
                "401 credentials_invalid", "401 session_invalid", "403 forbidden",
                "400 invalid_request",
            ])
        #expect(refused.first?["route"]?.string == "/v1/sessions")
        for line in refused {
            #expect(line["address"]?.string == "198.51.100.7")
            #expect(line["request_id"] != nil || line["request"] != nil)
            for secret in [person.username, "a wrong guess", person.token] {
                #expect(!line.text.contains(secret))
            }
        }
    }

    /// Queries are made of literals, so a value cannot become part of one.
    @Test(arguments: [
        "' OR '1'='1", "x'; DELETE FROM identity.users; --", "\\'; --", "$1", "%", "_",
        "x' UNION SELECT password_hash FROM identity.users --",
    ])
    func valuesStayValuesInQueries(_ text: String) async throws {
        let person = try await Person.signUp(World.api, money: 10)
        try await person.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(text, text))
        try await person.refused(
            404, "recipient_not_found", .post, "/v1/transfers", .send(1, to: text))
        try await person.refused(
            422, "code_address_invalid", .post, "/v1/password_resets", ["to": .string(text)])
        #expect(try await person.available() == 10)
    }

    /// Pages of other sites are told nothing by the browser.
    @Test func otherOriginsAreNotWelcome() async throws {
        let person = try await Person.signUp(World.api)
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "https://florin"] {
            let reply = try await person.api.reply(
                .get, "/v1/me", token: person.token, headers: [("Origin", origin)])
            #expect(reply.header("Access-Control-Allow-Origin") == nil)
            #expect(reply.header("Access-Control-Allow-Credentials") == nil)
            let asked = try await person.api.reply(
                .options, "/v1/transfers",
                headers: [("Origin", origin), ("Access-Control-Request-Method", "POST")])
            #expect(asked.header("Access-Control-Allow-Origin") == nil)
        }
    }

    @Test func answersSayHowTheyMayBeUsed() async throws {
        let person = try await Person.signUp(World.api)
        let me = try await person.reply(.get, "/v1/me")
        #expect(me.header("Cache-Control") == "no-store")
        #expect(me.header("X-Content-Type-Options") == "nosniff")
        #expect(me.header("Server") == nil)
        #expect(me.header("X-Powered-By") == nil)
    }
}
