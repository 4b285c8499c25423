internal import Postgres
internal import Telemetry

/// Whose turn it is to write while several processes are busy.
///
/// A lost race costs a batch that was decided in vain, so busy writers take turns under an advisory
/// lock and write many batches in one. The fence alone keeps the books right: a turn is only a way
/// of not getting in each other's way, and nobody waits long for one who does not give it up.
struct Turns {
    /// How many more turns will be asked for. Each at whose beginning nobody else had written
    /// counts down: alone again, a writer asks for none.
    private(set) var left = 0
    /// When ours ends; nil while it is not ours.
    private var end: ContinuousClock.Instant?
    /// Whether this session may hold the lock, were it only because an answer was lost.
    private(set) var mayHold = false

    /// Turns taken after another process was seen to write.
    static let max = 32
    /// The length of a turn. Longer or shorter ones were no faster with two busy processes.
    static let milliseconds = 5

    var isNeeded: Bool { left > 0 && (end.map { .now >= $0 } ?? true) }

    mutating func wasOvertaken() { left = Self.max }

    mutating func willAsk() {
        end = nil
        mayHold = true
    }

    mutating func begin(othersWrote: Bool) {
        left = othersWrote ? Self.max : left - 1
        end = .now + .milliseconds(Self.milliseconds)
    }

    /// Somebody keeps the lock and, it seems, writes nothing.
    mutating func giveUp() { left = 0 }

    /// The lock is free again, or its session is gone.
    mutating func ended() {
        end = nil
        mayHold = false
    }
}

extension BatchWriter {
    /// Waits for a turn where one is needed. What arrives meanwhile goes with its first batch.
    func awaitTurn() {
        guard turns.isNeeded else {
            if turns.left == 0 { leaveTurn() }
            return
        }
        do {
            try takeTurn(connected())
        } catch {
            // Whatever is wrong, the batch itself will find out, and its clients be told.
            Log.warning("ledger.no_turn", ["error": "\(error)"])
        }
    }

    /// Begins a turn, and learns what others wrote meanwhile, in one round trip.
    private func takeTurn(_ connection: Connection) throws(DatabaseError) {
        let known = cache.fence
        let before =
            turns.mayHold
            ? [LedgerStore.leaveTurn, LedgerStore.takeTurn] : [LedgerStore.takeTurn]
        turns.willAsk()
        let results: [QueryResult]
        do {
            results = try connection.pipeline(
                before + [LedgerStore.fence] + LedgerStore.news(since: known))
        } catch {
            guard error.isBlocked else { throw error }
            return turns.giveUp()
        }
        let read = try LedgerStore.Fence(row: results[before.count].rows[0])
        try catchUp(with: read, after: known, results.dropFirst(before.count + 1).map(\.rows))
        turns.begin(othersWrote: known != read)
    }

    /// Lets the others write: there is nothing to do, or nobody to share with.
    func leaveTurn() {
        guard turns.mayHold, let connection else { return turns.ended() }
        do {
            try connection.execute(LedgerStore.leaveTurn)
        } catch {
            // The server ends the turns of a session that is gone.
        }
        turns.ended()
    }
}
