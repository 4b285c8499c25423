import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@Suite("The outbound client against a real server")
struct OutboundTests {
    let client = HTTPClient()

    @Test func anAnswerComesWhole() async throws {
        let server = ScriptedServer { exchange in
            exchange.say(
                "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                    + "HTTP/1.1 404 Not Found\r\nX-Name:  spaced \r\nX-Empty:\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        }
        defer { server.stop() }
        let response = try await client.send(OutboundRequest(.get, server.url + "/a?b=c"))
        #expect(response.status == 404)
        #expect(response.body == Array("abcde".utf8))
        #expect(response.header("x-NAME") == "spaced" && response.header("X-Empty") == "")
        #expect(response.header("X-Early") == nil)
        #expect(server.requests.first?.target == "/a?b=c")
    }

    @Test(
        "the request goes as it is",
        arguments: [
            (Method.get, ""), (.head, ""), (.delete, ""), (.options, ""), (.post, ""),
            (.post, "{}"),
            (.put, "{}"), (.patch, "{}"), (.delete, "{}"),
            (.post, String(repeating: "x", count: 1_500_000)),
        ])
    func requests(method: Method, body: String) async throws {
        let server = ScriptedServer { exchange in
            exchange.method == "HEAD" ? exchange.ok("") : exchange.ok()
        }
        defer { server.stop() }
        var request = OutboundRequest(method, server.url, body: Array(body.utf8))
        request.headers = [("X-Key", "a b"), ("X-Empty", "")]
        let response = try await client.send(request)
        #expect(response.status == 200)
        let heard = try #require(server.requests.first)
        #expect(heard.method == method.rawValue && heard.body == Array(body.utf8))
        #expect(heard.header("X-Key") == "a b" && heard.header("X-Empty") == "")
        #expect(heard.header("Expect") == nil && heard.header("Content-Type") == nil)
        #expect(heard.header("User-Agent") == "florin")
        let hasBody = [.post, .put, .patch].contains(method) || !body.isEmpty
        #expect(heard.header("Content-Length") == (hasBody ? String(body.utf8.count) : nil))
    }

    @Test func connectionsAreKept() async throws {
        let server = ScriptedServer { $0.ok() }
        defer { server.stop() }
        for _ in 0..<10 { _ = try await client.send(OutboundRequest(.get, server.url)) }
        let keyed = OutboundRequest(.post, server.url, headers: [("idempotency-key", "k")])
        for _ in 0..<3 { _ = try await client.send(keyed) }
        #expect(server.requests.count == 13 && server.connections == 1)
    }

    /// A kept connection that died makes libcurl send again; with a key that is safe.
    @Test func aDeadConnectionCostsNoKeyedRequest() async throws {
        let server = ScriptedServer { exchange in
            if exchange.connection == 0, exchange.target == "/second" { return exchange.hangUp() }
            exchange.ok()
        }
        defer { server.stop() }
        _ = try await client.send(OutboundRequest(.get, server.url))
        let request = OutboundRequest(
            .post, server.url + "/second", headers: [("Idempotency-Key", "k")])
        #expect(try await client.send(request).status == 200)
        #expect(server.requests.map(\.target) == ["/", "/second", "/second"])
    }

    @Test func withoutAKeyNothingIsSentTwice() async throws {
        let server = ScriptedServer { exchange in
            if exchange.method == "POST" { return exchange.hangUp() }
            exchange.ok()
        }
        defer { server.stop() }
        _ = try await client.send(OutboundRequest(.get, server.url))
        await #expect(throws: OutboundError.broken(.unknown)) {
            try await client.send(OutboundRequest(.post, server.url))
        }
        #expect(server.requests.map(\.method) == ["GET", "POST"] && server.connections == 2)
    }

