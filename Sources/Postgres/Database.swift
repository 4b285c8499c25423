import Synchronization
import Telemetry
import Threads

/// The database as slices see it: closures that run inside transactions.
///
/// Behind it stand a few threads, each owning one connection, which take work from one bounded
/// queue. Connections open when first needed and come back by themselves after a loss.
package struct Database: Sendable {
    private let pool: PoolOwner

    /// - Parameters:
    ///   - connections: how many transactions run at once.
    ///   - queueMax: how many more may wait; further ones are refused as `.overloaded`.
    package init(settings: ConnectionSettings, connections: Int, queueMax: Int) {
        precondition(connections > 0 && queueMax > 0, "a pool has connections and a queue")
        pool = PoolOwner(
            Pool(settings: settings, connections: connections, queueMax: queueMax))
    }

    /// Runs `body` in one READ COMMITTED transaction. Its return commits, its error rolls back.
    ///
    /// The body is synchronous on purpose: nothing that waits for the outside world may hold row
    /// locks. It may run several times — when PostgreSQL finds two transactions in each other's
    /// way, or the connection is lost before the commit — so it changes nothing but the database.
    ///
    /// Throws `.commitUnknown` when the connection is lost during the commit.
    @discardableResult
    package func transaction<R: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await pool.pool.run(.write, body)
    }

    /// Runs `body` in a READ ONLY, REPEATABLE READ transaction: its statements see one state.
    package func read<R: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await pool.pool.run(.read, body)
    }

    /// Runs one statement that changes nothing, in a round trip of its own.
    package func query<R: Sendable>(
        _ statement: SQL, _ decode: @escaping @Sendable (Row) throws -> R
    ) async throws -> [R] {
        try await pool.pool.perform { session in
            try session.query(statement).rows.map(decode)
        }
    }

    var queue: WorkQueue<Pool.Work> { pool.pool.queue }

    /// Takes no more work, lets what waits finish, and closes the connections.
    package func close() async {
        await pool.pool.close()
    }
}

/// Lets the threads of a forgotten `Database` end.
private final class PoolOwner: Sendable {
    let pool: Pool

    init(_ pool: Pool) { self.pool = pool }

    deinit { pool.queue.close() }
}

/// The threads and what they share.
final class Pool: Sendable {
    typealias Work = @Sendable (Session) -> Void

    /// How long a transaction may wait for a connection before it is refused as `.overloaded`.
    static let waitingSecondsMax = 10

    private let instruments = PoolInstruments.shared

    let queue: WorkQueue<Work>
    private let threads: Mutex<Threads>

    private struct Threads {
        var running: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    init(settings: ConnectionSettings, connections: Int, queueMax: Int) {
        queue = WorkQueue(countMax: queueMax)
        threads = Mutex(Threads(running: connections))
        let outage = Outage()
        for _ in 0..<connections {
            SystemThread.start("database") { [self] in
                serve(
                    Session(settings: settings, outage: outage, instruments: instruments))
            }
        }
    }

    func run<R: Sendable>(
        _ mode: TransactionMode, _ body: @escaping @Sendable (borrowing Transaction) throws -> R
    ) async throws -> R {
        try await perform { session in try session.transaction(mode, body) }
    }

    func perform<R: Sendable>(
        _ body: @escaping @Sendable (Session) throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            let asked = ContinuousClock.now
            let admission = queue.add { [instruments] session in
                let waited = ContinuousClock.now - asked
                instruments.waiting.observe(waited)
                guard waited < .seconds(Self.waitingSecondsMax) else {
                    instruments.overloads.increment()
                    return continuation.resume(throwing: DatabaseError.overloaded)
                }
                continuation.resume(with: Result { try body(session) })
            }
            switch admission {
            case .taken: break
            case .full:
                instruments.overloads.increment()
                continuation.resume(throwing: DatabaseError.overloaded)
            case .closed: continuation.resume(throwing: DatabaseError.closed)
            }
        }
    }

    func close() async {
        queue.close()
        await withCheckedContinuation { continuation in
            let isOver = threads.withLock { threads in
                if threads.running > 0 { threads.waiting.append(continuation) }
                return threads.running == 0
            }
            if isOver { continuation.resume() }
        }
    }

    private func serve(_ session: Session) {
        while let work = queue.take() { work(session) }
        session.close()
        let waiting = threads.withLock { threads in
            threads.running -= 1
            return threads.running == 0 ? threads.waiting : []
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// What is counted about every pool of the process.
struct PoolInstruments {
    static let shared = PoolInstruments()

    let waiting = Metrics.shared.histogram(
        "database_queue", help: "Time transactions waited for a connection.")
    let retries = Metrics.shared.counter(
        "database_retries", help: "Transactions that were run again.")
    let overloads = Metrics.shared.counter(
        "database_overloads", help: "Transactions refused because too many waited.")
}
