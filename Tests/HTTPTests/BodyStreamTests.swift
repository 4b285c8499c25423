import HTTP
import Synchronization
import Testing

struct BodyStreamTests {
    private enum Ended: Error { case early }

    /// A route whose body is so many pieces, and how many of them have been taken.
    private final class Source: Sendable {
        static let piece = [UInt8](repeating: 0x78, count: 8192)
        let pieces: Int
        let failsAfter: Int?
        let over = Signal()
        private let taken = Mutex(0)
        private let error = Mutex<(any Error)?>(nil)

        init(pieces: Int, failsAfter: Int? = nil) {
            self.pieces = pieces
            self.failsAfter = failsAfter
        }

        var piecesTaken: Int { taken.withLock { $0 } }
        var wasCutOff: Bool { error.withLock { $0 is BodyStream.Closed } }

        var route: Route {
            .open(.post, "/copies", summary: "Copy", tag: "T", returns: .text("A copy.")) { _ in
                .produced(as: "text/plain") { try await self.produce($0) }
            }
        }

        private func produce(_ body: BodyStream) async throws {
            defer { over.fire() }
            do {
                for number in 0..<pieces {
                    if number == failsAfter { throw Ended.early }
                    try await body.write(Self.piece)
                    taken.withLock { $0 += 1 }
                }
            } catch {
                self.error.withLock { $0 = error }
                throw error
            }
        }
    }

    private static let request = "POST /copies HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

    @Test func arrivesWholeWhateverItsSize() async throws {
        let source = Source(pieces: 100)
        try await withServer([source.route]) { server in
            let answer = try await server.ask("POST /copies")
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "text/plain")
            #expect(answer["cache-control"] == "no-store")
            #expect(answer.body == Array(repeating: Source.piece, count: 100).flatMap { $0 })
        }
    }

    @Test func nothingAtAllIsABodyToo() async throws {
        let source = Source(pieces: 0)
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            #expect(try await client.answer().body.isEmpty)
            // The connection is good for the next request.
            await client.send(Self.request)
            #expect(try await client.answer().status == 200)
        }
    }

    /// What a client has not read lies in the kernel's buffers and in one buffer here, not more:
    /// the producer of a body that is larger than all of them has not come to its end.
    @Test func theProducerWaitsForAClientThatDoesNotRead() async throws {
        let source = Source(pieces: 10_000)
        try await withServer([source.route]) { server in
            let client = try server.client(receiveBufferBytes: 4096)
            await client.send(Self.request)
            _ = try await client.text(through: "\r\n\r\n")
            // Others are served meanwhile, so the loop is not what waits.
            for _ in 0..<20 { #expect(try await server.ask("GET /nothing").status == 404) }
            #expect(source.piecesTaken < source.pieces)
            client.leave()
            await source.over.wait()
            #expect(source.wasCutOff)
        }
    }

    /// A client must never take a part for the whole.
    @Test func aProducerThatFailsBreaksTheConnectionOff() async throws {
        let source = Source(pieces: 20, failsAfter: 10)
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            _ = try await client.text(through: "\r\n\r\n")
            let rest = await client.rest()
            #expect(rest.count > 8192)
            #expect(!rest.suffix(5).elementsEqual(Array("0\r\n\r\n".utf8)))
        }
    }

    /// Who is given a copy gets the rest of it while the server waits for what is in flight.
    @Test func aDrainLetsItFinish() async throws {
        let source = Source(pieces: 1000)
        try await withServer([source.route]) { server in
            let client = try server.client()
            await client.send(Self.request)
            let head = try await client.text(through: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200"))
            server.server.drain()
            var count = 0
            while case let chunk = try await client.chunk(), !chunk.isEmpty {
                count += chunk.utf8.count
            }
            #expect(count == 1000 * Source.piece.count)
            try await server.running.value
        }
    }

    @Test func whoTakesForeverIsCutOff() async throws {
        let source = Source(pieces: 10_000)
        let configure: (inout ServerConfiguration) -> Void = {
            $0.producedAnswerDeadline = .milliseconds(100)
        }
        try await withServer([source.route], configure: configure) { server in
            let client = try server.client(receiveBufferBytes: 4096)
            await client.send(Self.request)
            await source.over.wait()
            #expect(source.wasCutOff)
        }
    }
}
