internal import Postgres

/// Commands that were handed in together and are answered together.
struct Submission: Sendable {
    typealias Answer = @Sendable ([BatchWriter.Outcome]) -> Void

    /// How long a command may wait for its turn. An older one is refused, and while one is older,
    /// so is every new one: what is not begun soon is better asked for again.
    static let waitingSecondsMax = 5
    /// Commands that one submission may have in one batch: a long one leaves room for others.
    static let pieceMax = 2_000

    let commands: [Command]
    private let answer: Answer
    /// Whether the usual writer can do it for this process: it is asked again by its keys, and it
    /// brings no other slice's rows.
    let mayTravel: Bool
    /// When it came, or had its last turn: one that gets on is not late.
    private(set) var since = ContinuousClock.now
    private(set) var outcomes: [BatchWriter.Outcome] = []
    /// Whether its next commands were sent to another process that never answered. The journal
    /// tells what became of them; whoever does not look must not say that nothing was done.
    private(set) var isDoubtful = false

    init(_ commands: [Command], answer: @escaping Answer) {
        self.commands = commands
        self.answer = answer
        mayTravel = commands.allSatisfy { $0.key != nil && $0.attachments.isEmpty }
    }

    var rest: ArraySlice<Command> { commands[outcomes.count...] }
    var isComplete: Bool { outcomes.count == commands.count }

    func isLate(at now: ContinuousClock.Instant) -> Bool {
        now - since > .seconds(Self.waitingSecondsMax)
    }

    /// The commands that come next, as many as there is room for.
    func piece(room: Int) -> ArraySlice<Command> {
        var operations = 0
        return rest.prefix(Self.pieceMax).prefix { command in
            defer { operations += command.operations.count }
            return operations == 0 || operations + command.operations.count <= room
        }
    }

    /// The pieces that make up one batch.
    static func pieces(of submissions: [Submission]) -> [ArraySlice<Command>] {
        var room = LedgerWriter.batchMax
        return submissions.map { submission in
            let piece = submission.piece(room: room)
            room -= piece.reduce(0) { $0 + $1.operations.count }
            return piece
        }
    }

    /// Takes over what became of its next commands.
    mutating func settle(_ more: ArraySlice<BatchWriter.Outcome>) {
        outcomes += isDoubtful ? more.map(Self.inDoubt) : Array(more)
        since = .now
        if !more.isEmpty { isDoubtful = false }
    }

    /// What was sent and not answered is asked for again.
    mutating func doubt() {
        isDoubtful = true
        since = .now
    }

    func reply() { answer(outcomes) }

    /// Answers with this failure for all that has no outcome yet.
    func refuse(_ error: any Error) {
        let outcome = BatchWriter.Outcome.failure(error)
        answer(outcomes + rest.map { _ in isDoubtful ? Self.inDoubt(outcome) : outcome })
    }

    /// An answer that was given after a look at the journal is true; another says nothing of what
    /// was done before.
    private static func inDoubt(_ outcome: BatchWriter.Outcome) -> BatchWriter.Outcome {
        switch outcome {
        case .failure(is LedgerOverloaded), .failure(is DatabaseError):
            .failure(DatabaseError.commitUnknown)
        case .success, .failure: outcome
        }
    }
}
