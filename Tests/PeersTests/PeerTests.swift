import Cryptography
import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import Peers

/// Messages between two processes: whole, in order, and from nobody else.
@Suite(.timeLimit(.minutes(1))) struct PeerTests {
    private static let key = key(1)

    private static func key(_ byte: UInt8) -> SealingKey {
        KeyRing([[UInt8](repeating: byte, count: KeyRing.keyBytes)]).sealingKey("test")
    }

    /// A listener that says each message back.
    private static func echo() throws -> PeerListener {
        try PeerListener.start(at: .loopback, key: key) { link, message in link.send(message) }
    }

    private static func heard(
        _ count: Int, on link: PeerLink, after send: () -> Void
    ) async -> [[UInt8]] {
        let (stream, arrived) = AsyncStream<[UInt8]>.makeStream()
        link.start(receive: { arrived.yield($1) }, end: { _ in arrived.finish() })
        send()
        var messages: [[UInt8]] = []
        for await message in stream {
            messages.append(message)
            if messages.count == count { break }
        }
        return messages
    }

    @Test func messagesArriveWholeAndInOrder() async throws {
        let listener = try Self.echo()
        let link = try PeerLink.connect(to: listener.address, key: Self.key)
        // The largest are more than the system takes at once.
        let messages = [0, 1, 100, 3_000_000, 5, 8_000_000, 0].map { size in
            [UInt8](repeating: UInt8(size % 251), count: size)
        }
        let heard = await Self.heard(messages.count, on: link) {
            for message in messages { link.send(message) }
        }
        #expect(heard == messages)
        link.close()
        listener.stop()
    }

    @Test func aStrangerIsNotSpokenTo() throws {
        let listener = try Self.echo()
        #expect(throws: PeerError.self) {
            try PeerLink.connect(to: listener.address, key: Self.key(2))
        }
        listener.stop()
        #expect(throws: PeerError.self) {
            try PeerLink.connect(to: listener.address, key: Self.key)
        }
    }

    /// What a stranger may say instead of greeting, or after it.
    enum Noise: CaseIterable {
        case nothing, web, random, halfAGreeting, hugeLength, emptyMessage, unsealed

        func bytes(after greeting: [UInt8]) -> [UInt8] {
            switch self {
            case .nothing: []
            case .web: Array("GET / HTTP/1.1\r\nHost: florin\r\n\r\n".utf8)
            case .random: (0..<4096).map { _ in .random(in: .min ... .max) }
            case .halfAGreeting: Array(greeting.prefix(20))
            case .hugeLength: greeting + [255, 255, 255, 255]
            case .emptyMessage: greeting + [0, 0, 0, 0]
            case .unsealed:
                greeting + [0, 0, 0, UInt8(PeerSeal.overheadBytes)]
                    + [UInt8](repeating: 2, count: PeerSeal.overheadBytes)
            }
        }
    }

    /// Whatever arrives at the port, nobody but who knows the key gets a message in or out, and
    /// those who know it go on talking.
    @Test func hostileBytesDoNoHarm() async throws {
        let said = Tally()
        let listener = try PeerListener.start(at: .loopback, key: Self.key) { link, message in
            said.add()
            link.send(message)
        }
        let kin = try PeerLink.connect(to: listener.address, key: Self.key)
        for noise in Noise.allCases {
            let stranger = try PeerSocket.connected(to: listener.address, milliseconds: 5000)
            let (_, greeting) = PeerSeal.greeting()
            #expect(stranger.receive(greeting.count)?.count == greeting.count)
            _ = stranger.sendAll(noise.bytes(after: greeting)[...])
            // Nothing comes back but the end.
            #expect(stranger.receive(1) == nil)
        }
        #expect(said.count == 0)
        #expect(await Self.heard(1, on: kin) { kin.send([7]) } == [[7]])
        listener.stop()
    }

    /// Every word of another's conversation, said again, opens nothing: the answers are other ones.
    @Test func whatWasOverheardIsWorthNothing() async throws {
        let said = Tally()
        let listener = try PeerListener.start(at: .loopback, key: Self.key) { _, _ in said.add() }
        let proxy = try Overhearing(listener.address)
        let kin = try PeerLink.connect(to: proxy.address, key: Self.key)
        kin.send([1])
        while said.count == 0 { try await Task.yieldUnlessCancelled() }
        kin.close()
        let again = try PeerSocket.connected(to: listener.address, milliseconds: 5000)
        _ = again.sendAll(proxy.said[...])
        #expect(again.receive(PeerSeal.greeting().bytes.count) != nil)
        #expect(again.receive(1) == nil)
        #expect(said.count == 1)
        listener.stop()
        proxy.stop()
    }

    /// Passes one conversation on, and keeps what the one who connected has said.
    private final class Overhearing: Sendable {
        private let socket: PeerSocket
        private let heard = Mutex<[UInt8]>([])

        init(_ target: PeerAddress) throws {
            socket = try PeerSocket.listening(at: .loopback)
            let server = try PeerSocket.connected(to: target, milliseconds: 5000)
            DispatchQueue(label: "overhearing").async { self.pass(on: server) }
        }

        var address: PeerAddress { PeerAddress(host: "127.0.0.1", port: socket.port) }
        var said: [UInt8] { heard.withLock { $0 } }

        func stop() { socket.shutDown() }

        private func pass(on server: PeerSocket) {
            guard let client = socket.accept() else { return }
            DispatchQueue(label: "overhearing answers").async {
                while let byte = server.receive(1) { _ = client.sendAll(byte[...]) }
                client.shutDown()
            }
            while let byte = client.receive(1) {
                heard.withLock { $0 += byte }
                _ = server.sendAll(byte[...])
            }
            server.shutDown()
        }
    }

    @Test func whoeverStopsIsNoticed() async throws {
        let listener = try Self.echo()
        let link = try PeerLink.connect(to: listener.address, key: Self.key)
        #expect(await Self.heard(1, on: link) { link.send([1]) } == [[1]])
        let other = try PeerLink.connect(to: listener.address, key: Self.key)
        #expect(await Self.heard(1, on: other) { listener.stop() } == [])
    }

    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:9", "[::1]:9"), ("name.example:0", nil),
        ("::1:9", nil), (":9", nil), ("host", nil), ("host:66000", nil), ("host:", nil),
    ])
    func anAddressIsAHostAndAPort(text: String, expected: String?) {
        let isName = text.hasPrefix("name")
        #expect(PeerAddress(text).map { "\($0)" } == (isName ? text : expected))
    }
}

/// Bytes of a message, and what is made of those that are none.
@Suite struct MessageTests {
    @Test func whatIsWrittenIsRead() throws {
        var writer = MessageWriter()
        writer.put(UInt64.max)
        writer.put(Int16(-2))
        writer.put(true)
        writer.put("naïve €")
        var reader = MessageReader(writer.bytes)
        #expect(try reader.next(UInt64.self) == .max)
        #expect(try reader.next(Int16.self) == -2)
        #expect(try reader.flag())
        #expect(try reader.text() == "naïve €")
        #expect(reader.isAtEnd)
        #expect(throws: MessageError.self) { try reader.next(UInt8.self) }
    }

    @Test func nothingIsReadBeyondTheEnd() {
        for bytes: [UInt8] in [[], [0, 0, 0], [0, 0, 0, 2, 65], [255, 255, 255, 255, 1]] {
            #expect(throws: MessageError.self) {
                var reader = MessageReader(bytes)
                _ = try reader.text()
            }
            #expect(throws: MessageError.self) {
                var reader = MessageReader(bytes)
                _ = try reader.count()
            }
        }
        #expect(throws: MessageError.self) {
            var reader = MessageReader([0, 0, 0, 1, 0xFF])
            _ = try reader.text()
        }
    }
}
