import Cryptography
import Dispatch
import Peers
import Synchronization
import TestSupport
import Testing

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
