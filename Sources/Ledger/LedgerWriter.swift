internal import Dispatch
internal import Postgres
internal import Synchronization
internal import Telemetry
internal import Values

/// The one way into the journal: commands wait in a bounded queue, and a thread of the ledger's own
/// takes all that have arrived as the next batch.
///
/// Nothing waits on a timer: an idle ledger writes a batch of one at once, a busy one gathers while
/// it writes. Beside a busier process, batches travel to that one: see `Company`.
final class LedgerWriter: Sendable {
    typealias Outcome = BatchWriter.Outcome

    /// Commands that may wait; one more is refused with 503 before anything is done.
    static let waitingMax = 20_000
    /// Operations in one batch, unless one command has more. Larger batches gain little and delay
    /// everyone in them.
    static let batchMax = 4_000

    struct State {
        var waiting: [Submission] = []
        var commandsWaiting = 0
        var isAsleep = false
        var isStopped = false
        var route = Route()

        mutating func putBack(_ submissions: [Submission], first: Bool = false) {
            waiting.insert(contentsOf: submissions, at: first ? 0 : waiting.count)
            commandsWaiting += submissions.reduce(0) { $0 + $1.rest.count }
        }

        mutating func removeLate(at now: ContinuousClock.Instant) -> [Submission] {
            let late = waiting.filter { $0.isLate(at: now) }
            waiting.removeAll { $0.isLate(at: now) }
            commandsWaiting -= late.reduce(0) { $0 + $1.rest.count }
            return late
        }
    }

    let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)
    private let tail: LedgerTail
    private let batches = Metrics.shared.counter(
        "florin_ledger_batches_total", help: "Batches written to the journal.")
    private let lines = Metrics.shared.counter(
        "florin_ledger_transfers_total", help: "Transfers written to the journal.")

    init(
        settings: ConnectionSettings, clock: Clock, tail: LedgerTail, forwarding: Forwarding?
    ) {
        self.tail = tail
        DispatchQueue(label: "florin.ledger").async {
            self.run(
                BatchWriter(settings: settings, clock: clock),
                forwarding.map { Company(of: self, $0) })
        }
    }

    func submit(_ commands: [Command]) async throws -> [Outcome] {
        try await withCheckedThrowingContinuation { continuation in
            let submission = Submission(commands) { continuation.resume(returning: $0) }
            guard enqueue(submission) == .taken else {
                return continuation.resume(throwing: LedgerOverloaded())
            }
        }
    }

    enum Admission { case taken, full, stopped }

    func enqueue(_ submission: Submission) -> Admission {
        let (admission, mustWake) = state.withLock { state -> (Admission, Bool) in
            guard !state.isStopped else { return (.stopped, false) }
            guard state.commandsWaiting < Self.waitingMax,
                state.waiting.first?.isLate(at: submission.since) != true
            else { return (.full, false) }
            state.putBack([submission])
            // What cannot leave yet is no reason to wake: what makes room for it is.
            guard state.isAsleep, state.route.hasRoom else { return (.taken, false) }
            state.isAsleep = false
            return (.taken, true)
        }
        if mustWake { wake.signal() }
        return admission
    }

    /// Has the thread look again at what there is to do.
    func nudge() {
        let wasAsleep = state.withLock { state in
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wasAsleep { wake.signal() }
    }

    /// Refuses new work, finishes what waits, and returns when the thread is done.
    func stop() {
        state.withLock { $0.isStopped = true }
        nudge()
        stopped.wait()
    }

    // MARK: The ledger's thread

    private func run(_ writer: BatchWriter, _ company: Company?) {
        while let (batch, link) = gather(for: writer, company) {
            let travels = link == nil ? [] : batch.filter(\.mayTravel)
            if let link, !travels.isEmpty { forward(travels, over: link) }
            let stays = link == nil ? batch : batch.filter { !$0.mayTravel }
            if !stays.isEmpty { write(stays, with: writer, besideAnother: link != nil) }
        }
        company?.end()
        stopped.signal()
    }

    private func write(
        _ submissions: [Submission], with writer: BatchWriter, besideAnother: Bool
    ) {
        let pieces = Submission.pieces(of: submissions)
        if besideAnother { writer.expectCompany() }
        let (outcomes, written) = writer.process(pieces.flatMap { $0 })
        if !written.isEmpty {
            batches.increment()
            lines.increment(by: Int64(written.count))
        }
        tail.committed(writer.news(with: written))
        answer(submissions, pieces, outcomes)
    }

    /// What waits, up to a batch, and where it may go; sleeps while there is nothing to do. Nil
    /// when the ledger stops.
    private func gather(
        for writer: BatchWriter, _ company: Company?
    ) -> (batch: [Submission], link: Route.Link?)? {
        while true {
            company?.tend(writer)
            let (isWaiting, isLinked) = state.withLock {
                (!$0.waiting.isEmpty, $0.route.link != nil)
            }
            if isLinked {
                writer.leaveTurn()
            } else if isWaiting {
                writer.awaitTurn()
            }
            let (batch, link, isOver) = state.withLock { state in
                guard state.waiting.isEmpty || !state.route.hasRoom else {
                    return (take(&state), state.route.link, false)
                }
                let isOver = state.isStopped && state.waiting.isEmpty && state.route.isSettled
                state.isAsleep = !isOver
                return ([], nil, isOver)
            }
            let inTime = refuseLate(batch)
            if !inTime.isEmpty { return (inTime, link) }
            if isOver { return nil }
            if batch.isEmpty { waitForWork(writer) }
        }
    }

    private func waitForWork(_ writer: BatchWriter) {
        writer.leaveTurn()
        if let milliseconds = state.withLock({ $0.route.patienceMilliseconds }) {
            _ = wake.wait(timeout: .now() + .milliseconds(milliseconds))
            state.withLock { $0.isAsleep = false }
        } else {
            wake.wait()
        }
    }

    /// What of these is not late. Of a submission that has begun, only the rest is refused.
    private func refuseLate(_ batch: [Submission]) -> [Submission] {
        let now = ContinuousClock.now
        return batch.filter { submission in
            guard submission.isLate(at: now) else { return true }
            submission.refuse(LedgerOverloaded())
            return false
        }
    }

    private func take(_ state: inout State) -> [Submission] {
        var (count, operations) = (0, 0)
        for submission in state.waiting {
            operations += submission.piece(room: .max).reduce(0) { $0 + $1.operations.count }
            count += 1
            if operations >= Self.batchMax { break }
        }
        let batch = Array(state.waiting.prefix(count))
        state.waiting.removeFirst(count)
        state.commandsWaiting -= batch.reduce(0) { $0 + $1.rest.count }
        return batch
    }

    /// Answers what is complete; what is not goes to the back, so that others have their turn.
    func answer(
        _ batch: [Submission], _ pieces: [ArraySlice<Command>], _ outcomes: [Outcome]
    ) {
        var rest = outcomes[...]
        var unfinished: [Submission] = []
        for (submission, piece) in zip(batch, pieces) {
            var submission = submission
            submission.settle(rest.prefix(piece.count))
            rest = rest.dropFirst(piece.count)
            if submission.isComplete { submission.reply() } else { unfinished.append(submission) }
        }
        if !unfinished.isEmpty { state.withLock { $0.putBack(unfinished) } }
    }
}
