internal import Cryptography
internal import Postgres
internal import Values

// How a decided batch is written.

extension LedgerStore {
    /// Lines from which COPY is cheaper than arrays: a quarter less of the server's time.
    static let copiedLinesMin = 500

    /// The whole batch in one statement: nothing is written unless the fence still stands where
    /// `expected` saw it. Returns one row when it did.
    static func write(_ bench: Workbench, _ link: ChainLink, expected: Fence) -> SQL {
        """
        \(fence(bench, link, expected))\(journal(bench, expected))\(heads(bench))\(lists(bench))
        SELECT last_transfer FROM fence
        """
    }

    /// The same without the lines, which follow by COPY in the same transaction.
    static func writeWithoutLines(
        _ bench: Workbench, _ link: ChainLink, expected: Fence
    ) -> SQL {
        """
        \(fence(bench, link, expected))\(heads(bench))\(lists(bench))
        SELECT last_transfer FROM fence
        """
    }

    private static func fence(
        _ bench: Workbench, _ link: ChainLink, _ expected: Fence
    ) -> SQL {
        """
        WITH fence AS (
            UPDATE ledger.head SET version = version + 1, last_transfer = \(link.last.number),
                last_at = \(link.at), chain = \(link.hash.bytes)
            WHERE id = 1 AND version = \(expected.version)
            RETURNING last_transfer
        ), link AS (
            INSERT INTO ledger.batches (last_transfer, first_transfer, at, salt, root, hash)
            SELECT \(link.last.number), \(link.first.number), \(link.at), \(link.salt.bytes),
                \(link.root.bytes), \(link.hash.bytes) FROM fence
        )
        """
    }

    private static func journal(_ bench: Workbench, _ expected: Fence) -> SQL {
        let lines = LineColumns(bench.lines)
        return """
            , journal AS (
                INSERT INTO ledger.transfers (\(lineColumns))
                SELECT \(expected.lastTransfer) + l.place, \(bench.now), l.kind, l.code, l.legs,
                    l.debit, l.credit, l.amount, l.debit_posted, l.debit_held, l.credit_posted,
                    l.credit_held, l.debit_previous, l.credit_previous, l.key, l.settles,
                    l.expires_at, l.limited
                FROM fence, unnest(
                    \(lines.kind), \(lines.code), \(lines.legs), \(lines.debit), \(lines.credit),
                    \(lines.amount), \(lines.debitPosted), \(lines.debitHeld),
                    \(lines.creditPosted), \(lines.creditHeld), \(lines.debitPrevious),
                    \(lines.creditPrevious), \(SQLValue.uuidsOrNull(lines.key)),
                    \(SQLValue.int64sOrNull(lines.settles)),
                    \(SQLValue.timestampsOrNull(lines.expiresAt)), \(lines.limited))
                WITH ORDINALITY AS l(kind, code, legs, debit, credit, amount, debit_posted,
                    debit_held, credit_posted, credit_held, debit_previous, credit_previous, key,
                    settles, expires_at, limited, place)
            )
            """
    }

    private static func heads(_ bench: Workbench) -> SQL {
        let heads = HeadColumns(bench.changed)
        return """
            , heads AS (
                UPDATE ledger.accounts a SET posted = h.posted, held = h.held,
                    last_transfer = h.last_transfer, last_at = \(bench.now),
                    spent_day = h.spent_day, spent_day_amount = h.spent_day_amount,
                    spent_day_count = h.spent_day_count, spent_month = h.spent_month,
                    spent_month_amount = h.spent_month_amount, spent_hour = h.spent_hour,
                    spent_hour_count = h.spent_hour_count
                FROM fence, unnest(
                    \(heads.id), \(heads.posted), \(heads.held), \(heads.lastTransfer),
                    \(heads.spentDay), \(heads.spentDayAmount), \(heads.spentDayCount),
                    \(heads.spentMonth), \(heads.spentMonthAmount), \(heads.spentHour),
                    \(heads.spentHourCount))
                AS h(id, posted, held, last_transfer, spent_day, spent_day_amount,
                    spent_day_count, spent_month, spent_month_amount, spent_hour,
                    spent_hour_count)
                WHERE a.id = h.id
            )
            """
    }

    /// Open holds and checkpoints, written only by the batches that have some.
    private static func lists(_ bench: Workbench) -> SQL {
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

    // MARK: By COPY

    private static let lineColumns: SQL = """
        id, at, kind, code, legs, debit, credit, amount, debit_posted, debit_held, credit_posted,
        credit_held, debit_previous, credit_previous, key, settles, expires_at, limited
        """
    private static let lineColumnsCount = 18

    /// Writes the lines in the transaction that is open.
    static func copy(_ lines: [Transfer], on connection: Connection) throws(DatabaseError) {
        try connection.copy(
            into: "ledger.transfers (\(lineColumns))", columns: lineColumnsCount,
            rows: lines.count
        ) { row, fields in lines[row].put(into: &fields) }
    }
}

extension Transfer {
    fileprivate func put(into fields: inout CopyFields) {
        fields.put(id.number)
        fields.put(at)
        fields.put(kind.rawValue)
        fields.put(code.rawValue)
        fields.put(legs)
        fields.put(debit.number)
        fields.put(credit.number)
        fields.put(amount)
        fields.put(debitAfter.posted)
        fields.put(debitAfter.held)
        fields.put(creditAfter.posted)
        fields.put(creditAfter.held)
        fields.put(debitPrevious)
        fields.put(creditPrevious)
        if let key { fields.put(high: key.high, low: key.low) } else { fields.putNull() }
        if let settles { fields.put(settles.number) } else { fields.putNull() }
        if let expiresAt { fields.put(expiresAt) } else { fields.putNull() }
        fields.put(isLimited)
    }
}

/// Lines turned on their side: one array for each column.
private struct LineColumns {
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

    init(_ lines: [Transfer]) {
        for line in lines { append(line) }
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
}

private struct HeadColumns {
    var id: [Int64] = []
    var posted: [Int64] = []
    var held: [Int64] = []
    var lastTransfer: [Int64] = []
    var spentDay: [Int64] = []
    var spentDayAmount: [Int64] = []
    var spentDayCount: [Int32] = []
    var spentMonth: [Int64] = []
    var spentMonthAmount: [Int64] = []
    var spentHour: [Int32] = []
    var spentHourCount: [Int32] = []

    init(_ heads: [Head]) {
        for head in heads { append(head) }
    }

    private mutating func append(_ changed: Head) {
        id.append(changed.id)
        posted.append(changed.posted)
        held.append(changed.held)
        lastTransfer.append(changed.lastTransfer)
        spentDay.append(changed.spentToday.period)
        spentDayAmount.append(changed.spentToday.amount)
        spentDayCount.append(changed.paymentsToday.count)
        spentMonth.append(changed.spentThisMonth.period)
        spentMonthAmount.append(changed.spentThisMonth.amount)
        spentHour.append(changed.paymentsThisHour.period)
        spentHourCount.append(changed.paymentsThisHour.count)
    }
}
