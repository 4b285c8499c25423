import Ledger
import Values

/// Reads the language of tables:
///
///     account  NAME CURRENCY [floor [AMOUNT]] [LIMIT …]
///     limits   NAME [LIMIT …]               // from now on these and no others
///     close    NAME
///     stop                                  // money out, while the books are in doubt
///     resume
///     post     KEY NAME → NAME AMOUNT [CURRENCY] [code N] [MARK …]                OUTCOME
///     hold     KEY NAME → NAME AMOUNT … for TIME                                  OUTCOME
///     capture  LINE [AMOUNT] [as KEY]                                             OUTCOME
///     void     LINE [as KEY]                                                      OUTCOME
///     expire   LINE [as KEY]                                                      OUTCOME
///     reverse  LINE [as KEY]                                                      OUTCOME
///     linked   KEY                                                                OUTCOME
///     + post   NAME → NAME AMOUNT …          // legs of the line above, without key and outcome
///     batch                                  // what begins with | is submitted together
///     | post   KEY …                                                              OUTCOME
///     | linked KEY                                                                OUTCOME
///     + …
///     advance  TIME | to day | to month      // TIME is 90s, 5m, 2h or 3d
///     sweep    COUNT                         // expires what is due
///     mark     NAME                          // names this moment
///     balance  NAME posted N held N available N
///     asof     NAME MARK posted N held N
///     history  NAME [from MARK] [to MARK] [by LENGTH] is LINE LINE …
///     trial    0
///
/// A LIMIT is `transfer`, `day`, `month` or `ceiling` with an amount, `hourly` or `daily` with a
/// number of payments, in the order transfer, day, month, hourly, daily, ceiling. A MARK of a leg
/// is `limited`, `derived` or `returned`.
///
/// A KEY also names the line that its command wrote; of linked ones, `KEY.2` is the second. A dash
/// is no key. `nobody` and `nothing` are an account and a line that do not exist.
struct TableParser {
    private let lines: [TableLine]
    private var position = 0

    init(_ table: Table) { lines = table.lines }

    mutating func statements() throws -> [TableStatement] {
        var statements: [TableStatement] = []
        while position < lines.count {
            let line = lines[position]
            position += 1
            var words = Words(line)
            statements.append(TableStatement(line: line, content: try content(&words)))
        }
        return statements
    }

    private mutating func content(_ words: inout Words) throws -> TableStatement.Content {
        switch words.peek {
        case "account": try Self.account(&words)
        case "limits":
            .limits(name: try words.after("limits"), limits: try Self.limits(&words))
        case "close": .close(name: try words.after("close"))
        case "stop", "resume": .setMoneyOut(isStopped: try words.take() == "stop")
        case "linked": .submit([try linked(&words)])
        case "batch": .submit(try batch(&words))
        case "advance": .advance(try Self.advance(&words))
        case "mark": .mark(name: try words.after("mark"))
        case "balance":
            .balance(name: try words.after("balance"), expected: words.rest())
        case "asof":
            .balanceAsOf(
                name: try words.after("asof"), mark: try words.take(), expected: words.rest())
        case "history": .history(try Self.history(&words))
        case "sweep": .sweep(expected: Int(try words.amount(after: "sweep")))
        case "trial": try Self.trial(&words)
        default: .submit([try Self.single(&words)])
        }
    }

    // MARK: Commands

    private static func single(_ words: inout Words) throws -> TableCommand {
        var key: String?
        let movement = try movement(&words) { key = try $0.key() }
        if words.skip("as") { key = try words.key() }
        return TableCommand(
            line: words.line, key: key, movements: [movement], expected: try words.expectation())
    }

    private mutating func linked(_ words: inout Words) throws -> TableCommand {
        try words.expect("linked")
        let key = try words.key()
        let expected = try words.expectation()
        var movements: [TableCommand.Movement] = []
        while position < lines.count, lines[position].words.first == "+" {
            var leg = Words(lines[position])
            try leg.expect("+")
            movements.append(try Self.movement(&leg) { _ in })
            try leg.end()
            position += 1
        }
        return TableCommand(
            line: words.line, key: key, movements: movements, expected: expected)
    }

