import FlorinClient
import Synchronization
import TestSupport
import Testing

/// Answers of the API, as a server that has only them would give.
private enum Canned {
    static let balance = #""posted":1000,"held":0,"available":1000"#
    static let transfer = """
        {"id":"t1","status":"posted","kind":"transfer","purpose":"payment","amount":1250,\
        "currency":"KES","fee":0,"from":"amina","to":"brian","note":null,"expires_at":null,\
        "created_at":"2026-01-01T00:00:00.000000Z","balance":{\(balance)}}
        """
    static let user = """
        {"id":"u1","username":"amina","phone":"+254700000001","email":null,"role":"customer",\
        "phone_verified":true,"plan":"FREE","kyc_tier":0,"email_verified":false,\
        "created_at":"2026-01-01T00:00:00.000000Z"}
        """
    static let entry = """
        {"wallet_id":"w1","entry":{"id":"t1","kind":"transfer","purpose":"payment",\
        "direction":"in","amount":5,"currency":"KES","counterparty":"brian","note":"tea",\
        "created_at":"2026-01-01T00:00:00.000000Z","balance":{\(balance)}}}
        """

    static func tokens(_ number: Int) -> String {
        """
        {"access_token":"access-\(number)","refresh_token":"refresh-\(number)",\
        "token_type":"Bearer","expires_in":900}
        """
    }

    static func problem(_ code: String, _ status: Int, _ facts: String = "") -> String {
        """
        {"type":"/problems/\(code)","title":"No","status":\(status),"code":"\(code)",\
        "detail":"Because.","request_id":"r1"\(facts)}
        """
    }
}

extension ScriptedServer.Exchange {
    fileprivate func answer(_ status: Int, _ body: String, headers: String = "") {
        say("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    fileprivate var key: String? { header("Idempotency-Key") }
    fileprivate var token: String? { header("Authorization") }
}

@Suite("The client library against a scripted server")
struct WalletClientTests {
    func client(_ server: ScriptedServer) -> WalletClient {
        WalletClient(
            server: server.url,
            credentials: Credentials(accessToken: "access-1", refreshToken: "refresh-1"))
    }

    @Test func aCommandIsRepeatedUnderItsKey() async throws {
        let attempts = Atomic<Int>(0)
        let server = ScriptedServer { exchange in
            switch attempts.add(1, ordering: .relaxed).newValue {
            case 1: exchange.hangUp()
            case 2: exchange.answer(503, Canned.problem("unavailable", 503))
            default: exchange.answer(201, Canned.transfer, headers: "Idempotent-Replayed: true\r\n")
            }
        }
        defer { server.stop() }
        let transfer = try await client(server).send(to: "brian", amount: 1250, currency: "KES")
        #expect(transfer.isReplay && transfer.amount == 1250 && transfer.balance?.available == 1000)
        #expect(Set(server.requests.map(\.key)).count == 1)
        #expect(server.requests.first?.key?.count == 32)
        #expect(
            server.requests.allSatisfy {
                String(decoding: $0.body, as: UTF8.self)
                    == #"{"to":"brian","amount":1250,"currency":"KES"}"#
            })
    }

    @Test func repetitionHasAnEnd() async {
        let server = ScriptedServer { $0.answer(503, Canned.problem("unavailable", 503)) }
        defer { server.stop() }
        let error = await #expect(throws: FlorinError.self) {
            try await client(server).send(to: "b", amount: 1, currency: "KES", key: "mine")
        }
        guard case .problem(let problem) = error else {
            Issue.record("a problem was expected")
            return
        }
        #expect(problem.code == "unavailable" && problem.requestID == "r1")
        #expect(server.requests.map(\.key) == ["mine", "mine", "mine", "mine"])
    }

