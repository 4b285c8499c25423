package import Cryptography
package import Postgres
internal import Values

/// Every SQL statement of the write path.
enum LedgerStore {
    /// What the writer last saw of the head row.
    struct Fence: Equatable {
        var version: Int64
        var lastTransfer: Int64
        var lastAt: Timestamp
        /// The hash of the newest link of the chain.
        var chain: Digest
        let isMoneyOutStopped: Bool

        init(row: Row) throws(DatabaseError) {
            version = try row[0]
            lastTransfer = try row[1]
            lastAt = try row[2]
            chain = try row[3]
            isMoneyOutStopped = try row[4]
        }
    }

    static let fence: SQL = """
        SELECT version, last_transfer, last_at, chain, stopped_at IS NOT NULL
        FROM ledger.head WHERE id = 1
        """

    /// Holds every other writer until this transaction ends.
    static let fenceLocked: SQL = "\(fence) FOR UPDATE"

    static func heads(_ ids: [Int64]) -> SQL {
        """
        SELECT a.id, a.currency, a.floor, a.limit_transfer, a.limit_day, a.limit_month,
            c.account IS NOT NULL, a.posted, a.held, a.last_transfer, a.last_at,
            a.spent_day, a.spent_day_amount, a.spent_month, a.spent_month_amount
        FROM ledger.accounts a LEFT JOIN ledger.account_closures c ON c.account = a.id
        WHERE a.id = ANY(\(ids))
        """
    }

    static let transferColumns: SQL = """
        t.id, t.at, t.kind, t.code, t.legs, t.debit, t.credit, t.amount, t.debit_posted,
        t.debit_held, t.credit_posted, t.credit_held, t.debit_previous, t.credit_previous, t.key,
        t.settles, t.expires_at, t.limited
        """

    static func transfers(_ ids: [Int64]) -> SQL {
        "SELECT \(transferColumns) FROM ledger.transfers t WHERE t.id = ANY(\(ids))"
    }

    /// Which of the given transfers have been ended or reversed.
    static func settled(_ ids: [Int64]) -> SQL {
        "SELECT t.settles FROM ledger.transfers t WHERE t.settles = ANY(\(ids))"
    }

    /// All lines of the commands that carried these keys, in journal order.
    ///
    /// The limit keeps the planner from joining by comparing every line with every key, which it
    /// otherwise prefers for a few keys, and which reads the whole journal.
    static func claimed(_ keys: [CommandKey]) -> SQL {
        """
        SELECT \(transferColumns)
        FROM ledger.transfers k CROSS JOIN LATERAL (
            SELECT * FROM ledger.transfers l WHERE l.id >= k.id AND l.id < k.id + k.legs
            ORDER BY l.id LIMIT \(Int64(Command.operationsMax))) AS t
        WHERE k.key = ANY(\(SQLValue.uuids(keys.map { ($0.high, $0.low) })))
        ORDER BY t.id
        """
    }

