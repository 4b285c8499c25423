import Ledger
import Values

/// One statement of a table, read but not yet run.
struct TableStatement: Sendable {
    let line: TableLine
    let content: Content

    enum Content: Sendable {
        case account(name: String, currency: Currency, floor: Int64?, limits: AccountLimits)
        case limits(name: String, limits: AccountLimits)
        case close(name: String)
        case setMoneyOut(isStopped: Bool)
        /// Commands that are submitted together; a single line is a batch of one.
        case submit([TableCommand])
        case advance(TableAdvance)
        case mark(name: String)
        case balance(name: String, expected: String)
        case balanceAsOf(name: String, mark: String, expected: String)
        case history(TableHistory)
        case sweep(expected: Int)
        case trial
    }
}

struct TableCommand: Sendable {
    let line: TableLine
    /// Nil for a command without a key.
    let key: String?
    let movements: [Movement]
    let expected: Expectation

    /// A movement as written: accounts and lines still by name.
    enum Movement: Sendable {
        case post(TableLeg)
        case hold(TableLeg, seconds: Int64)
        case capture(hold: String, amount: Int64?)
        case void(hold: String)
        case expire(hold: String)
        case reverse(String)
    }

    /// The outcome's name, and those of its facts that the table cares about.
    struct Expectation: Sendable {
        let outcome: String
        let facts: [String]

        var text: String { ([outcome] + facts).joined(separator: " ") }
    }
}

struct TableLeg: Sendable {
    let debit: String
    let credit: String
    let amount: Int64
    /// Nil for the debit account's own.
    var currency: Currency?
    var code: Int16 = 1
    var isLimited = false
    var isDerived = false
    var isReturn = false
}

enum TableAdvance: Sendable {
    case seconds(Int64)
    /// To an hour after the next midnight.
    case toNextDay
    /// To an hour after the next month has begun.
    case toNextMonth
}

struct TableHistory: Sendable {
    let account: String
    var from: String?
    var to: String?
    var pageLength = 50
    /// Newest first.
    var expected: [String] = []
}
