internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Values

/// Everything of one currency that decides about the records at hand, as of one version of its
/// turn. What is decided from it changes it, so that the next decision sees the one before.
struct Picture: Sendable {
    let currency: Currency
    var version: Int64
    /// Whether a step that was decided on this picture has moved the turn.
    var isTurnMoved = false
    var now: Timestamp
    /// In the order of arrival.
    var pending: [ObjectID] = []
    /// Those, and what they draw on.
    var records: [ObjectID: StoredRecord] = [:]
    var wallets: [WalletID: DeviceWallet] = [:]
    var balances: [AccountID: Int64] = [:]
    /// When the claim to a record ends: the earliest of those who signed on its path.
    var claimBy: [ObjectID: Timestamp] = [:]
    /// What of deposits and unlocks was credited at once lately, by wallet.
    var instant: [WalletID: Int64] = [:]
    /// What is still owed to who holds a record.
    var claims: [ObjectID: [Claim]] = [:]
    /// What pays for the first pending record if its payer has overspent.
    var cover: Cover?

    struct Claim: Sendable {
        let id: Int64
        let debtor: ID<Debtor>
        var remaining: Int64

        func isOn(_ person: ID<User>) -> Bool {
            (debtor.high, debtor.low) == (person.high, person.low)
        }
    }

    /// A person who owes; the same id as the person's.
    enum Debtor {}

    /// Whose means pay for what one wallet has overspent, in this order.
    struct Cover: Sendable {
        let record: ObjectID
        /// Of the payer: the wallet online, then what is maturing.
        let means: [AccountID]
        /// Nil while nobody has put anything into the fund.
        let fund: AccountID?
        let owedToFund: AccountID
        let owedToPayees: AccountID
        let debt: AccountID
        /// What the fund may still pay this payee.
        let payeeRoom: Int64
    }

    func balance(_ account: AccountID) -> Int64 { balances[account, default: 0] }

    mutating func move(_ amount: Int64, from debit: AccountID, to credit: AccountID) {
        balances[debit, default: 0] -= amount
        balances[credit, default: 0] += amount
    }
}

// MARK: Loading

extension Offline {
    /// Records that are decided on one picture.
    static let picturePendingMax: Int64 = 256
    /// How far a path is followed: longer than any that a certificate allows.
    private static let pathHopsMax: Int64 = 16

    func version(_ currency: Currency) async throws -> Int64 {
        let found = try await database.query(
            "SELECT version FROM offline.turns WHERE currency = \(currency)"
        ) { try $0[0] as Int64 }
        return found.first ?? 0
    }

    /// The oldest pending records with what decides about them.
    func picture(_ currency: Currency) async throws -> Picture {
        let now = clock.now
        var picture = try await database.read { transaction in
            let row = try transaction.first(
                "SELECT version FROM offline.turns WHERE currency = \(currency)")
            var picture = Picture(
                currency: currency, version: try row.map { try $0[0] } ?? 0, now: now)
            try Self.loadRecords(into: &picture, transaction)
            guard !picture.pending.isEmpty else { return picture }
            try Self.loadWallets(into: &picture, transaction)
            try Self.loadPaths(into: &picture, transaction)
            try Self.loadClaims(into: &picture, transaction)
            return picture
        }
        guard !picture.pending.isEmpty else { return picture }
        var accounts = picture.records.values.map(\.bucket)
        accounts += picture.wallets.values.map(\.escrow)
        picture.balances = try await ledger.balances(of: accounts).mapValues(\.available)
        return picture
    }

    private static func loadRecords(
        into picture: inout Picture, _ transaction: borrowing Transaction
    ) throws {
        for row in try transaction.query(
            """
            SELECT \(StoredRecord.columns) FROM offline.records r
            WHERE r.currency = \(picture.currency) AND r.state = 'pending'
            ORDER BY r.log_index LIMIT \(picturePendingMax)
            """)
        {
            let record = try StoredRecord(row: row)
            picture.pending.append(record.id)
            picture.records[record.id] = record
        }
        let sources = picture.records.values.filter { !$0.record.isOwn }.map(\.record.source)
        guard !sources.isEmpty else { return }
        for row in try transaction.query(
            """
            SELECT \(StoredRecord.columns) FROM offline.records r
            WHERE r.id = ANY(\(sources.map(\.stored)))
            """)
        {
            let record = try StoredRecord(row: row)
            picture.records[record.id] = record
        }
    }

    private static func loadWallets(
        into picture: inout Picture, _ transaction: borrowing Transaction
    ) throws {
        let parties = Set(
            picture.records.values.flatMap { [$0.record.payer.stored, $0.record.payee.stored] })
        for row in try transaction.query(
            """
            SELECT \(DeviceWallet.columns) FROM offline.wallets w
            WHERE w.wid = ANY(\(Array(parties)))
            """)
        {
            let wallet = try DeviceWallet(row: row)
            picture.wallets[wallet.id] = wallet
        }
        let returning = picture.pending.compactMap { picture.records[$0]?.record }
            .filter { $0.payee == .issuer }
        guard !returning.isEmpty else { return }
        let since = picture.now.adding(seconds: -instantWindowSeconds)
        for row in try transaction.query(
            """
            SELECT payer, sum(instant)::bigint FROM offline.records
            WHERE payer = ANY(\(Array(Set(returning.map(\.payer.stored))))) AND payee = 0
                AND settled_at > \(since) GROUP BY payer
            """)
        {
            picture.instant[WalletID(stored: try row[0])] = try row[1]
        }
    }

    /// What was credited at once counts for as long as an unseen fork of it may turn up.
    static let instantWindowSeconds: Int64 = 10 * 86_400

    private static func loadPaths(
        into picture: inout Picture, _ transaction: borrowing Transaction
    ) throws {
        for row in try transaction.query(
            """
            WITH RECURSIVE path AS (
                SELECT r.id AS start, r.source, w.claim_by, 1 AS length
                FROM offline.records r JOIN offline.wallets w ON w.wid = r.payer
                WHERE r.id = ANY(\(picture.pending.map(\.stored)))
                UNION ALL
                SELECT p.start, f.source, w.claim_by, p.length + 1
                FROM path p JOIN offline.records f ON f.id = p.source
                    JOIN offline.wallets w ON w.wid = f.payer
                WHERE p.length < \(pathHopsMax))
            SELECT start, min(claim_by) FROM path GROUP BY start
            """)
        {
            picture.claimBy[ObjectID(stored: try row[0])] = try row[1]
        }
    }

    /// Only what was paid in part leaves somebody a claim.
    private static func loadClaims(
        into picture: inout Picture, _ transaction: borrowing Transaction
    ) throws {
        let short = picture.records.values.filter { $0.state == .settled && $0.paid < $0.amount }
        guard !short.isEmpty else { return }
        for row in try transaction.query(
            """
            SELECT record, id, debtor, remaining FROM offline.claims
            WHERE record = ANY(\(short.map(\.id.stored))) AND remaining > 0 ORDER BY id
            """)
        {
            let claim = Picture.Claim(id: try row[1], debtor: try row[2], remaining: try row[3])
            picture.claims[ObjectID(stored: try row[0]), default: []].append(claim)
        }
    }
}