    private mutating func batch(_ words: inout Words) throws -> [TableCommand] {
        try words.expect("batch")
        try words.end()
        var commands: [TableCommand] = []
        while position < lines.count, lines[position].words.first == "|" {
            var command = Words(lines[position])
            try command.expect("|")
            position += 1
            commands.append(
                command.peek == "linked" ? try linked(&command) : try Self.single(&command))
        }
        return commands
    }

    /// - Parameter readKey: reads what stands between the verb and the accounts.
    private static func movement(
        _ words: inout Words, readKey: (inout Words) throws -> Void
    ) throws -> TableCommand.Movement {
        let verb = try words.take()
        switch verb {
        case "post":
            try readKey(&words)
            return .post(try leg(&words))
        case "hold":
            try readKey(&words)
            let leg = try leg(&words)
            try words.expect("for")
            return .hold(leg, seconds: try words.seconds())
        case "capture": return .capture(hold: try words.take(), amount: words.amountIfAny())
        case "void": return .void(hold: try words.take())
        case "expire": return .expire(hold: try words.take())
        case "reverse": return .reverse(try words.take())
        default: throw TableError(words.line, "“\(verb)” is no verb")
        }
    }

    private static func leg(_ words: inout Words) throws -> TableLeg {
        let debit = try words.take()
        try words.expect("→")
        var leg = TableLeg(
            debit: debit, credit: try words.take(), amount: try words.amount())
        while true {
            if words.skip("limited") {
                leg.isLimited = true
            } else if words.skip("derived") {
                leg.isDerived = true
            } else if words.skip("returned") {
                leg.isReturn = true
            } else if words.skip("code") {
                leg.code = Int16(try words.amount())
            } else if let currency = Currency(words.peek) {
                leg.currency = currency
                _ = try words.take()
            } else {
                return leg
            }
        }
    }

    // MARK: The rest

    private static func account(_ words: inout Words) throws -> TableStatement.Content {
        let name = try words.after("account")
        guard let currency = Currency(try words.take()) else {
            throw TableError(words.line, "there is no such currency")
        }
        var floor: Int64?
        if words.skip("floor") { floor = words.amountIfAny() ?? 0 }
        return .account(
            name: name, currency: currency, floor: floor, limits: try limits(&words))
    }

    private static func limits(_ words: inout Words) throws -> AccountLimits {
        let limits = AccountLimits(
            perTransfer: try words.amountIf("transfer"), perDay: try words.amountIf("day"),
            perMonth: try words.amountIf("month"),
            paymentsPerHour: try words.amountIf("hourly").map { Int32(clamping: $0) },
            paymentsPerDay: try words.amountIf("daily").map { Int32(clamping: $0) },
            ceiling: try words.amountIf("ceiling"))
        try words.end()
        return limits
    }

    private static func advance(_ words: inout Words) throws -> TableAdvance {
        try words.expect("advance")
        guard words.skip("to") else { return .seconds(try words.seconds()) }
        return words.skip("month") ? .toNextMonth : .toNextDay
    }

    private static func history(_ words: inout Words) throws -> TableHistory {
        var history = TableHistory(account: try words.after("history"))
        if words.skip("from") { history.from = try words.take() }
        if words.skip("to") { history.to = try words.take() }
        if words.skip("by") { history.pageLength = Int(try words.amount()) }
        try words.expect("is")
        history.expected = words.rest().split(separator: " ").map(String.init)
        return history
    }

    private static func trial(_ words: inout Words) throws -> TableStatement.Content {
        guard try words.amount(after: "trial") == 0 else {
            throw TableError(words.line, "debits and credits differ by nothing else than 0")
        }
        return .trial
    }
}

extension Table {
    func parsed() throws -> [TableStatement] {
        var parser = TableParser(self)
        return try parser.statements()
    }
}
