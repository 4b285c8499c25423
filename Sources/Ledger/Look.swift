internal import Postgres
internal import Values

/// One look at the books, in one read-only transaction whose statements all see the same moment.
///
/// A line, its accounts, and the head are written in one transaction, so no moment shows some
/// without the others, however busy the writers are. The whole of the past is the auditor's; this
/// is cheap enough to be done all the time.
struct Look {
    /// Accounts looked at, in the order of their ids, from where the last look stopped.
    static let accountsSampled = 1_000
    /// The newest lines, whose accounts are looked at as well: the busy ones, each time.
    static let linesNewest = 100
    /// How many lines before an account's last one are followed.
    static let stepsBack = 3

    private(set) var check = BookCheck()
    private(set) var isStopped = false
    /// What was known to differ when money-out was resumed all the same.
    private(set) var accepted: Set<String> = []
    /// The last account of the sample: where the next look goes on.
    private(set) var place: Int64

    /// Everything but what is accepted.
    var findings: [Finding] { check.findings.filter { !accepted.contains($0.subject) } }

    /// Only what another look has found as well.
    mutating func keep(_ subjects: Set<String>) { check.keep(subjects) }

    /// - Parameter place: the account after which the sample begins; it goes on from the first one
    ///   when it has come to the last.
    init(
        after place: Int64, withTotals: Bool, wraps: Bool = true,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        self.place = 0
        guard let head = try Self.head(transaction) else {
            check.find("the head", "is gone")
            return
        }
        isStopped = head.isStopped
        accepted = try Self.accepted(transaction)
        let newest = try Self.lines(
            "ORDER BY t.id DESC LIMIT \(Self.linesNewest)", transaction)
        let sample = try Self.sample(after: place, wraps: wraps, transaction)
        self.place = sample.last?.id ?? 0
        try look(at: sample, newest, head, transaction)
        if withTotals { try addUp(transaction) }
    }

    private mutating func look(
        at sample: [StoredAccount], _ newest: [StoredLine], _ head: StoredHead,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        var accounts = Dictionary(uniqueKeysWithValues: sample.map { ($0.id, $0) })
        let busy = Set(newest.flatMap { [$0.debit, $0.credit] }).subtracting(accounts.keys)
        for account in try Self.accounts("a.id = ANY(\(busy.sorted()))", transaction) {
            accounts[account.id] = account
        }
        check.check(head: head, newest: newest, accounts: accounts)
        let reserved = try Self.reserved(accounts.keys.sorted(), transaction)
        let lines = try Self.walk(back: accounts, transaction)
        for (id, account) in accounts.sorted(by: { $0.key < $1.key }) {
            check.check(
                account, lines: lines, reserved: reserved[id] ?? 0, steps: Self.stepsBack)
        }
    }

    private mutating func addUp(_ transaction: borrowing Transaction) throws(DatabaseError) {
        var totals: [CurrencyTotal] = []
        for row in try transaction.query(
            """
            SELECT currency, sum(posted), sum(held) FROM ledger.accounts
            GROUP BY currency ORDER BY currency
            """)
        {
            totals.append(
                CurrencyTotal(currency: try row[0], posted: try row[1], held: try row[2]))
        }
        let reserved = try transaction.query(
            "SELECT coalesce(sum(amount), 0) FROM ledger.open_holds")
        check.check(totals, reserved: try reserved[0][0])
    }
}

// MARK: What is read

