import Ledger
import TestSupport
import Values

/// Random commands in batches, each decided by the ledger and by the reference, which must agree.
///
/// Holds last whole hours and the clock advances by whole hours, so what is due is never a question
/// of milliseconds as long as a run takes less than an hour of real time.
struct Simulation {
    private let world: World
    private var source: CommandSource
    private let seed: UInt64
    private var reference: ReferenceLedger
    private(set) var accounts: [AccountID] = []
    private var steps = LastSteps()
    private(set) var operations = 0
    private(set) var outcomes: [String: Int] = [:]

    static let batchMax: Int64 = 500

    /// Batches between two looks at the balances of all accounts in the database. After each step
    /// the lines that it wrote are compared, and those say what both accounts then had.
    static let batchesBetweenLooks = 4

    /// Where the two disagree, with what led there.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(
        world: World, seed: UInt64, mistake: ReferenceLedger.Mistake? = nil
    ) async throws {
        self.world = world
        self.seed = seed
        reference = ReferenceLedger(mistake: mistake)
        source = CommandSource(random: SplitMix64(seed: seed))
        for code in ["KES", "USD", "JPY"] { try await openCircle(Currency(code)!) }
    }

    mutating func run(operations wanted: Int) async throws {
        do {
            var batches = 0
            while operations < wanted {
                batches += 1
                if source.random.chance(40) { advance() }
                if batches % 25 == 0 { try await closeOne() }
                if batches % 10 == 0 { try await limitOne() }
                try await source.random.chance(5) ? runStoppedBatch() : runBatch()
                if batches % Self.batchesBetweenLooks == 0 { try await compareBalances() }
            }
            try await compareBalances()
        } catch let disagreement as Disagreement {
            throw try await failure(disagreement)
        }
    }

    private mutating func advance() {
        let hours = source.random.chance(10) ? source.random.number(24...800) : 1
        world.clock.advance(seconds: hours * 3600)
        steps.add("the clock advances by \(hours) h")
    }

    // MARK: One batch

    /// A batch in the time between a stop of money-out and its end.
    private mutating func runStoppedBatch() async throws {
        for isStopped in [true, false] {
            try world.setMoneyOut(isStopped: isStopped)
            reference.setMoneyOut(isStopped: isStopped)
            steps.add("money-out is \(isStopped ? "stopped" : "free again")")
            if isStopped { try await runBatch() }
        }
    }

    private mutating func runBatch() async throws {
        let isSmall = source.random.chance(15)
        let count = source.random.number(1...(isSmall ? 3 : Self.batchMax))
        let commands = (0..<count).map { _ in source.command() }
        let now = world.clock.now
        let outcomes = try await world.ledger.submit(commands)
        for index in Self.order(of: commands) {
            let expected = reference.answer(commands[index], at: now)
            try compare(commands[index], outcomes[index], expected)
        }
        for outcome in outcomes { outcome.receipt?.transfers.forEach { source.learn($0) } }
        operations += commands.reduce(0) { $0 + $1.operations.count }
    }

    /// A key's second command in a batch is decided after everything else, its third after that.
    private static func order(of commands: [Command]) -> [Int] {
        var rounds: [[Int]] = [[]]
        var uses: [CommandKey: Int] = [:]
        for (index, command) in commands.enumerated() {
            let round = command.key.map { uses[$0, default: 0] } ?? 0
            if let key = command.key { uses[key] = round + 1 }
            if round == rounds.count { rounds.append([]) }
            rounds[round].append(index)
        }
        return rounds.flatMap { $0 }
    }

    private mutating func compare(
        _ command: Command, _ outcome: Result<Receipt, any Error>,
        _ expected: ReferenceLedger.Answer
    ) throws(Disagreement) {
        let actual = Self.answer(outcome)
        steps.add(command, actual)
        outcomes[Self.name(expected), default: 0] += 1
        guard actual == expected else {
            throw Disagreement("the ledger says \(actual), the reference \(expected)")
        }
        for line in outcome.receipt?.transfers ?? [] {
            let other = reference.journal[Int(line.id.number) - 1]
            guard line.kind == other.kind, line.debit == other.debit, line.credit == other.credit,
                Int128(line.amount) == other.amount, line.settles?.number == other.ends,
                Self.figures(line.debitAfter) == other.debitAfter,
                Self.figures(line.creditAfter) == other.creditAfter
            else { throw Disagreement("the ledger wrote \(line), the reference \(other)") }
        }
    }

    private static func figures(_ balance: Balance) -> ReferenceLedger.Figures {
        ReferenceLedger.Figures(posted: Int128(balance.posted), held: Int128(balance.held))
    }

    private static func answer(_ outcome: Result<Receipt, any Error>) -> ReferenceLedger.Answer {
        switch outcome {
        case .success(let receipt):
            let (first, lines) = (receipt.first.id.number, receipt.transfers.count)
            return receipt.isReplay
                ? .replayed(first: first, lines: lines) : .done(first: first, lines: lines)
        case .failure(let refusal as LedgerRefusal):
            var code = refusal.code
            var numbers: [String: Int64] = [:]
            for fact in refusal.facts {
                switch (fact.name, fact.value) {
                case ("first_difference", .text(let field)): code += " " + field
                case ("available", .integer(let number)), ("held", .integer(let number)),
                    ("remaining", .integer(let number)):
                    numbers[fact.name] = number
                default: break
                }
            }
            return .refused(code, numbers)
        case .failure(let error): return .refused("\(error)")
        }
    }

    private static func name(_ answer: ReferenceLedger.Answer) -> String {
        switch answer {
        case .done: "done"
        case .replayed: "replayed"
        case .refused(let code, _): code
        }
    }

    // MARK: Balances

    private func compareBalances() async throws {
        let balances = try await world.ledger.balances(of: accounts)
        for account in accounts {
            let (actual, expected) = (balances[account]!, reference.accounts[account]!)
            guard Int128(actual.posted) == expected.posted, Int128(actual.held) == expected.held
            else { throw Disagreement("account \(account.number) holds something else") }
        }
    }

    private struct Disagreement: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private func failure(_ disagreement: Disagreement) async throws -> Failure {
        let balances = try await world.ledger.balances(of: accounts)
        let lines = accounts.map { account in
            let (actual, expected) = (balances[account]!, reference.accounts[account]!)
            return "  account \(account.number) \(expected.currency) ledger posted "
                + "\(actual.posted) held \(actual.held), reference posted \(expected.posted) held "
                + "\(expected.held)"
        }
        let text =
            ["FLORIN_SIMULATION_SEED=\(seed)", disagreement.reason, Self.stepsTitle] + steps.texts
        return Failure(description: (text + [Self.balancesTitle] + lines).joined(separator: "\n"))
    }

    static let stepsTitle = "The last steps, the latest last:"
    static let balancesTitle = "Balances, where a batch may have gone on in the ledger:"

    // MARK: Accounts

    private mutating func openCircle(_ currency: Currency) async throws {
        let float = try await open(currency, floor: nil)
        var wallets: [AccountID] = []
        for place in 0..<10 {
            wallets.append(
                try await open(
                    currency, floor: place == 3 ? -2000 : 0,
                    limits: Self.usual[place % Self.usual.count]))
        }
        var deep: [AccountID] = []
        for (floor, limits) in Self.extremes {
            deep.append(try await open(currency, floor: floor, limits: limits))
        }
        source.add(currency, float: float, wallets: wallets, deep: deep)
    }

    private static let usual = [
        AccountLimits.none, AccountLimits(perTransfer: 800),
        AccountLimits(perDay: 20_000), AccountLimits(perDay: 30_000, perMonth: 90_000),
        AccountLimits(paymentsPerHour: 40, paymentsPerDay: 60),
        AccountLimits(perDay: 20_000, paymentsPerDay: 50, ceiling: 25_000),
    ]

    /// Floors and limits at the ends of their ranges.
    private static let extremes: [(floor: Int64?, limits: AccountLimits)] = [
        (nil, .none), (nil, .none), (.min, .none), (0, .none), (.min + 1, .none), (-1, .none),
        (nil, AccountLimits(perDay: .max)), (nil, AccountLimits(perMonth: .max)),
        (.min, AccountLimits(perDay: .max - 1, perMonth: .max)),
        (nil, AccountLimits(perTransfer: .max, perDay: .max / 2 + 1)),
        (nil, AccountLimits(perTransfer: 1)), (nil, AccountLimits(perTransfer: 0)),
        (0, AccountLimits(perDay: 0, perMonth: 0)), (nil, AccountLimits(ceiling: 0)),
        (nil, AccountLimits(ceiling: .max)), (.min, AccountLimits(paymentsPerDay: 0)),
        (nil, AccountLimits(paymentsPerHour: .max, ceiling: .max - 1)),
    ]

    private mutating func open(
        _ currency: Currency, floor: Int64?, limits: AccountLimits = .none
    ) async throws -> AccountID {
        let account = try await world.open(currency, floor: floor, limits: limits)
        reference.open(account, currency, floor, limits)
        accounts.append(account)
        return account
    }

    private mutating func limitOne() async throws {
        let (account, limits) = (source.anyWallet(), Self.usual.any(&source.random)!)
        try await world.setLimits(limits, of: account)
        reference.setLimits(limits, of: account)
        steps.add("account \(account.number) has the limits \(limits)")
    }

    private mutating func closeOne() async throws {
        let account = source.anyWallet()
        let currency = reference.accounts[account]!.currency
        try await world.ledger.closeAccount(account)
        reference.close(account)
        source.replace(account, with: try await open(currency, floor: 0))
        steps.add("account \(account.number) is closed")
    }
}

