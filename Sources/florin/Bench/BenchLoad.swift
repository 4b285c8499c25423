internal import Ledger
internal import Payments
internal import Values

/// How much is asked of the ledger, and how much of it at once.
struct BenchLoad: Sendable {
    let transfers: Int
    /// Commands of one submission.
    let batch: Int
    /// Submissions on their way at any time.
    let inFlight: Int

    /// Commands on their way at any time; the ledger refuses when more wait.
    private static let commandsWaitingMax = 20_000

    init(transfers: Int, batch: Int, inFlight: Int) throws(Arguments.Misunderstood) {
        let (waiting, isTooMuch) = batch.multipliedReportingOverflow(by: inFlight)
        guard !isTooMuch, waiting <= Self.commandsWaitingMax else {
            throw Arguments.Misunderstood(
                reason: "--batch times --in-flight may be \(Self.commandsWaitingMax) at most")
        }
        self.transfers = transfers
        self.batch = batch
        self.inFlight = inFlight
    }

    /// The commands that each sender submits, by number.
    var shares: [Range<Int>] {
        (0..<inFlight).map { sender in
            transfers * sender / inFlight..<transfers * (sender + 1) / inFlight
        }
    }
}

/// What a load took, by the clock on the wall.
struct BenchCost: Sendable {
    let transfers: Int
    let nanoseconds: Int128

    init(_ transfers: Int, _ duration: Duration) {
        self.transfers = transfers
        nanoseconds = duration.attoseconds / 1_000_000_000
    }

    var nanosecondsEach: Int128 { nanoseconds / Int128(transfers) }
    var perSecond: Int128 { Int128(transfers) * 1_000_000_000 / max(1, nanoseconds) }
}

/// Random numbers at the price of a few instructions each: the generator is not what is measured.
///
/// SplitMix64 of Steele, Lea and Flood, 2014.
struct BenchDice: RandomNumberGenerator {
    private var state = UInt64.random(in: .min ... .max)

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A key that no other command has.
    mutating func key() -> CommandKey { CommandKey(high: next(), low: next()) }
}

/// The commands of a load.
struct BenchCommands: Sendable {
    let float: AccountID
    let wallets: [AccountID]
    let currency: Currency

    /// Small beside the money each wallet is given, so that a refusal is a fault.
    private static let amount: Int64 = 1
    private static let funds: Int64 = 1_000_000

    /// Gives a wallet what it will spend.
    func funding(_ number: Int, _ dice: inout BenchDice) -> Command {
        let leg = Leg(
            debit: float, credit: wallets[number], amount: Money(Self.funds, currency),
            code: .topUp)
        return Command(key: dice.key(), [.post(leg)])
    }

    /// One person pays another, as `POST /v1/transfers` has it done.
    func payment(_ dice: inout BenchDice) -> Command {
        let payer = Int.random(in: 0..<wallets.count, using: &dice)
        let step = Int.random(in: 1..<wallets.count, using: &dice)
        let leg = Leg(
            debit: wallets[payer], credit: wallets[(payer + step) % wallets.count],
            amount: Money(Self.amount, currency), code: .send, isLimited: true)
        return Command(key: dice.key(), [.post(leg)])
    }
}