    @Test func theHostsLimitHolds() async throws {
        var limits = HTTPClient.Limits()
        limits.connectionsPerHostMax = 3
        let client = HTTPClient(limits: limits)
        let server = ScriptedServer { $0.ok() }
        defer { server.stop() }
        let url = server.url
        try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await client.send(OutboundRequest(.get, url + "/\(index)")).status
                }
            }
            for try await status in group { #expect(status == 200) }
        }
        #expect(server.openMost <= 3)
        #expect(Set(server.requests.map(\.target)).count == 200)
    }

    @Test func redirectsAreAnswersLikeOthers() async throws {
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        let response = try await client.send(OutboundRequest(.get, server.url))
        #expect(response.status == 302 && response.header("Location") == "/else")
        #expect(server.requests.count == 1)
    }

    @Test func proxiesOfTheEnvironmentAreIgnored() async throws {
        unsafe setenv("http_proxy", "http://127.0.0.1:1", 1)
        unsafe setenv("ALL_PROXY", "http://127.0.0.1:1", 1)
        defer {
            unsafe unsetenv("http_proxy")
            unsafe unsetenv("ALL_PROXY")
        }
        let server = ScriptedServer { $0.ok() }
        defer { server.stop() }
        #expect(try await client.send(OutboundRequest(.get, server.url)).status == 200)
    }

    @Test func unixSockets() async throws {
        let path = "/tmp/florin-outbound-\(getpid()).sock"
        unsafe unlink(path)
        let server = ScriptedServer(unixSocket: path) { $0.ok("local") }
        defer {
            server.stop()
            unsafe unlink(path)
        }
        var request = OutboundRequest(.get, "http://localhost/x")
        request.unixSocket = path
        #expect(try await client.send(request).body == Array("local".utf8))
    }
}

@Suite("What the outbound client says when there is no answer")
struct OutboundFailureTests {
    let client = HTTPClient()

    func failure(_ request: OutboundRequest) async -> OutboundError? {
        do {
            _ = try await client.send(request)
            return nil
        } catch { return error }
    }

    @Test func nobodyListens() async {
        let server = ScriptedServer { $0.ok() }
        server.stop()
        let request = OutboundRequest(.post, server.url, body: [1])
        #expect(await failure(request) == .unreachable(.notSent))
        let nowhere = OutboundRequest(.get, "http://florin.invalid/")
        #expect(await failure(nowhere) == .unreachable(.notSent))
    }

    @Test func silenceAfterTheRequest() async {
        let server = ScriptedServer { $0.waitForHangUp() }
        defer { server.stop() }
        var request = OutboundRequest(.post, server.url, body: [1])
        request.timeoutMilliseconds = 100
        #expect(await failure(request) == .timedOut(.unknown))
    }

    @Test func silenceBeforeTheRequest() async {
        // Accepts, but no TLS handshake ever ends, so the request cannot have left.
        let server = ScriptedServer { _ in }
        defer { server.stop() }
        var request = OutboundRequest(.post, "https://127.0.0.1:\(server.port)", body: [1])
        request.connectTimeoutMilliseconds = 100
        #expect(await failure(request) == .timedOut(.notSent))
    }

