package import Cryptography
internal import Dispatch
internal import Synchronization

/// An open connection between two processes of one installation, over which whole messages go.
///
/// Both sides know the installation's key. Each message is sealed for this connection, direction
/// and place in the order, so a stranger can neither read nor send, nor repeat what was sent.
package final class PeerLink: Sendable {
    package typealias Receive = @Sendable (PeerLink, [UInt8]) -> Void

    /// The longest message: some twenty thousand transfers, with room to spare.
    static let messageBytesMax = 16 * 1024 * 1024
    /// What may wait for a side that does not read; one byte more, and it is hung up on.
    static let pendingBytesMax = 64 * 1024 * 1024
    /// How long connecting and each step of the greeting may take.
    static let greetingMillisecondsMax = 1000
    /// How long a side may take nothing of what is sent to it.
    static let sendingMillisecondsMax = 2000

    private struct Outbox {
        var count: UInt64 = 0
        var pending: [UInt8] = []
        var isDraining = false
    }

    private let socket: PeerSocket
    private let seal: PeerSeal
    private let outbox = Mutex(Outbox())

    private init(_ socket: PeerSocket, _ seal: PeerSeal) {
        self.socket = socket
        self.seal = seal
    }

    // MARK: Opening

    /// Connects and greets. Waits for it, so it is not for a thread of the cooperative pool.
    package static func connect(
        to address: PeerAddress, key: SealingKey
    ) throws -> PeerLink {
        let socket = try PeerSocket.connected(
            to: address, milliseconds: greetingMillisecondsMax)
        socket.limit(milliseconds: greetingMillisecondsMax)
        let (own, greeting) = PeerSeal.greeting()
        guard socket.sendAll(greeting[...]),
            let theirs = socket.receive(greeting.count).flatMap(PeerSeal.nonce(in:))
        else { throw PeerError(reason: "\(address) did not greet") }
        let link = PeerLink(socket, PeerSeal(key, client: own, server: theirs, isClient: true))
        link.send([])
        // Who can seal an empty message knows the key.
        guard link.receive(place: 0) == [] else {
            throw PeerError(reason: "\(address) has another key")
        }
        socket.converse(sendingMilliseconds: sendingMillisecondsMax)
        return link
    }

    /// Greets who has connected; nil if it is a stranger.
    static func accept(_ socket: PeerSocket, key: SealingKey) -> PeerLink? {
        socket.limit(milliseconds: greetingMillisecondsMax)
        let deadline = ContinuousClock.now + .milliseconds(greetingMillisecondsMax)
        let (own, greeting) = PeerSeal.greeting()
        guard socket.sendAll(greeting[...]),
            let theirs = socket.receive(greeting.count, by: deadline).flatMap(PeerSeal.nonce(in:))
        else { return nil }
        let link = PeerLink(socket, PeerSeal(key, client: theirs, server: own, isClient: false))
        guard link.receive(place: 0, bytesMax: 0, by: deadline) == [] else { return nil }
        link.send([])
        socket.converse(sendingMilliseconds: sendingMillisecondsMax)
        return link
    }

    // MARK: Messages

    /// Hands each message to `receive`, in order, on a thread of the link's own, and says once that
    /// the link has ended.
    package func start(receive: @escaping Receive, end: @escaping @Sendable (PeerLink) -> Void) {
        DispatchQueue(label: "florin.peer").async { self.run(receive, end) }
    }

    /// Reads until the link ends, on the calling thread.
    func run(_ receive: Receive, _ end: (PeerLink) -> Void) {
        // The first message was the greeting.
        var place: UInt64 = 1
        while let message = self.receive(place: place) {
            place += 1
            receive(self, message)
        }
        close()
        end(self)
    }

    /// Sends without waiting. Whether it arrives, only an answer tells.
    package func send(_ message: [UInt8]) {
        let mustDrain = outbox.withLock { outbox -> Bool in
            let frame = seal.frame(message, place: outbox.count)
            outbox.count += 1
            var sent = 0
            if !outbox.isDraining { sent = socket.sendNow(frame[...]) ?? frame.count }
            guard sent < frame.count else { return false }
            outbox.pending += frame[sent...]
            if outbox.pending.count > Self.pendingBytesMax { close() }
            defer { outbox.isDraining = true }
            return !outbox.isDraining
        }
        if mustDrain { DispatchQueue(label: "florin.peer.send").async { self.drain() } }
    }

    /// Ends the link, for both sides.
    package func close() { socket.shutDown() }

    /// Sends what the system did not take at once.
    private func drain() {
        while true {
            let bytes = outbox.withLock { outbox -> [UInt8] in
                defer { outbox.pending = [] }
                if outbox.pending.isEmpty { outbox.isDraining = false }
                return outbox.pending
            }
            guard !bytes.isEmpty else { return }
            guard socket.sendAll(bytes[...]) else { return close() }
        }
    }

    /// The message at this place of the order; nil at the end, and when it is not what was sealed.
    private func receive(
        place: UInt64, bytesMax: Int = messageBytesMax, by deadline: ContinuousClock.Instant? = nil
    ) -> [UInt8]? {
        guard let head = socket.receive(PeerSeal.lengthBytes, by: deadline) else { return nil }
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        guard length <= bytesMax + PeerSeal.overheadBytes,
            let sealed = socket.receive(length, by: deadline)
        else { return nil }
        return seal.open(sealed, place: place)
    }
}
