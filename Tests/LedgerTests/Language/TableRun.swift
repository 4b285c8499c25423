import Ledger
import Postgres
import Values

/// A table while it runs: what its names stand for, and where the ledger contradicted it.
struct TableRun {
    private let world: World
    private var accounts: [String: (id: AccountID, currency: Currency)] = [:]
    private var lines: [String: TransferID] = [:]
    private var moments: [String: Timestamp] = [:]
    private var keys: [String: CommandKey] = [:]
    private(set) var disagreements: [Disagreement] = []

    /// A number that no account and no line of a table reaches.
    private static let absent: Int64 = 9_999_999

    init(_ world: World) { self.world = world }

    mutating func run(_ statement: TableStatement) async throws {
        let line = statement.line
        switch statement.content {
        case .account(let name, let currency, let floor, let limits):
            accounts[name] = (
                try await world.open(currency, floor: floor, limits: limits), currency
            )
        case .limits(let name, let limits):
            try await world.setLimits(limits, of: account(name, line))
        case .close(let name): try await world.ledger.closeAccount(account(name, line))
        case .setMoneyOut(let isStopped): try world.setMoneyOut(isStopped: isStopped)
        case .submit(let commands): try await submit(commands)
        case .advance(let advance): world.advance(advance)
        case .mark(let name):
            // A second apart, so that the line before is older and the line after is not.
            world.clock.advance(seconds: 1)
            moments[name] = world.clock.now
        case .balance(let name, let expected):
            let balance = try await world.balance(account(name, line))
            compare(line, expected, Self.text(balance) + " available \(balance.available)")
        case .balanceAsOf(let name, let mark, let expected):
            let balance = try await world.ledger.balance(
                of: account(name, line), before: moment(mark, line))
            compare(line, expected, Self.text(balance))
        case .history(let history): try await check(history, line)
        case .sweep(let expected):
            compare(line, "\(expected)", "\(try await world.ledger.expireHolds())")
        case .trial: compare(line, "", try world.imbalance())
        }
    }

    private mutating func compare(_ line: TableLine, _ expected: String, _ actual: String) {
        guard expected != actual else { return }
        disagreements.append(Disagreement(line: line, expected: expected, actual: actual))
    }

    private static func text(_ balance: Balance) -> String {
        "posted \(balance.posted) held \(balance.held)"
    }

    // MARK: Commands

    private mutating func submit(_ commands: [TableCommand]) async throws {
        var ready: [Command] = []
        for command in commands { ready.append(try self.command(command)) }
        let outcomes = try await world.ledger.submit(ready)
        for (command, outcome) in zip(commands, outcomes) {
            let actual = OutcomeText(outcome)
            if !actual.satisfies(command.expected) {
                compare(command.line, command.expected.text, actual.text)
            }
            if let key = command.key, let receipt = outcome.receipt { name(receipt, key) }
        }
    }

    private mutating func name(_ receipt: Receipt, _ key: String) {
        lines[key] = receipt.first.id
        for (index, transfer) in receipt.transfers.enumerated().dropFirst() {
            lines["\(key).\(index + 1)"] = transfer.id
        }
    }

    private mutating func command(_ command: TableCommand) throws -> Command {
        let operations = try command.movements.map { try operation($0, command.line) }
        return Command(key: command.key.map { key($0) }, operations)
    }

    private mutating func key(_ name: String) -> CommandKey {
        if let key = keys[name] { return key }
        let key = CommandKey.test(keys.count + 1)
        keys[name] = key
        return key
    }

    private func operation(
        _ movement: TableCommand.Movement, _ line: TableLine
    ) throws -> Operation {
        switch movement {
        case .post(let leg): .post(try self.leg(leg, line))
        case .hold(let leg, let seconds): .hold(try self.leg(leg, line), seconds: seconds)
        case .capture(let hold, let amount):
            .capture(hold: try transfer(hold, line), amount: amount)
        case .void(let hold): .void(hold: try transfer(hold, line))
        case .expire(let hold): .expire(hold: try transfer(hold, line))
        case .reverse(let name): .reverse(try transfer(name, line))
        }
    }