    @Test(
        "answers that are none",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ])
    func broken(answer: String) async {
        let server = ScriptedServer { exchange in
            exchange.say(answer)
            exchange.hangUp()
        }
        defer { server.stop() }
        #expect(await failure(OutboundRequest(.get, server.url)) == .broken(.unknown))
    }

    @Test func plainTextIsNotTLS() async {
        let server = ScriptedServer(greeting: "220 welcome to plain text\r\n") { _ in }
        defer { server.stop() }
        let request = OutboundRequest(.post, "https://127.0.0.1:\(server.port)", body: [1])
        #expect(await failure(request) == .untrusted(.notSent))
    }

    @Test(
        "too much",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + String(repeating: "x", count: 2000),
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000) + "\r\n\r\n",
        ])
    func tooLarge(answer: String) async {
        var limits = HTTPClient.Limits()
        limits.responseBytesMax = 1999
        let client = HTTPClient(limits: limits)
        let server = ScriptedServer { $0.say(answer) }
        defer { server.stop() }
        await #expect(throws: OutboundError.responseTooLarge) {
            try await client.send(OutboundRequest(.get, server.url))
        }
    }

    @Test func cancellationHangsUp() async {
        let (arrived, gone) = (Gate(), Gate())
        let server = ScriptedServer { exchange in
            arrived.open()
            exchange.waitForHangUp()
            gone.open()
        }
        defer { server.stop() }
        let request = OutboundRequest(.post, server.url, body: [1])
        let task = Task { await failure(request) }
        await arrived.wait()
        task.cancel()
        #expect(await task.value == .cancelled(.unknown))
        await gone.wait()
    }

    @Test func aCancelledTaskSendsNothing() async {
        let server = ScriptedServer { $0.ok() }
        defer { server.stop() }
        let (request, ready) = (OutboundRequest(.get, server.url), Gate())
        let task = Task {
            await ready.wait()
            return await failure(request)
        }
        task.cancel()
        ready.open()
        #expect(await task.value == .cancelled(.notSent))
        #expect(server.requests.isEmpty)
    }

    @Test func closingEndsEverything() async {
        let arrived = Gate()
        let server = ScriptedServer { exchange in
            arrived.open()
            exchange.waitForHangUp()
        }
        defer { server.stop() }
        let request = OutboundRequest(.get, server.url)
        let task = Task { await failure(request) }
        await arrived.wait()
        client.close()
        #expect(await task.value == .closed(.unknown))
        #expect(await failure(request) == .closed(.notSent))
        client.close()
    }

    @Test(
        "requests that cannot be sent",
        arguments: [
            "", "127.0.0.1", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/",
            "http://user:password@127.0.0.1/", "http://127.0.0.1/\r\nX: 1", "gopher://127.0.0.1/",
        ])
    func invalidURL(url: String) async {
        #expect(await failure(OutboundRequest(.get, url)) == .invalidRequest)
    }

    @Test(
        "headers that cannot be sent",
        arguments: [("X", "a\r\nY: b"), ("X", "a\u{0}"), ("", "a"), ("X Y", "a"), ("X:", "a")])
    func invalidHeader(name: String, value: String) async {
        let request = OutboundRequest(.get, "http://127.0.0.1:1/", headers: [(name, value)])
        #expect(await failure(request) == .invalidRequest)
    }
}

@Suite("Streams")
struct OutboundStreamTests {
    let client = HTTPClient()

    @Test func chunksComeAsTheyAreSent() async throws {
        let (first, finish) = (Gate(), Gate())
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            finish.block()
            exchange.say("5\r\nworld\r\n0\r\n\r\n")
        }
        defer { server.stop() }
        let heard = Mutex<[UInt8]>([])
        let (client, request) = (client, OutboundRequest(.get, server.url))
        async let response = client.stream(request) { chunk in
            heard.withLock { $0 += chunk }
            first.open()
        }
        await first.wait()
        #expect(heard.withLock { $0 } == Array("hello".utf8))
        finish.open()
        let ended = try await response
        #expect(ended.status == 200 && ended.body.isEmpty)
        #expect(heard.withLock { $0 } == Array("helloworld".utf8))
    }

    @Test func aRefusalIsCollected() async throws {
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope")
        }
        defer { server.stop() }
        let response = try await client.stream(OutboundRequest(.get, server.url)) { _ in
            Issue.record("a refusal is no stream")
        }
        #expect(response.status == 401 && response.body == Array("nope".utf8))
    }

    @Test func silenceIsNoticed() async {
        let server = ScriptedServer { exchange in
            exchange.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            exchange.waitForHangUp()
        }
        defer { server.stop() }
        var request = OutboundRequest(.get, server.url)
        request.silenceSecondsMax = 1
        let (client, silent) = (client, request)
        await #expect(throws: OutboundError.timedOut(.unknown)) {
            try await client.stream(silent) { _ in }
        }
    }
}
