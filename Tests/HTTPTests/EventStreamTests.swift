import HTTP
import Synchronization
import Testing

struct EventStreamTests {
    /// A route that hands out streams, and the streams it has handed out.
    private final class Source: Sendable {
        let opened = Signal()
        let closed = Signal()
        private let streams = Mutex<[EventStream]>([])

        var stream: EventStream { streams.withLock { $0[0] } }

        var route: Route {
            .open(.get, "/events", summary: "Follow", tag: "T", returns: .events("Events.")) { _ in
                let stream = EventStream()
                stream.onClose { self.closed.fire() }
                self.streams.withLock { $0.append(stream) }
                self.opened.fire()
                return .events(stream)
            }
        }
    }

    private static let request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func sendsEventsAsTheyCome() async throws {
        let source = Source()
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            let head = try await client.text(through: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200"))
            #expect(head.contains("Content-Type: text/event-stream\r\n"))
            #expect(head.contains("Cache-Control: no-store\r\n"))
            #expect(try await client.chunk() == "retry: 2000\n\n")
            source.stream.send(event: "balance", id: "7", data: Array(#"{"a":1}"#.utf8))
            #expect(try await client.chunk() == "event: balance\nid: 7\ndata: {\"a\":1}\n\n")
            source.stream.send(event: "note", data: Array("one\ntwo".utf8))
            #expect(try await client.chunk() == "event: note\ndata: one\ndata: two\n\n")
            source.stream.close()
            #expect(try await client.chunk() == "")
            await source.closed.wait()
            #expect(!source.stream.send(event: "late", data: []))
        }
    }

    @Test func breaksSilence() async throws {
        let source = Source()
        let configure: (inout ServerConfiguration) -> Void = {
            $0.heartbeatInterval = .milliseconds(20)
        }
        try await withServer([source.route], configure: configure) { server in
            let client = try server.client()
            await client.send(Self.request)
            _ = try await client.text(through: "\r\n\r\n")
            #expect(try await client.chunk() == "retry: 2000\n\n")
            #expect(try await client.chunk() == ":\n\n")
            #expect(try await client.chunk() == ":\n\n")
        }
    }

    @Test func noticesClientsThatLeave() async throws {
        let source = Source()
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            _ = try await client.text(through: "\n\n")
            client.leave()
            await source.closed.wait()
        }
    }

    @Test func cutsClientsThatDoNotRead() async throws {
        let source = Source()
        try await withServer([source.route]) { server in
            let client = try server.client(receiveBufferBytes: 4096)
            await client.send(Self.request)
            await source.opened.wait()
            let data = [UInt8](repeating: 0x78, count: 8192)
            while source.stream.send(event: "flood", data: data) { await Task.yield() }
            await source.closed.wait()
            #expect(source.stream.isClosed)
            _ = await client.rest()
        }
    }

    @Test func answersHeadWithoutAStream() async throws {
        let source = Source()
        try await withServer([source.route]) { server in
            let answer = try await server.ask("HEAD /events")
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "text/event-stream")
            await source.closed.wait()
        }
    }

    @Test func runsLateCloseActionsAtOnce() {
        let stream = EventStream()
        stream.close()
        stream.close()
        let runs = Mutex(0)
        stream.onClose { runs.withLock { $0 += 1 } }
        #expect(runs.withLock { $0 } == 1)
    }

    @Test func closesStreamsWhenDrained() async throws {
        let source = Source()
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            await source.opened.wait()
            _ = try await client.text(through: "retry: 2000\n\n")
            server.server.drain()
            await source.closed.wait()
            try await server.running.value
        }
    }
}
