internal import Cryptography
internal import Postgres
internal import Values

/// A row of the books as it is stored, which may be wrong in every way that its types allow.
protocol BookRow: Sendable {
    static var table: StaticString { get }
    /// In the order in which `init` reads them; the first orders the rows.
    static var columns: [StaticString] { get }

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError)
}

extension RowReader where Self: ~Copyable {
    mutating func digest() throws(DatabaseError) -> Digest {
        guard let digest = Digest(bytes: try bytes()) else {
            throw .decoding(column: column, expected: "32 bytes")
        }
        return digest
    }
}

extension Transfer: BookRow {
    static let table: StaticString = "ledger.transfers"
    static let columns: [StaticString] = [
        "id", "at", "kind", "code", "legs", "debit", "credit", "amount", "debit_posted",
        "debit_held", "credit_posted", "credit_held", "debit_previous", "credit_previous", "key",
        "settles", "expires_at", "limited",
    ]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        id = TransferID(try row.int64())
        at = try row.timestamp()
        guard let known = TransferKind(rawValue: try row.int16()) else {
            throw .decoding(column: row.column, expected: "a kind of transfer")
        }
        kind = known
        code = TransferCode(rawValue: try row.int16())
        legs = try row.int16()
        debit = AccountID(try row.int64())
        credit = AccountID(try row.int64())
        amount = try row.int64()
        debitAfter = Balance(posted: try row.int64(), held: try row.int64())
        creditAfter = Balance(posted: try row.int64(), held: try row.int64())
        debitPrevious = try row.int64()
        creditPrevious = try row.int64()
        key = try row.uuidOrNull().map { CommandKey(high: $0.high, low: $0.low) }
        settles = try row.int64OrNull().map { TransferID($0) }
        expiresAt = try row.timestampOrNull()
        isLimited = try row.bool()
    }
}

extension ChainLink: BookRow {
    static let table: StaticString = "ledger.batches"
    static let columns: [StaticString] = [
        "last_transfer", "first_transfer", "at", "salt", "root", "hash",
    ]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        let last = TransferID(try row.int64())
        self.init(
            first: TransferID(try row.int64()), last: last, at: try row.timestamp(),
            salt: try row.digest(), root: try row.digest(), hash: try row.digest())
    }
}

struct HeadRow: BookRow {
    let id: Int16
    let lastTransfer: Int64
    let lastAt: Timestamp
    let chain: Digest

    static let table: StaticString = "ledger.head"
    static let columns: [StaticString] = ["id", "last_transfer", "last_at", "chain"]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        id = try row.int16()
        lastTransfer = try row.int64()
        lastAt = try row.timestamp()
        chain = try row.digest()
    }
}

struct AccountRow: BookRow {
    let id: Int64
    let kind: String
    let currency: Currency
    let isSystem: Bool
    let floor: Int64?
    let limits: AccountLimits
    let posted: Int64
    let held: Int64
    let lastTransfer: Int64
    let lastAt: Timestamp
    let spentToday: Head.Spent
    let spentThisMonth: Head.Spent
    let paymentsTodayCount: Int32
    let paymentsThisHour: Counted
    let createdAt: Timestamp
    let seal: Digest

    static let table: StaticString = "ledger.accounts"
    static let columns: [StaticString] = [
        "id", "kind", "currency", "is_system", "floor", "limit_transfer", "limit_day",
        "limit_month", "limit_hour_count", "limit_day_count", "ceiling", "posted", "held",
        "last_transfer", "last_at", "spent_day", "spent_day_amount", "spent_month",
        "spent_month_amount", "spent_day_count", "spent_hour", "spent_hour_count", "created_at",
        "seal",
    ]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        id = try row.int64()
        kind = try row.text()
        guard let currency = Currency(try row.text()) else {
            throw .decoding(column: row.column, expected: "a currency")
        }
        self.currency = currency
        isSystem = try row.bool()
        floor = try row.int64OrNull()
        limits = AccountLimits(
            perTransfer: try row.int64OrNull(), perDay: try row.int64OrNull(),
            perMonth: try row.int64OrNull(), paymentsPerHour: try row.int32OrNull(),
            paymentsPerDay: try row.int32OrNull(), ceiling: try row.int64OrNull())
        posted = try row.int64()
        held = try row.int64()
        lastTransfer = try row.int64()
        lastAt = try row.timestamp()
        spentToday = Head.Spent(period: try row.int64(), amount: try row.int64())
        spentThisMonth = Head.Spent(period: try row.int64(), amount: try row.int64())
        paymentsTodayCount = try row.int32()
        paymentsThisHour = Counted(period: try row.int32(), count: try row.int32())
        createdAt = try row.timestamp()
        seal = try row.digest()
    }

    /// What `ledger.account_seal` of the database hashes, worked out without it.
    func expectedSeal(closedAt: Timestamp?, _ digester: Digester) -> Digest {
        func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "" }
        var fields = [
            "\(id)", kind, currency.code, isSystem ? "system" : "", text(floor),
            text(limits.perTransfer), text(limits.perDay), text(limits.perMonth),
            text(createdAt.microseconds), text(closedAt?.microseconds),
        ]
        if limits.paymentsPerHour != nil || limits.paymentsPerDay != nil || limits.ceiling != nil {
            fields += [
                text(limits.paymentsPerHour), text(limits.paymentsPerDay), text(limits.ceiling),
            ]
        }
        return digester.digest { $0 += fields.joined(separator: "|").utf8 }
    }
}

struct ClosureRow: BookRow {
    let account: Int64
    let at: Timestamp

    static let table: StaticString = "ledger.account_closures"
    static let columns: [StaticString] = ["account", "at"]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        account = try row.int64()
        at = try row.timestamp()
    }
}

struct OpenHoldRow: BookRow {
    let id: Int64
    let account: Int64
    let amount: Int64
    let expiresAt: Timestamp

    static let table: StaticString = "ledger.open_holds"
    static let columns: [StaticString] = ["id", "account", "amount", "expires_at"]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        id = try row.int64()
        account = try row.int64()
        amount = try row.int64()
        expiresAt = try row.timestamp()
    }
}

struct CheckpointRow: BookRow, Comparable {
    let account: Int64
    let month: Timestamp
    let lastTransfer: Int64

    static let table: StaticString = "ledger.checkpoints"
    static let columns: [StaticString] = ["account", "month", "last_transfer"]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        account = try row.int64()
        month = try row.timestamp()
        lastTransfer = try row.int64()
    }

    init(account: Int64, month: Timestamp, lastTransfer: Int64) {
        self.account = account
        self.month = month
        self.lastTransfer = lastTransfer
    }

    static func < (left: CheckpointRow, right: CheckpointRow) -> Bool {
        (left.account, left.month, left.lastTransfer)
            < (right.account, right.month, right.lastTransfer)
    }
}