    /// The whole batch in one statement: nothing is written unless the fence still stands where
    /// `expected` saw it. Returns one row when it did.
    static func write(_ bench: Workbench, _ link: ChainLink, expected: Fence) -> SQL {
        let batch = Columns(bench)
        return """
            WITH fence AS (
                UPDATE ledger.head SET version = version + 1,
                    last_transfer = last_transfer + \(Int64(bench.lines.count)),
                    last_at = \(bench.now), chain = \(link.hash.bytes)
                WHERE id = 1 AND version = \(expected.version)
                RETURNING last_transfer
            ), link AS (
                INSERT INTO ledger.batches (last_transfer, first_transfer, at, salt, root, hash)
                SELECT \(link.last.number), \(link.first.number), \(link.at),
                    \(link.salt.bytes), \(link.root.bytes), \(link.hash.bytes) FROM fence
            ), journal AS (
                INSERT INTO ledger.transfers (
                    id, at, kind, code, legs, debit, credit, amount, debit_posted, debit_held,
                    credit_posted, credit_held, debit_previous, credit_previous, key, settles,
                    expires_at, limited)
                SELECT \(expected.lastTransfer) + l.place, \(bench.now), l.kind, l.code, l.legs,
                    l.debit, l.credit, l.amount, l.debit_posted, l.debit_held, l.credit_posted,
                    l.credit_held, l.debit_previous, l.credit_previous, l.key, l.settles,
                    l.expires_at, l.limited
                FROM fence, unnest(
                    \(batch.kind), \(batch.code), \(batch.legs), \(batch.debit), \(batch.credit),
                    \(batch.amount), \(batch.debitPosted), \(batch.debitHeld),
                    \(batch.creditPosted), \(batch.creditHeld), \(batch.debitPrevious),
                    \(batch.creditPrevious), \(SQLValue.uuidsOrNull(batch.key)),
                    \(SQLValue.int64sOrNull(batch.settles)),
                    \(SQLValue.timestampsOrNull(batch.expiresAt)), \(batch.limited))
                WITH ORDINALITY AS l(kind, code, legs, debit, credit, amount, debit_posted,
                    debit_held, credit_posted, credit_held, debit_previous, credit_previous, key,
                    settles, expires_at, limited, place)
            ), heads AS (
                UPDATE ledger.accounts a SET posted = h.posted, held = h.held,
                    last_transfer = h.last_transfer, last_at = \(bench.now),
                    spent_day = h.spent_day, spent_day_amount = h.spent_day_amount,
                    spent_month = h.spent_month, spent_month_amount = h.spent_month_amount
                FROM fence, unnest(
                    \(batch.head), \(batch.posted), \(batch.held), \(batch.lastTransfer),
                    \(batch.spentDay), \(batch.spentDayAmount), \(batch.spentMonth),
                    \(batch.spentMonthAmount))
                AS h(id, posted, held, last_transfer, spent_day, spent_day_amount, spent_month,
                    spent_month_amount)
                WHERE a.id = h.id
            )\(sideTables(bench, expected: expected))
            SELECT last_transfer FROM fence
            """
    }

    /// Open holds and checkpoints, written only by the batches that have some.
    private static func sideTables(_ bench: Workbench, expected: Fence) -> SQL {
        var sql: SQL = ""
        let opened = bench.lines.filter { $0.kind == .hold }
        if !opened.isEmpty {
            sql = """
                \(sql), opened AS (
                    INSERT INTO ledger.open_holds (id, account, amount, expires_at)
                    SELECT o.* FROM fence, unnest(
                        \(opened.map(\.id.number)), \(opened.map(\.debit.number)),
                        \(opened.map(\.amount)), \(opened.compactMap(\.expiresAt))) AS o
                )
                """
        }
        let ended = bench.lines.filter { $0.kind != .reversal }.compactMap(\.settles?.number)
        if !ended.isEmpty {
            sql = """
                \(sql), ended AS (
                    DELETE FROM ledger.open_holds h USING fence WHERE h.id = ANY(\(ended))
                )
                """
        }
        let month = startOfMonth(bench.now)
        let crossed = bench.before.values.filter { $0.lastTransfer > 0 && $0.lastAt < month }
        if !crossed.isEmpty {
            sql = """
                \(sql), checkpoints AS (
                    INSERT INTO ledger.checkpoints (account, month, last_transfer)
                    SELECT c.account, \(month), c.last_transfer FROM fence, unnest(
                        \(crossed.map(\.id)), \(crossed.map(\.lastTransfer)))
                    AS c(account, last_transfer)
                )
                """
        }
        return sql
    }

    static func startOfMonth(_ moment: Timestamp) -> Timestamp {
        let day = CalendarDay(daysSince1970: moment.day)
        return Timestamp(
            day: CalendarDay(year: day.year, month: day.month, day: 1).daysSince1970)
    }
}

