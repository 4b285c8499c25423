internal import Dispatch
internal import Postgres
internal import Synchronization
internal import Telemetry
internal import Values

/// How much goes into one batch.
package struct BatchSize: Sendable {
    /// Operations in one batch, unless one command has more.
    let operationsMax: Int
    /// Commands that one submission may have in one batch: a long one leaves room for others.
    let commandsOfOneMax: Int

    /// For payments of people, who wait for the batch that they are in.
    package static let serving = BatchSize(operationsMax: 4_000, commandsOfOneMax: 2_000)
    /// For who brings millions and waits for the last: each account's head is written once a batch.
    package static let importing = BatchSize(operationsMax: 10_000, commandsOfOneMax: 5_000)
}

/// The one way into the journal: commands wait in a bounded queue, and a thread of the ledger's own
/// takes all that have arrived as the next batch.
///
/// Nothing waits on a timer: an idle ledger writes a batch of one at once, a busy one gathers while
/// it writes.
final class LedgerWriter: Sendable {
    typealias Outcome = BatchWriter.Outcome

    /// Commands that may wait; one more is refused with 503 before anything is done.
    static let waitingMax = 20_000
    /// How long a command may wait for its turn. An older one is refused, and while one is older,
    /// so is every new one: what is not begun soon is better asked for again.
    static let waitingSecondsMax = 5
    private struct Submission {
        let commands: [Command]
        let answer: @Sendable ([Outcome]) -> Void
        /// When it came, or had its last turn: one that gets on is not late.
        var since = ContinuousClock.now
        var outcomes: [Outcome] = []

        init(_ commands: [Command], answer: @escaping @Sendable ([Outcome]) -> Void) {
            self.commands = commands
            self.answer = answer
        }

        func isLate(at now: ContinuousClock.Instant) -> Bool {
            now - since > .seconds(LedgerWriter.waitingSecondsMax)
        }

        /// The commands that come next, as many as there is room for.
        func piece(of size: BatchSize, room: Int) -> ArraySlice<Command> {
            let next = commands[outcomes.count...].prefix(size.commandsOfOneMax)
            var operations = 0
            return next.prefix { command in
                defer { operations += command.operations.count }
                return operations == 0 || operations + command.operations.count <= room
            }
        }
    }

    private struct State {
        var waiting: [Submission] = []
        var commandsWaiting = 0
        var isAsleep = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)
    private let size: BatchSize
    private let tail: LedgerTail
    private let batches = Metrics.shared.counter(
        "florin_ledger_batches_total", help: "Batches written to the journal.")
    private let lines = Metrics.shared.counter(
        "florin_ledger_transfers_total", help: "Transfers written to the journal.")

    init(settings: ConnectionSettings, clock: Clock, size: BatchSize, tail: LedgerTail) {
        self.size = size
        self.tail = tail
        DispatchQueue(label: "florin.ledger").async {
            self.run(settings: settings, clock: clock)
        }
    }

    func submit(_ commands: [Command]) async throws -> [Outcome] {
        try await withCheckedThrowingContinuation { continuation in
            let submission = Submission(commands) { continuation.resume(returning: $0) }
            if let refusal = enqueue(submission) { continuation.resume(throwing: refusal) }
        }
    }

    private func enqueue(_ submission: Submission) -> LedgerOverloaded? {
        let (refusal, mustWake) = state.withLock { state -> (LedgerOverloaded?, Bool) in
            guard !state.isStopped, state.commandsWaiting < Self.waitingMax,
                state.waiting.first?.isLate(at: submission.since) != true
            else { return (LedgerOverloaded(), false) }
            state.waiting.append(submission)
            state.commandsWaiting += submission.commands.count
            defer { state.isAsleep = false }
            return (nil, state.isAsleep)
        }
        if mustWake { wake.signal() }
        return refusal
    }

    /// Refuses new work, finishes what waits, and returns when the thread is done.
    func stop() {
        let wasAsleep = state.withLock { state in
            state.isStopped = true
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wasAsleep { wake.signal() }
        stopped.wait()
    }

    // MARK: The ledger's thread

    private func run(settings: ConnectionSettings, clock: Clock) {
        let writer = BatchWriter(settings: settings, clock: clock)
        while let submissions = gather(for: writer) {
            let pieces = pieces(of: submissions)
            let (outcomes, written) = writer.process(pieces.flatMap { $0 })
            if !written.isEmpty {
                batches.increment()
                lines.increment(by: Int64(written.count))
            }
            tail.committed(writer.news(with: written))
            answer(submissions, pieces, outcomes)
        }
        stopped.signal()
    }

    /// What waits, up to a batch; sleeps while nothing does. Nil when the ledger stops.
    private func gather(for writer: BatchWriter) -> [Submission]? {
        while true {
            if state.withLock({ !$0.waiting.isEmpty }) { writer.awaitTurn() }
            let (batch, isOver) = state.withLock { state -> ([Submission], Bool) in
                guard state.waiting.isEmpty else { return (take(&state), false) }
                state.isAsleep = !state.isStopped
                return ([], state.isStopped)
            }
            let inTime = refuseLate(batch)
            if !inTime.isEmpty { return inTime }
            if isOver { return nil }
            if batch.isEmpty {
                writer.leaveTurn()
                wake.wait()
            }
        }
    }

    /// What of these is not late. Of a submission that has begun, only the rest is refused.
    private func refuseLate(_ batch: [Submission]) -> [Submission] {
        let now = ContinuousClock.now
        return batch.filter { submission in
            guard submission.isLate(at: now) else { return true }
            let rest = submission.commands[submission.outcomes.count...]
            submission.answer(submission.outcomes + rest.map { _ in .failure(LedgerOverloaded()) })
            return false
        }
    }

    private func take(_ state: inout State) -> [Submission] {
        var (count, operations) = (0, 0)
        for submission in state.waiting {
            let piece = submission.piece(of: size, room: .max)
            operations += piece.reduce(0) { $0 + $1.operations.count }
            count += 1
            if operations >= size.operationsMax { break }
        }
        let batch = Array(state.waiting.prefix(count))
        state.waiting.removeFirst(count)
        state.commandsWaiting -= batch.reduce(0) { $0 + $1.commands.count - $1.outcomes.count }
        return batch
    }

    private func pieces(of submissions: [Submission]) -> [ArraySlice<Command>] {
        var room = size.operationsMax
        return submissions.map { submission in
            let piece = submission.piece(of: size, room: room)
            room -= piece.reduce(0) { $0 + $1.operations.count }
            return piece
        }
    }

    /// Answers what is complete; what is not goes to the back, so that others have their turn.
    private func answer(
        _ batch: [Submission], _ pieces: [ArraySlice<Command>], _ outcomes: [Outcome]
    ) {
        var rest = outcomes[...]
        var unfinished: [Submission] = []
        for (submission, piece) in zip(batch, pieces) {
            var submission = submission
            submission.outcomes += rest.prefix(piece.count)
            rest = rest.dropFirst(piece.count)
            if submission.outcomes.count == submission.commands.count {
                submission.answer(submission.outcomes)
            } else {
                submission.since = .now
                unfinished.append(submission)
            }
        }
        if !unfinished.isEmpty { putBack(unfinished) }
    }

    private func putBack(_ unfinished: [Submission]) {
        state.withLock { state in
            state.waiting += unfinished
            state.commandsWaiting += unfinished.reduce(0) {
                $0 + $1.commands.count - $1.outcomes.count
            }
        }
    }
}
