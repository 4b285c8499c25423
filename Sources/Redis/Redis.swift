import Synchronization
import Telemetry
import Threads

/// A Redis that several processes share, for what may be lost at any moment.
///
/// One connection on a thread of its own, which sends all that waits in one go and then reads the
/// answers: under load a round trip carries many commands. While Redis is away every command
/// fails at once, so that nobody waits for what is not there, and now and then one tries again.
package final class Redis: Sendable {
    package struct Settings: Sendable {
        package var address: RedisAddress
        /// For connecting, and for the answers to what was sent together.
        package var timeoutMilliseconds = Settings.timeoutMillisecondsDefault

        package static let timeoutMillisecondsDefault = 200

        package init(_ address: RedisAddress) {
            self.address = address
        }
    }

    /// Commands that may wait; a further one fails as `.overloaded`.
    static let waitingMax = 4_096
    /// Commands that travel together.
    static let flightMax = 256

    package typealias Outcome = Result<RedisReply, RedisError>

    private struct Errand: Sendable {
        let command: RedisCommand
        let done: @Sendable (Outcome) -> Void
    }

    private let queue = WorkQueue<Errand>(countMax: waitingMax)
    private let isAway: Atomic<Bool>
    private let circuit: Mutex<Circuit>
    private let settings: Settings

    package init(_ settings: Settings) {
        self.settings = settings
        isAway = Atomic(false)
        circuit = Mutex(Circuit())
        RedisInstruments.shared.available.set(1)
        // The thread holds what it needs and not this object, whose end is then the thread's.
        let (queue, note) = (queue, Notes(address: settings.address))
        SystemThread.start("redis") { [weak self] in
            var link: RedisLink?
            while let first = queue.take() {
                var errands = [first]
                while errands.count < Self.flightMax, let more = queue.takeWithoutWaiting() {
                    errands.append(more)
                }
                guard let self else {
                    for errand in errands { errand.done(.failure(.away("it was closed"))) }
                    continue
                }
                self.serve(errands, &link, note)
            }
        }
    }

    deinit { queue.close() }

    /// Sends the command and awaits its answer.
    package func run(_ command: RedisCommand) async throws(RedisError) -> RedisReply {
        let outcome = await withCheckedContinuation { continuation in
            send(command) { continuation.resume(returning: $0) }
        }
        return try outcome.get()
    }

    /// Whether it answers now; while it is left alone, this says so at once.
    package func answers() async -> Bool {
        do { return try await run(.ping) == .text("PONG") } catch { return false }
    }

    /// Sends the command without waiting; `done` is called on the thread of the connection, or at
    /// once when there is nothing to wait for.
    package func send(_ command: RedisCommand, _ done: @escaping @Sendable (Outcome) -> Void) {
        if isAway.load(ordering: .relaxed), !circuit.withLock({ $0.mayTry(at: Self.now) }) {
            return done(.failure(.away("it did not answer a moment ago")))
        }
        switch queue.add(Errand(command: command, done: done)) {
        case .taken: break
        case .full: done(.failure(.overloaded))
        case .closed: done(.failure(.away("it was closed")))
        }
    }

    // MARK: On the thread of the connection

    private func serve(_ errands: [Errand], _ link: inout RedisLink?, _ notes: Notes) {
        let outcomes = outcomes(errands, &link)
        let failure = outcomes.lazy.compactMap { outcome -> RedisError? in
            if case .failure(let error) = outcome { error } else { nil }
        }.first
        // A Redis that refuses, for want of memory or because it is a replica, is no use either.
        let news = circuit.withLock {
            failure == nil ? $0.succeeded() : $0.failed(at: Self.now)
        }
        isAway.store(failure != nil, ordering: .relaxed)
        notes.tell(news, failure)
        if link?.isBroken == true || failure?.isAway == true { link = nil }
        for (errand, outcome) in zip(errands, outcomes) { errand.done(outcome) }
    }

    private func outcomes(_ errands: [Errand], _ link: inout RedisLink?) -> [Outcome] {
        guard circuit.withLock({ $0.mayTry(at: Self.now) }) else {
            return errands.map { _ in .failure(.away("it did not answer a moment ago")) }
        }
        do throws(RedisError) {
            let open =
                if let link { link } else {
                    try RedisLink.open(
                        settings.address, timeoutMilliseconds: settings.timeoutMilliseconds)
                }
            link = open
            return open.fly(errands.map(\.command))
        } catch {
            return errands.map { _ in .failure(error) }
        }
    }

    private static let origin = ContinuousClock.now

    /// Milliseconds of a clock that only goes forward.
    private static var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - origin).components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

extension RedisError {
    fileprivate var isAway: Bool { if case .away = self { true } else { false } }
}

/// What is said about the connection: once when it goes and once when it comes back.
private struct Notes: Sendable {
    let address: RedisAddress

    func tell(_ news: Circuit.News, _ failure: RedisError?) {
        let instruments = RedisInstruments.shared
        if failure != nil { instruments.failures.increment() }
        switch news {
        case .nothing: break
        case .went:
            instruments.available.set(0)
            Log.warning(
                "redis_away",
                ["address": .text("\(address)"), "error": .text(failure?.description ?? "")])
        case .cameBack:
            instruments.available.set(1)
            Log.notice("redis_back", ["address": .text("\(address)")])
        }
    }
}

private struct RedisInstruments {
    static let shared = RedisInstruments()

    let available = Metrics.shared.gauge(
        "redis_available", help: "1 while the configured Redis answers, 0 while memory stands in.")
    let failures = Metrics.shared.counter(
        "redis_failures", help: "Flights of commands that Redis did not answer as it should.")
}