    private func leg(_ leg: TableLeg, _ line: TableLine) throws -> Leg {
        let currency = leg.currency ?? accounts[leg.debit]?.currency ?? World.kes
        return Leg(
            debit: try account(leg.debit, line), credit: try account(leg.credit, line),
            amount: Money(leg.amount, currency), code: TransferCode(rawValue: leg.code),
            isLimited: leg.isLimited, isDerived: leg.isDerived, isReturn: leg.isReturn)
    }

    // MARK: Names

    private func account(_ name: String, _ line: TableLine) throws -> AccountID {
        if name == "nobody" { return AccountID(Self.absent) }
        guard let account = accounts[name] else {
            throw TableError(line, "no account is called “\(name)”")
        }
        return account.id
    }

    private func transfer(_ name: String, _ line: TableLine) throws -> TransferID {
        if name == "nothing" { return TransferID(Self.absent) }
        guard let id = lines[name] else { throw TableError(line, "no line is called “\(name)”") }
        return id
    }

    private func moment(_ name: String, _ line: TableLine) throws -> Timestamp {
        guard let moment = moments[name] else {
            throw TableError(line, "no moment is called “\(name)”")
        }
        return moment
    }

    // MARK: History

    /// Walks all pages, as a person does who presses "older" until there is nothing older.
    private mutating func check(_ history: TableHistory, _ line: TableLine) async throws {
        let account = try account(history.account, line)
        let from = try history.from.map { try moment($0, line) }
        let to = try history.to.map { try moment($0, line) }
        let names = Dictionary(uniqueKeysWithValues: lines.map { ($0.value, $0.key) })
        var walked: [String] = []
        var cursor: ID<Transfer>?
        repeat {
            let page = try await world.ledger.entries(
                of: account, before: cursor, from: from, to: to, limit: history.pageLength)
            walked += page.elements.map { names[$0.transfer.id] ?? "\($0.transfer.id.number)" }
            cursor = page.nextCursor.flatMap { ID($0) }
        } while cursor != nil
        compare(
            line, history.expected.joined(separator: " "), walked.joined(separator: " "))
    }
}

extension World {
    fileprivate func advance(_ advance: TableAdvance) {
        switch advance {
        case .seconds(let seconds): clock.advance(seconds: seconds)
        case .toNextDay: go(to: Timestamp(day: clock.now.day + 1))
        case .toNextMonth:
            let today = CalendarDay(daysSince1970: clock.now.day)
            go(to: Timestamp(day: today.startOfNextMonth.daysSince1970))
        }
    }

    private func go(to moment: Timestamp) {
        clock.advance(seconds: clock.now.seconds(until: moment) + 3600)
    }

    /// The currencies whose balances do not sum to zero, or whose debits are not its credits; none
    /// in books that are right.
    fileprivate func imbalance() throws -> String {
        let rows = try Connection.open(settings).query(
            """
            SELECT a.currency FROM ledger.accounts a
            LEFT JOIN (
                SELECT account, sum(amount) FILTER (WHERE side = 'credit') AS credits,
                    sum(amount) FILTER (WHERE side = 'debit') AS debits
                FROM ledger.entries WHERE kind IN (1, 3, 6) GROUP BY account
            ) e ON e.account = a.id
            GROUP BY a.currency
            HAVING sum(a.posted) <> 0 OR coalesce(sum(e.credits), 0) <> coalesce(sum(e.debits), 0)
                OR bool_or(a.posted <> coalesce(e.credits, 0) - coalesce(e.debits, 0))
            ORDER BY a.currency
            """)
        return try rows.map { row -> String in try row[0] }.joined(separator: " ")
    }
}
