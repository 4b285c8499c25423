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
        /// Under which forwarded commands are taken.
        let term: Int64

        init(row: Row) throws(DatabaseError) {
            version = try row[0]
            lastTransfer = try row[1]
            lastAt = try row[2]
            chain = try row[3]
            isMoneyOutStopped = try row[4]
            term = try row[5]
        }
    }

    static let fence: SQL = """
        SELECT version, last_transfer, last_at, chain, stopped_at IS NOT NULL, term
        FROM ledger.head WHERE id = 1
        """

    /// Holds every other writer until this transaction ends.
    static let fenceLocked: SQL = "\(fence) FOR UPDATE"

    /// Makes every picture that a writer may have of the ledger an old one.
    static let moveFence: SQL = "UPDATE ledger.head SET version = version + 1 WHERE id = 1"

    /// How long attachments may wait for rows of other slices, with the head in their hands.
    static let attachmentLockMillisecondsMax = 100
    static let attachmentPatience: SQL =
        "SELECT set_config('lock_timeout', \("\(attachmentLockMillisecondsMax)ms"), true)"

    static func heads(_ ids: [Int64]) -> SQL { "\(heads) WHERE a.id = ANY(\(ids))" }

    /// Lines beyond which it is cheaper to forget all heads than to read what changed them.
    static let newsLinesMax: Int64 = 20_000

    /// What `BatchWriter.catchUp` wants to know of what others wrote: how many links they added to
    /// the chain, and their lines. Nothing when nothing is known that could be caught up with.
    static func news(since fence: Fence?) -> [SQL] {
        guard let fence else { return [] }
        let (last, end) = (fence.lastTransfer, fence.lastTransfer + newsLinesMax)
        return [
            """
            SELECT count(*) FROM ledger.batches
            WHERE last_transfer > \(last) AND last_transfer <= \(end)
            """,
            """
            SELECT \(transferColumns) FROM ledger.transfers t
            WHERE t.id > \(last) AND t.id <= \(end) ORDER BY t.id
            """,
        ]
    }

    /// The advisory lock of the writer whose turn it is; the letters of "ledger".
    private static let turn: Int64 = 0x6c65_6467_6572
    static let takeTurn: SQL = "SELECT pg_advisory_lock(\(turn))"
    /// However often the lock was asked for: this session has no other.
    static let leaveTurn: SQL = "SELECT pg_advisory_unlock_all()"

    private static let heads: SQL = """
        SELECT a.id, a.currency, a.floor, a.limit_transfer, a.limit_day, a.limit_month,
            c.account IS NOT NULL, a.posted, a.held, a.last_transfer, a.last_at,
            a.spent_day, a.spent_day_amount, a.spent_month, a.spent_month_amount,
            a.spent_day_count, a.spent_hour, a.spent_hour_count, a.limit_hour_count,
            a.limit_day_count, a.ceiling
        FROM ledger.accounts a LEFT JOIN ledger.account_closures c ON c.account = a.id
        """

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

    static func set(_ limits: AccountLimits, of account: AccountID) -> SQL {
        """
        UPDATE ledger.accounts SET limit_transfer = \(limits.perTransfer),
            limit_day = \(limits.perDay), limit_month = \(limits.perMonth),
            limit_hour_count = \(limits.paymentsPerHour),
            limit_day_count = \(limits.paymentsPerDay), ceiling = \(limits.ceiling)
        WHERE id = \(account.number)
        """
    }

    /// Seals what is fixed about an account as it is now.
    static func seal(_ account: AccountID) -> SQL {
        """
        UPDATE ledger.accounts a SET seal = ledger.account_seal(a,
            (SELECT c.at FROM ledger.account_closures c WHERE c.account = a.id))
        WHERE a.id = \(account.number)
        """
    }

    static func startOfMonth(_ moment: Timestamp) -> Timestamp {
        let day = CalendarDay(daysSince1970: moment.day)
        return Timestamp(
            day: CalendarDay(year: day.year, month: day.month, day: 1).daysSince1970)
    }
}

extension Head {
    init(row: Row) throws(DatabaseError) {
        id = try row[0]
        currency = try row[1]
        floor = try row[2]
        limits = AccountLimits(
            perTransfer: try row[3], perDay: try row[4], perMonth: try row[5],
            paymentsPerHour: try row[18], paymentsPerDay: try row[19], ceiling: try row[20])
        isClosed = try row[6]
        posted = try row[7]
        held = try row[8]
        lastTransfer = try row[9]
        lastAt = try row[10]
        spentToday = Spent(period: try row[11], amount: try row[12])
        spentThisMonth = Spent(period: try row[13], amount: try row[14])
        // The day of the amount is the day of the count: both count the same payments.
        paymentsToday = Payments(period: Int32(clamping: spentToday.period), count: try row[15])
        paymentsThisHour = Payments(period: try row[16], count: try row[17])
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
