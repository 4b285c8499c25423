import Dispatch
import Glibc
package import Postgres
import Synchronization

/// The wire between a program and its PostgreSQL, which a test can cut at any byte, or stop.
package final class DatabaseProxy: Sendable {
    package enum Direction: CaseIterable, Sendable { case requests, answers }

    /// What will cut the wire that carries it.
    private struct Cut {
        let direction: Direction
        var bytesLeft: Int
        let staysAway: Bool
    }

    /// Cuts the wire that carried all of these words in this order.
    private struct Ambush {
        let words: [String]
        let place: Place
        let staysAway: Bool
    }

    /// Where a wire is cut when the last word of an ambush is seen.
    package enum Place: CaseIterable, Sendable {
        /// What holds the word does not arrive.
        case beforeIt
        /// It arrives, and what is answered to it does not.
        case beforeItsAnswer
    }

    private struct State {
        var wires: [ObjectIdentifier: Wire] = [:]
        var cut: Cut?
        var ambush: Ambush?
        var isAway = false
        var isHeld = false
    }

    private let folder = TestFolder("florin-wire", mode: 0o755)
    private let target: String
    private let listener: Int32
    private let state = Mutex(State())

    /// - Parameter server: a PostgreSQL on a socket of this machine.
    package init(to server: ConnectionSettings) {
        let host = server.url.split(separator: "host='").last?.prefix { $0 != "'" } ?? ""
        target = host + "/.s.PGSQL.5432"
        listener = ScriptedServer.listen(path: folder.path + "/.s.PGSQL.5432")
        DispatchQueue(label: "proxy.accept").async { self.accept() }
    }

    /// Stops accepting and cuts every wire.
    package func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        cut()
        folder.remove()
    }

    /// The way to a database over this wire.
    package func settings(for database: String) -> ConnectionSettings {
        ConnectionSettings(url: "host='\(folder.path)' port=5432 user=florin")
            .database(database)
    }

    package func database(_ direct: TestDatabase) -> TestDatabase {
        TestDatabase(
            name: direct.name,
            settings: ConnectionSettings(url: "host='\(folder.path)' port=5432 user=florin"))
    }
}

// MARK: Trouble

extension DatabaseProxy {
    /// Cuts all wires at once.
    package func cut() {
        for wire in state.withLock({ $0.wires.values.map(\.self) }) { wire.cut() }
    }

    /// Cuts the wire over which so many more bytes have gone in this direction.
    /// - Parameter staysAway: whether connecting again is in vain until `mend()`.
    package func cut(_ direction: Direction, after bytes: Int, staysAway: Bool = false) {
        state.withLock {
            $0.cut = Cut(direction: direction, bytesLeft: bytes, staysAway: staysAway)
        }
    }

    /// Cuts one wire where these words have been sent over it, one after the other.
    /// - Parameter staysAway: whether connecting again is in vain until `mend()`.
    package func cut(_ place: Place, after words: [String], staysAway: Bool) {
        state.withLock {
            $0.ambush = Ambush(words: words, place: place, staysAway: staysAway)
        }
    }

    /// Takes all trouble back. Returns whether a cut was still to come.
    @discardableResult
    package func mend() -> Bool {
        let (wires, wasPending) = state.withLock { state in
            defer {
                state.cut = nil
                state.ambush = nil
                state.isAway = false
                state.isHeld = false
            }
            return (state.wires.values.map(\.self), state.cut != nil || state.ambush != nil)
        }
        for wire in wires { wire.release() }
        return wasPending
    }

    /// Whoever connects from now on is hung up on.
    package func turnAway() { state.withLock { $0.isAway = true } }

    /// Whoever connects is hung up on, and everyone is now.
    package func goAway() {
        turnAway()
        cut()
    }

    /// Nothing passes over the wires there are; what is sent lies there until `mend()`.
    /// - Parameter newOnes: whether that is so for those to come.
    package func hold(newOnes: Bool) {
        let wires = state.withLock { state in
            state.isHeld = newOnes
            return state.wires.values.map(\.self)
        }
        for wire in wires { wire.hold() }
    }

    package var wires: Int { state.withLock { $0.wires.count } }
    /// Whether some wire holds back what was sent over it.
    package var holdsBytes: Bool {
        state.withLock { $0.wires.values.map(\.self) }.contains { $0.holdsBytes }
    }
}

// MARK: Carrying

