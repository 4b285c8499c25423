internal import Postgres
package import Values

/// A transfer as one of its two accounts sees it.
package struct Entry: Sendable, Equatable {
    package let transfer: Transfer
    package let account: AccountID

    package var isCredit: Bool { transfer.credit == account }
    package var counterparty: AccountID { isCredit ? transfer.debit : transfer.credit }
    package var balance: Balance { transfer.balance(of: account) }
    /// Whether the account has no entry before this one.
    package var isFirst: Bool { transfer.previous(of: account) == 0 }

    package init(_ transfer: Transfer, seenFrom account: AccountID) {
        self.transfer = transfer
        self.account = account
    }
}

extension Ledger {
    /// The transfer with this id, or nil.
    package func transfer(_ id: ID<Transfer>) async throws -> Transfer? {
        try await transfers([id.claimedPlace]).first { $0.publicID == id }
    }

    package func transfers(_ ids: [TransferID]) async throws -> [Transfer] {
        try await database.query(LedgerStore.transfers(ids.map(\.number))) {
            try Transfer(row: $0)
        }
    }

    /// The linked lines of the command that wrote `first`, in order.
    package func command(startingAt first: Transfer) async throws -> [Transfer] {
        guard first.legs > 1 else { return [first] }
        let places = (0..<Int64(first.legs)).map { TransferID(first.id.number + $0) }
        return try await transfers(places).sorted { $0.id < $1.id }
    }

    /// The line that ended this hold or reversed this transfer, or nil.
    package func ending(of id: TransferID) async throws -> Transfer? {
        try await database.query(
            """
            SELECT \(LedgerStore.transferColumns) FROM ledger.transfers t
            WHERE t.settles = \(id.number)
            """
        ) { try Transfer(row: $0) }.first
    }

    /// Entries of one account, newest first: those before `cursor`, not older than `from`, older
    /// than `to`.
    ///
    /// Walks the chain that each line keeps for both of its accounts, so a page costs its own
    /// length whatever the size of the journal. A page in the past starts from the month's
    /// checkpoint.
    package func entries(
        of account: AccountID, before cursor: ID<Transfer>? = nil, from: Timestamp? = nil,
        to: Timestamp? = nil, limit: Int
    ) async throws -> Page<Entry> {
        let lines = try await database.read { transaction -> [Transfer] in
            let start = try Self.start(
                of: account, before: cursor?.claimedPlace, to: to, transaction)
            return try Self.walk(account, from: start, since: from, limit: limit + 1, transaction)
        }
        let entries = lines.prefix(limit).map { Entry($0, seenFrom: account) }
        let next = lines.count > limit ? entries.last.map { "\($0.transfer.publicID)" } : nil
        return Page(entries, nextCursor: next)
    }

    /// The account's newest entries that came after `known`, newest first.
    package func newestEntries(
        of account: AccountID, after known: TransferID?, limit: Int
    ) async throws -> [Entry] {
        let question = NewestLines(account: account, after: known?.number ?? 0, limit: limit)
        return try await newest.ask([question]).map { Entry($0, seenFrom: account) }
    }

    /// What the account held right before `moment`.
    package func balance(
        of account: AccountID, before moment: Timestamp
    ) async throws -> Balance {
        try await database.read { transaction in
            let start = try Self.start(of: account, before: nil, to: moment, transaction)
            let last = try Self.walk(account, from: start, since: nil, limit: 1, transaction).first
            return last?.balance(of: account) ?? Balance(posted: 0, held: 0)
        }
    }

    /// The place of the newest line that the page may show.
    private static func start(
        of account: AccountID, before cursor: TransferID?, to: Timestamp?,
        _ transaction: borrowing Transaction
    ) throws -> Int64 {
        var start: Int64
        if let cursor {
            let line = try transaction.first(LedgerStore.transfers([cursor.number]))
                .map { try Transfer(row: $0) }
            guard let line, line.debit == account || line.credit == account else { return 0 }
            start = line.previous(of: account)
        } else {
            start = try newest(of: account, to: to, transaction)
        }
        guard let to else { return start }
        while start > 0 {
            let lines = try walk(account, from: start, since: nil, limit: 500, transaction)
            if let found = lines.first(where: { $0.at < to }) { return found.id.number }
            start = lines.last?.previous(of: account) ?? 0
        }
        return 0
    }

    /// The account's last line, or its last line before the first month that began after `to`.
    private static func newest(
        of account: AccountID, to: Timestamp?, _ transaction: borrowing Transaction
    ) throws -> Int64 {
        if let to {
            let checkpoint = try transaction.first(
                """
                SELECT last_transfer FROM ledger.checkpoints
                WHERE account = \(account.number) AND month >= \(to) ORDER BY month LIMIT 1
                """)
            if let checkpoint { return try checkpoint[0] }
        }
        let row = try transaction.first(
            "SELECT last_transfer FROM ledger.accounts WHERE id = \(account.number)")
        return try row.map { try $0[0] } ?? 0
    }

    private static func walk(
        _ account: AccountID, from start: Int64, since: Timestamp?, limit: Int,
        _ transaction: borrowing Transaction
    ) throws -> [Transfer] {
        guard start > 0 else { return [] }
        let number = account.number
        let oldest = since ?? Timestamp(microseconds: 0)
        return try transaction.query(
            """
            WITH RECURSIVE chain AS (
                SELECT \(LedgerStore.transferColumns), 1 AS length
                FROM ledger.transfers t WHERE t.id = \(start) AND t.at >= \(oldest)
                UNION ALL
                SELECT \(LedgerStore.transferColumns), c.length + 1
                FROM chain c JOIN ledger.transfers t ON t.id =
                    CASE WHEN c.debit = \(number) THEN c.debit_previous ELSE c.credit_previous END
                WHERE c.length < \(Int64(limit)) AND t.at >= \(oldest)
            )
            SELECT \(LedgerStore.transferColumns) FROM chain t
            """
        ).map { try Transfer(row: $0) }
    }
}
