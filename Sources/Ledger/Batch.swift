/// The commands that go to the journal together, and what has become of each so far.
struct Batch {
    let commands: [Command]
    private(set) var outcomes: [BatchWriter.Outcome?]
    var written: [Transfer] = []

    /// No attempt begins later than this after the batch was taken.
    static let secondsMax = 10
    /// How long the whole batch may spend on finding out whose attachments are blocked.
    static let blockedMillisecondsMax = 500

    private let began = ContinuousClock.now
    private var blockedSince: ContinuousClock.Instant?

    /// Whether another attempt may begin: those who wait are owed an answer.
    var hasTime: Bool { .now - began < .seconds(Self.secondsMax) }

    mutating func hasTimeForBlocked() -> Bool {
        let since = blockedSince ?? .now
        blockedSince = since
        return .now - since < .milliseconds(Self.blockedMillisecondsMax)
    }

    init(_ commands: [Command]) {
        self.commands = commands
        outcomes = Array(repeating: nil, count: commands.count)
    }

    func isOpen(_ index: Int) -> Bool { outcomes[index] == nil }

    mutating func settle(_ index: Int, _ outcome: BatchWriter.Outcome) {
        precondition(isOpen(index), "a command has one outcome")
        outcomes[index] = outcome
    }

    /// Commands still open, each key once: a twin waits for the next round, where it is a replay.
    func nextRound() -> [Int]? {
        var keys: Set<CommandKey> = []
        let round = commands.indices.filter { index in
            guard isOpen(index) else { return false }
            return commands[index].key.map { keys.insert($0).inserted } ?? true
        }
        return round.isEmpty ? nil : round
    }
}