/// The last forty things that happened; put into words only when somebody asks.
struct LastSteps {
    private enum Step {
        case event(String)
        case command(Command, ReferenceLedger.Answer)
    }

    private static let countMax = 40
    private var steps: [Step] = []
    private var place = 0

    mutating func add(_ event: String) { add(.event(event)) }

    mutating func add(_ command: Command, _ answer: ReferenceLedger.Answer) {
        add(.command(command, answer))
    }

    private mutating func add(_ step: Step) {
        if steps.count < Self.countMax { steps.append(step) } else { steps[place] = step }
        place = (place + 1) % Self.countMax
    }

    /// Oldest first.
    var texts: [String] {
        let turned = steps.count < Self.countMax ? steps : Array(steps[place...] + steps[..<place])
        return turned.map { step in
            switch step {
            case .event(let text): "  \(text)"
            case .command(let command, let answer):
                "  key \(command.key.map { "\($0.low)" } ?? "-"): "
                    + "\(command.operations.map(Self.text).joined(separator: ", ")) → \(answer)"
            }
        }
    }

    private static func text(_ operation: Operation) -> String {
        switch operation {
        case .post(let leg): "post " + text(leg)
        case .hold(let leg, let seconds): "hold \(text(leg)) for \(seconds) s"
        case .capture(let hold, let amount):
            "capture \(hold.number) \(amount.map { "\($0)" } ?? "all")"
        case .void(let hold): "void \(hold.number)"
        case .expire(let hold): "expire \(hold.number)"
        case .reverse(let line): "reverse \(line.number)"
        }
    }

    private static func text(_ leg: Leg) -> String {
        let marks =
            (leg.isLimited ? " limited" : "") + (leg.isDerived ? " derived" : "")
            + (leg.isReturn ? " returned" : "")
        return "\(leg.debit.number) → \(leg.credit.number) \(leg.amount.minorUnits) "
            + "\(leg.amount.currency) code \(leg.code.rawValue)\(marks)"
    }
}
