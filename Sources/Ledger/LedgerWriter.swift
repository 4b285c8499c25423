internal import Dispatch
internal import Postgres
internal import Synchronization
internal import Telemetry
internal import Values

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
    /// Commands in one batch. Larger batches gain little and delay everyone in them.
    static let batchMax = 2_000

    private struct Submission {
        let commands: [Command]
        let answer: @Sendable ([Outcome]) -> Void
        let since = ContinuousClock.now

        func isLate(at now: ContinuousClock.Instant) -> Bool {
            now - since > .seconds(LedgerWriter.waitingSecondsMax)
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
    private let tail: LedgerTail
    private let batches = Metrics.shared.counter(
        "florin_ledger_batches_total", help: "Batches written to the journal.")
    private let lines = Metrics.shared.counter(
        "florin_ledger_transfers_total", help: "Transfers written to the journal.")

    init(settings: ConnectionSettings, clock: Clock, tail: LedgerTail) {
        self.tail = tail
        DispatchQueue(label: "florin.ledger").async {
            self.run(settings: settings, clock: clock)
        }
    }

    func submit(_ commands: [Command]) async throws -> [Outcome] {
        try await withCheckedThrowingContinuation { continuation in
            let submission = Submission(commands: commands) { continuation.resume(returning: $0) }
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
        while let batch = gather() {
            let (outcomes, written) = writer.process(batch.flatMap(\.commands))
            if !written.isEmpty {
                batches.increment()
                lines.increment(by: Int64(written.count))
                tail.committed(written)
            }
            answer(batch, outcomes)
        }
        stopped.signal()
    }

    /// Everything that waits, up to a batch; sleeps while nothing does. Nil when the ledger stops.
    private func gather() -> [Submission]? {
        while true {
            let (batch, isOver) = state.withLock { state -> ([Submission], Bool) in
                guard state.waiting.isEmpty else { return (take(&state), false) }
                state.isAsleep = !state.isStopped
                return ([], state.isStopped)
            }
            let now = ContinuousClock.now
            let late = batch.prefix { $0.isLate(at: now) }
            for submission in late {
                submission.answer(submission.commands.map { _ in .failure(LedgerOverloaded()) })
            }
            if batch.count > late.count { return Array(batch[late.count...]) }
            if isOver { return nil }
            if batch.isEmpty { wake.wait() }
        }
    }

    private func take(_ state: inout State) -> [Submission] {
        var (count, commands) = (0, 0)
        for submission in state.waiting {
            commands += submission.commands.count
            guard count == 0 || commands <= Self.batchMax else { break }
            count += 1
        }
        let batch = Array(state.waiting.prefix(count))
        state.waiting.removeFirst(count)
        state.commandsWaiting -= batch.reduce(0) { $0 + $1.commands.count }
        return batch
    }

    private func answer(_ batch: [Submission], _ outcomes: [Outcome]) {
        var start = 0
        for submission in batch {
            let end = start + submission.commands.count
            submission.answer(Array(outcomes[start..<end]))
            start = end
        }
    }
}
