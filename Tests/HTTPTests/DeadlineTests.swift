import HTTP
import Telemetry
import Testing

/// Slow clients: each phase has its deadline. Every test waits for the server to close.
struct DeadlineTests {
    @Test(arguments: ["", "GET /te", "GET /text HTTP/1.1\r\nHost: h\r\nA: "])
    func cutsSlowHeads(start: String) async throws {
        try await withServer(configure: { $0.headerDeadline = .milliseconds(50) }) { server in
            let client = try server.client()
            await client.send(start)
            #expect(await client.isClosed())
        }
    }

    @Test func cutsSlowSecondHeads() async throws {
        try await withServer(configure: { $0.headerDeadline = .milliseconds(100) }) { server in
            let client = try server.client()
            await client.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\nGET /text HTTP/1.1\r\nHost: ")
            #expect(try await client.answer().status == 200)
            #expect(await client.isClosed())
        }
    }

    @Test func cutsSlowBodies() async throws {
        try await withServer(configure: { $0.bodyDeadline = .milliseconds(50) }) { server in
            let client = try server.client()
            await client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
            #expect(await client.isClosed())
        }
    }

    @Test func closesIdleConnections() async throws {
        try await withServer(configure: { $0.idleSeconds = 1 }) { server in
            let client = try server.client()
            await client.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == 200)
            #expect(await client.isClosed())
        }
    }

    /// The client asks for much and reads nothing until it has been cut.
    @Test func cutsSlowReaders() async throws {
        let cuts = Metrics.shared.counter(
            "http_connections_cut_total", help: "", labels: [("phase", "answering")])
        let bytes = [UInt8](repeating: 0x78, count: 32 * 1024 * 1024)
        let large = Route.open(.get, "/large", summary: "L", tag: "T", returns: .text("Much.")) {
            _ in .bytes(200, bytes, as: "text/plain")
        }
        let configure: (inout ServerConfiguration) -> Void = {
            $0.answerDeadline = .milliseconds(200)
        }
        try await withServer(Sample.routes + [large], configure: configure) { server in
            let slow = try server.client(receiveBufferBytes: 4096)
            await slow.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            // No other test reads slowly, so the counter is the signal.
            while cuts.value == 0 { await Task.yield() }
            #expect(await slow.rest().count < bytes.count)
        }
    }
}