/// A batch turned on its side: one array for each column.
private struct Columns {
    var kind: [Int16] = []
    var code: [Int16] = []
    var legs: [Int16] = []
    var debit: [Int64] = []
    var credit: [Int64] = []
    var amount: [Int64] = []
    var debitPosted: [Int64] = []
    var debitHeld: [Int64] = []
    var creditPosted: [Int64] = []
    var creditHeld: [Int64] = []
    var debitPrevious: [Int64] = []
    var creditPrevious: [Int64] = []
    var key: [(high: UInt64, low: UInt64)?] = []
    var settles: [Int64?] = []
    var expiresAt: [Timestamp?] = []
    var limited: [Bool] = []

    var head: [Int64] = []
    var posted: [Int64] = []
    var held: [Int64] = []
    var lastTransfer: [Int64] = []
    var spentDay: [Int64] = []
    var spentDayAmount: [Int64] = []
    var spentMonth: [Int64] = []
    var spentMonthAmount: [Int64] = []

    init(_ bench: Workbench) {
        for line in bench.lines { append(line) }
        for head in bench.changed { append(head) }
    }

    private mutating func append(_ line: Transfer) {
        kind.append(line.kind.rawValue)
        code.append(line.code.rawValue)
        legs.append(line.legs)
        debit.append(line.debit.number)
        credit.append(line.credit.number)
        amount.append(line.amount)
        debitPosted.append(line.debitAfter.posted)
        debitHeld.append(line.debitAfter.held)
        creditPosted.append(line.creditAfter.posted)
        creditHeld.append(line.creditAfter.held)
        debitPrevious.append(line.debitPrevious)
        creditPrevious.append(line.creditPrevious)
        key.append(line.key.map { ($0.high, $0.low) })
        settles.append(line.settles?.number)
        expiresAt.append(line.expiresAt)
        limited.append(line.isLimited)
    }

    private mutating func append(_ changed: Head) {
        head.append(changed.id)
        posted.append(changed.posted)
        held.append(changed.held)
        lastTransfer.append(changed.lastTransfer)
        spentDay.append(changed.spentToday.period)
        spentDayAmount.append(changed.spentToday.amount)
        spentMonth.append(changed.spentThisMonth.period)
        spentMonthAmount.append(changed.spentThisMonth.amount)
    }
}

extension Head {
    init(row: Row) throws(DatabaseError) {
        id = try row[0]
        currency = try row[1]
        floor = try row[2]
        limits = AccountLimits(
            perTransfer: try row[3], perDay: try row[4],
            perMonth: try row[5])
        isClosed = try row[6]
        posted = try row[7]
        held = try row[8]
        lastTransfer = try row[9]
        lastAt = try row[10]
        spentToday = Spent(period: try row[11], amount: try row[12])
        spentThisMonth = Spent(period: try row[13], amount: try row[14])
    }
}

extension Transfer {
    init(row: Row) throws(DatabaseError) {
        id = TransferID(try row[0])
        at = try row[1]
        let number: Int16 = try row[2]
        guard let known = TransferKind(rawValue: number) else {
            throw .decoding(column: 2, expected: "a kind of transfer, not \(number)")
        }
        kind = known
        code = TransferCode(rawValue: try row[3])
        legs = try row[4]
        debit = AccountID(try row[5])
        credit = AccountID(try row[6])
        amount = try row[7]
        debitAfter = Balance(posted: try row[8], held: try row[9])
        creditAfter = Balance(posted: try row[10], held: try row[11])
        debitPrevious = try row[12]
        creditPrevious = try row[13]
        let stored: ID<CommandKey>? = try row[14]
        key = stored.map { CommandKey(high: $0.high, low: $0.low) }
        let ended: Int64? = try row[15]
        settles = ended.map { TransferID($0) }
        expiresAt = try row[16]
        isLimited = try row[17]
    }
}

extension Digest: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard let digest = Digest(bytes: try [UInt8](cell: cell)) else {
            throw cell.mismatch("32 bytes")
        }
        self = digest
    }
}