extension DatabaseProxy {
    private func accept() {
        while true {
            let near = Glibc.accept(listener, nil, nil)
            guard near >= 0 else { return _ = close(listener) }
            guard !state.withLock({ $0.isAway }), let far = Self.connect(target) else {
                close(near)
                continue
            }
            carry(Wire(near: near, far: far))
        }
    }

    private func carry(_ wire: Wire) {
        let isHeld = state.withLock { state in
            state.wires[ObjectIdentifier(wire)] = wire
            return state.isHeld
        }
        if isHeld { wire.hold() }
        let ways = [(wire.near, wire.far, Direction.requests), (wire.far, wire.near, .answers)]
        for (source, target, direction) in ways {
            DispatchQueue(label: "proxy.\(direction)").async {
                self.pump(wire, from: source, to: target, direction)
                wire.cut()
                self.state.withLock { _ = $0.wires.removeValue(forKey: ObjectIdentifier(wire)) }
            }
        }
    }

    private func pump(
        _ wire: Wire, from source: Int32, to target: Int32, _ direction: Direction
    ) {
        var bytes = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = unsafe recv(source, &bytes, bytes.count, 0)
            guard count > 0 else { return }
            wire.waitWhileHeld()
            let isCut =
                switch direction {
                case .requests: springs(on: wire, bytes.prefix(count))
                case .answers: wire.losesAnswers
                }
            if isCut { return }
            let allowed = allowance(count, direction)
            var sent = 0
            while sent < allowed {
                let more = unsafe bytes[sent..<allowed].withUnsafeBytes {
                    unsafe send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard more > 0 else { return }
                sent += more
            }
            if allowed < count { return }
        }
    }

    /// How many of the bytes pass before the wire is cut.
    private func allowance(_ count: Int, _ direction: Direction) -> Int {
        state.withLock { state in
            guard let cut = state.cut, cut.direction == direction else { return count }
            guard cut.bytesLeft < count else {
                state.cut?.bytesLeft -= count
                return count
            }
            state.cut = nil
            state.isAway = cut.staysAway
            return cut.bytesLeft
        }
    }

    /// Whether these bytes complete an ambush before which the wire is to be cut.
    private func springs(on wire: Wire, _ bytes: ArraySlice<UInt8>) -> Bool {
        state.withLock { state in
            guard let ambush = state.ambush, wire.hears(ambush.words, in: bytes) else {
                return false
            }
            state.ambush = nil
            state.isAway = ambush.staysAway
            if ambush.place == .beforeItsAnswer { wire.loseAnswers() }
            return ambush.place == .beforeIt
        }
    }

    private static func connect(_ path: String) -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let isConnected = unsafe ScriptedServer.withAddress(path) { address, length in
            unsafe Glibc.connect(descriptor, address, length) == 0
        }
        if isConnected { return descriptor }
        close(descriptor)
        return nil
    }
}

/// Two sockets of which each gets what the other is sent. Closed when nobody carries any more.
private final class Wire: Sendable {
    let near: Int32
    let far: Int32
    private let barrier = Mutex<Barrier?>(nil)
    private let waiting = Atomic(0)
    private let wordsHeard = Atomic(0)
    private let isDeaf = Atomic(false)

    init(near: Int32, far: Int32) {
        self.near = near
        self.far = far
    }

    deinit {
        close(near)
        close(far)
    }

    func cut() {
        shutdown(near, Int32(SHUT_RDWR))
        shutdown(far, Int32(SHUT_RDWR))
    }

    /// Whether the last of the words is heard now, and the others were before.
    func hears(_ words: [String], in bytes: ArraySlice<UInt8>) -> Bool {
        let heard = wordsHeard.load(ordering: .relaxed)
        guard words.indices.contains(heard), bytes.contains(Array(words[heard].utf8)) else {
            return false
        }
        wordsHeard.store(heard + 1, ordering: .relaxed)
        return heard + 1 == words.count
    }

    var losesAnswers: Bool { isDeaf.load(ordering: .acquiring) }
    func loseAnswers() { isDeaf.store(true, ordering: .releasing) }

    func hold() { barrier.withLock { $0 = $0 ?? Barrier() } }

    func release() {
        let opened = barrier.withLock { barrier in
            defer { barrier = nil }
            return barrier
        }
        opened?.open()
    }

    var holdsBytes: Bool { waiting.load(ordering: .acquiring) > 0 }

    func waitWhileHeld() {
        while let barrier = barrier.withLock({ $0 }) {
            waiting.add(1, ordering: .acquiringAndReleasing)
            barrier.wait()
            waiting.subtract(1, ordering: .acquiringAndReleasing)
        }
    }
}
