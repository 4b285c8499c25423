internal import Postgres
internal import Synchronization
internal import Telemetry
internal import Values

/// Tells subscribers of each new line of the journal, once and in journal order, whoever wrote it.
///
/// What this process writes is told at once. What another process writes leaves a gap in the
/// places, which is read from the journal; a look at the head several times a second finds gaps
/// that nothing follows. While nobody wants to know, nothing is read.
final class LedgerTail: Sendable {
    typealias Subscriber = @Sendable ([Transfer]) -> Void

    static let lookMilliseconds = 250
    static let linesPerLook = 5_000

    private struct State {
        var told: Int64 = 0
        var subscribers: [(isWanted: @Sendable () -> Bool, tell: Subscriber)] = []

        var isWanted: Bool { subscribers.contains { $0.isWanted() } }
    }

    private let state = Mutex(State())

    func subscribe(
        whileWanted isWanted: @escaping @Sendable () -> Bool, _ subscriber: @escaping Subscriber
    ) {
        state.withLock { $0.subscribers.append((isWanted, subscriber)) }
    }

    /// Called by the writer with lines in order, right after their commit.
    func committed(_ lines: [Transfer]) { tell(lines) }

    /// Tells the lines that directly continue what was told. Those behind a gap, which another
    /// process has filled, are left to the next look.
    private func tell(_ lines: [Transfer]) {
        state.withLock { state in
            let fresh = lines.drop { $0.id.number <= state.told }
            let next = zip(fresh, (state.told + 1)...).prefix { $0.id.number == $1 }.map(\.0)
            guard let last = next.last else { return }
            state.told = last.id.number
            // Within the lock, so that two batches cannot overtake each other; subscribers only
            // enqueue.
            for subscriber in state.subscribers { subscriber.tell(next) }
        }
    }

    /// Follows the journal until cancelled. A database that is away is waited for.
    func run(on database: Database) async throws {
        var hasBegun = false
        while !Task.isCancelled {
            do {
                if hasBegun {
                    try await look(at: database)
                } else {
                    try await begin(at: database)
                    hasBegun = true
                }
            } catch let error as DatabaseError {
                Log.warning("ledger.tail_waits", ["error": "\(error)"])
            }
            try await Task.sleep(for: .milliseconds(Self.lookMilliseconds))
        }
    }

    /// What is in the journal already is history and is not told.
    private func begin(at database: Database) async throws {
        let last = try await lastTransfer(in: database)
        state.withLock { $0.told = max($0.told, last) }
    }

    private func lastTransfer(in database: Database) async throws -> Int64 {
        try await database.read { transaction in
            try transaction.first(LedgerStore.fence).map { try LedgerStore.Fence(row: $0) }
        }?.lastTransfer ?? 0
    }

    private func look(at database: Database) async throws {
        let (told, isWanted) = state.withLock { ($0.told, $0.isWanted) }
        guard isWanted else { return try await pass(over: database) }
        tell(
            try await database.read { transaction in
                try transaction.query(
                    """
                    SELECT \(LedgerStore.transferColumns) FROM ledger.transfers t
                    WHERE t.id > \(told) ORDER BY t.id LIMIT \(Int64(Self.linesPerLook))
                    """
                ).map { try Transfer(row: $0) }
            })
    }

    /// What was written while nobody wanted to know is history: whoever begins to listen now looks
    /// it up after that.
    private func pass(over database: Database) async throws {
        let last = try await lastTransfer(in: database)
        state.withLock { state in
            if !state.isWanted { state.told = max(state.told, last) }
        }
    }
}