extension Look {
    private static func head(
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> StoredHead? {
        guard
            let row = try transaction.first(
                """
                SELECT h.last_transfer, h.last_at, h.stopped_at IS NOT NULL,
                    coalesce(b.last_transfer, 0),
                    h.chain = coalesce(b.hash, decode(repeat('00', 32), 'hex'))
                FROM ledger.head h LEFT JOIN (
                    SELECT last_transfer, hash FROM ledger.batches
                    ORDER BY last_transfer DESC LIMIT 1) b ON true
                WHERE h.id = 1
                """)
        else { return nil }
        return StoredHead(
            lastTransfer: try row[0], lastAt: try row[1], isStopped: try row[2],
            lastBatch: try row[3], isChained: try row[4])
    }

    /// The findings beside the latest decision, if that was to go on in spite of them.
    private static func accepted(
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Set<String> {
        guard
            let row = try transaction.first(
                """
                SELECT CASE what WHEN 'resumed' THEN findings ELSE '{}' END
                FROM ledger.stops ORDER BY id DESC LIMIT 1
                """)
        else { return [] }
        let texts: [String] = try row[0]
        return Set(texts.map(Finding.subject))
    }

    private static func sample(
        after place: Int64, wraps: Bool, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [StoredAccount] {
        let ahead = try accounts(
            "a.id > \(place) ORDER BY a.id LIMIT \(accountsSampled)", transaction)
        guard wraps, ahead.count < accountsSampled else { return ahead }
        return ahead
            + (try accounts(
                "a.id <= \(place) ORDER BY a.id LIMIT \(accountsSampled - ahead.count)",
                transaction))
    }

    private static func accounts(
        _ condition: SQL, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [StoredAccount] {
        var accounts: [StoredAccount] = []
        for row in try transaction.query(
            """
            SELECT a.id, a.floor, a.posted, a.held, a.last_transfer, a.last_at,
                a.seal IS NOT DISTINCT FROM ledger.account_seal(a,
                    (SELECT c.at FROM ledger.account_closures c WHERE c.account = a.id))
            FROM ledger.accounts a WHERE \(condition)
            """)
        {
            accounts.append(
                StoredAccount(
                    id: try row[0], floor: try row[1], posted: try row[2], held: try row[3],
                    lastTransfer: try row[4], lastAt: try row[5], isSealed: try row[6]))
        }
        return accounts
    }

    private static func reserved(
        _ accounts: [Int64], _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [Int64: Int128] {
        var reserved: [Int64: Int128] = [:]
        for row in try transaction.query(
            """
            SELECT account, sum(amount) FROM ledger.open_holds WHERE account = ANY(\(accounts))
            GROUP BY account
            """)
        {
            reserved[try row[0]] = try row[1]
        }
        return reserved
    }

    /// The last line of each account, and those before it; one statement for each step, because a
    /// recursive one leaves the planner to guess, and its guess may be to read the whole journal.
    private static func walk(
        back accounts: [Int64: StoredAccount], _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [Int64: StoredLine] {
        var lines: [Int64: StoredLine] = [:]
        var places = accounts.mapValues(\.lastTransfer)
        for _ in 0...stepsBack {
            let missing = Set(places.values.filter { $0 > 0 && lines[$0] == nil }).sorted()
            for line in try Self.lines("WHERE t.id = ANY(\(missing))", transaction) {
                lines[line.id] = line
            }
            for (account, place) in places {
                let line = lines[place].flatMap { $0.mentions(account) ? $0 : nil }
                places[account] = line?.previous(account)
            }
        }
        return lines
    }

    private static func lines(
        _ condition: SQL, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [StoredLine] {
        var lines: [StoredLine] = []
        for row in try transaction.query(
            """
            SELECT t.id, t.at, t.kind, t.debit, t.credit, t.amount, t.debit_posted, t.debit_held,
                t.credit_posted, t.credit_held, t.debit_previous, t.credit_previous,
                CASE WHEN t.kind BETWEEN 3 AND 5 THEN
                    (SELECT h.amount FROM ledger.transfers h WHERE h.id = t.settles AND h.kind = 2)
                END
            FROM ledger.transfers t \(condition)
            """)
        {
            lines.append(try StoredLine(row: row))
        }
        return lines
    }
}

extension StoredLine {
    fileprivate init(row: Row) throws(DatabaseError) {
        id = try row[0]
        at = try row[1]
        kind = TransferKind(rawValue: try row[2])
        debit = try row[3]
        credit = try row[4]
        amount = try row[5]
        debitAfter = BookCheck.Balance(posted: try row[6] as Int64, held: try row[7] as Int64)
        creditAfter = BookCheck.Balance(posted: try row[8] as Int64, held: try row[9] as Int64)
        debitPrevious = try row[10]
        creditPrevious = try row[11]
        reserved = try row[12]
    }
}
