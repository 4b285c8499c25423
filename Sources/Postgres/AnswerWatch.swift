import Synchronization
import Threads

#if canImport(Glibc)
    import Glibc
#endif

/// Hangs up on servers that owe an answer for too long.
///
/// A statement's time-out is the server's own promise, which a frozen machine, or a proxy that has
/// lost its other side, does not keep; and libpq waits for ever. So a thread shuts the sockets of
/// those that are late, and libpq finds the connection lost.
final class AnswerWatch: Sendable {
    static let shared = AnswerWatch()

    private static let lookMilliseconds = 250

    private struct State {
        var watched: [ObjectIdentifier: Watched] = [:]
        var isRunning = false
    }

    private let state = Mutex(State())

    func add(_ watched: Watched) {
        let isFirst = state.withLock { state in
            state.watched[ObjectIdentifier(watched)] = watched
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if isFirst { SystemThread.start("database watch") { [self] in run() } }
    }

    /// After this its socket is not touched again, and its number may become another's.
    func remove(_ watched: Watched) {
        state.withLock { _ = $0.watched.removeValue(forKey: ObjectIdentifier(watched)) }
    }

    private func run() {
        while true {
            pause(milliseconds: Self.lookMilliseconds)
            let now = Watched.now
            state.withLock { state in
                for watched in state.watched.values { watched.hangUp(ifLateAt: now) }
            }
        }
    }
}

/// One connection, as the watch sees it.
final class Watched: Sendable {
    private static let origin = ContinuousClock.now

    /// Milliseconds since this program began to look.
    static var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - origin).components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    private let socket: Int32
    private let patienceMilliseconds: Int64
    /// When the next answer is late; 0 while none is due.
    private let lateAt = Atomic<Int64>(0)

    init(socket: Int32, patienceMilliseconds: Int) {
        self.socket = socket
        self.patienceMilliseconds = Int64(patienceMilliseconds)
    }

    /// Something was asked, or an answer came and another is due.
    func expect() { lateAt.store(Self.now + patienceMilliseconds, ordering: .relaxed) }

    func rest() { lateAt.store(0, ordering: .relaxed) }

    fileprivate func hangUp(ifLateAt now: Int64) {
        let lateAt = lateAt.load(ordering: .relaxed)
        if lateAt != 0, now > lateAt { shutdown(socket, Int32(SHUT_RDWR)) }
    }
}