    /// Once an attempt may have arrived, no later failure makes that undone.
    @Test func doubtRemains() async {
        let box = Mutex<ScriptedServer?>(nil)
        let server = ScriptedServer { exchange in
            box.withLock { $0 }?.stop()
            exchange.hangUp()
        }
        box.withLock { $0 = server }
        await #expect(throws: FlorinError.network(.unreachable, mayHaveArrived: true)) {
            try await client(server).send(to: "b", amount: 1, currency: "KES")
        }
        #expect(server.requests.count == 1)
    }

    @Test func aCommandWithoutKeyIsNotRepeated() async {
        let server = ScriptedServer { $0.hangUp() }
        defer { server.stop() }
        await #expect(throws: FlorinError.network(.broken, mayHaveArrived: true)) {
            try await client(server).request(from: "b", amount: 1, currency: "KES")
        }
        #expect(server.requests.count == 1)
    }

    @Test func aRefusalIsNotRepeated() async {
        let server = ScriptedServer { exchange in
            let facts = #","available":12,"supported":["KES"],"first_difference":{"a":1}"#
            exchange.answer(409, Canned.problem("insufficient_funds", 409, facts))
        }
        defer { server.stop() }
        let error = await #expect(throws: FlorinError.self) {
            try await client(server).send(to: "b", amount: 1, currency: "KES")
        }
        guard case .problem(let problem) = error else {
            Issue.record("a problem was expected")
            return
        }
        #expect(problem.status == 409 && problem.detail == "Because.")
        #expect(
            problem.facts == [
                "available": .integer(12), "supported": .texts(["KES"]),
                "first_difference": .json(#"{"a":1}"#),
            ])
        #expect(server.requests.count == 1)
    }

    @Test func manyCallsRenewTheTokenOnce() async throws {
        let renewals = Atomic<Int>(1)
        let server = ScriptedServer { exchange in
            if exchange.target == "/v1/sessions/refresh" {
                let number = renewals.add(1, ordering: .relaxed).newValue
                return exchange.answer(201, Canned.tokens(number))
            }
            guard exchange.token == "Bearer access-2" else {
                return exchange.answer(401, Canned.problem("session_invalid", 401))
            }
            exchange.answer(200, Canned.user)
        }
        defer { server.stop() }
        let client = client(server)
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<12 { group.addTask { try await client.me().username } }
            for try await username in group { #expect(username == "amina") }
        }
        #expect(renewals.load(ordering: .relaxed) == 2)
        #expect(await client.credentials?.refreshToken == "refresh-2")
    }

    @Test func anEndedSessionSaysSo() async {
        let server = ScriptedServer { exchange in
            let code =
                exchange.target == "/v1/sessions/refresh"
                ? "refresh_token_invalid" : "session_invalid"
            exchange.answer(401, Canned.problem(code, 401))
        }
        defer { server.stop() }
        let error = await #expect(throws: FlorinError.self) { try await client(server).wallets() }
        guard case .problem(let problem) = error else {
            Issue.record("a problem was expected")
            return
        }
        #expect(problem.code == "refresh_token_invalid" && server.requests.count == 2)
    }

    @Test func whatIsNoAnswerIsNotGuessed() async {
        let server = ScriptedServer { $0.answer(200, #"{"id":"u1"}"#) }
        defer { server.stop() }
        await #expect(throws: FlorinError.unreadable(status: 200)) {
            try await client(server).me()
        }
        await #expect(throws: FlorinError.notLoggedIn) {
            try await WalletClient(server: server.url).me()
        }
        #expect(server.requests.count == 1)
    }

    @Test func hostileNamesStayInTheirPlace() async {
        let server = ScriptedServer { $0.answer(404, Canned.problem("not_found", 404)) }
        defer { server.stop() }
        await #expect(throws: FlorinError.self) {
            try await client(server).entries(of: "../me?x=1&y=é", cursor: "a b&c")
        }
        #expect(
            server.requests.first?.target
                == "/v1/wallets/..%2Fme%3Fx%3D1%26y%3D%C3%A9/entries?cursor=a%20b%26c")
    }

    @Test func aBrokenStreamGoesOnWhereItEnded() async throws {
        let streams = Atomic<Int>(0)
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1\n\n")
            exchange.say("event: ready\ndata: {}\n\n")
            if streams.add(1, ordering: .relaxed).newValue == 1 {
                exchange.say("event: entry\nid: t1\ndata: \(Canned.entry)\n\nevent: half\nda")
                exchange.hangUp()
            } else {
                exchange.say("event: news\ndata: x\n\n")
                exchange.waitForHangUp()
            }
        }
        defer { server.stop() }
        var heard: [LiveEvent] = []
        for try await event in client(server).events() {
            heard.append(event)
            if heard.count == 5 { break }
        }
        guard case .entry("w1", let entry) = heard[1] else {
            Issue.record("an entry was expected, not \(heard[1])")
            return
        }
        #expect(entry.isIncoming && entry.amount == 5 && entry.counterparty == "brian")
        #expect(heard[0] == .ready && heard[2] == .interrupted && heard[3] == .ready)
        #expect(heard[4] == .other(name: "news", data: "x"))
        #expect(server.requests.map { $0.header("Last-Event-ID") } == [nil, "t1"])
    }

    @Test func aStreamThatIsRefusedEnds() async throws {
        let server = ScriptedServer { $0.answer(403, Canned.problem("forbidden", 403)) }
        defer { server.stop() }
        await #expect(throws: FlorinError.self) {
            for try await _ in client(server).events() {}
        }
    }
}
