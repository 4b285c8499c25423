package import Postgres
internal import Values

/// Replays the journal from its first line and compares everything that was derived from it.
///
/// Shares no arithmetic with the writer on purpose: it knows only what each kind of line means.
package struct Auditor: Sendable {
    private let database: Database

    /// Lines read at a time.
    package static let pageLines: Int64 = 20_000
    /// Differences told before it stops looking for more.
    package static let findingsMax = 20

    package init(database: Database) {
        self.database = database
    }

    package struct Report: Sendable {
        package var transfers: Int64 = 0
        package var accounts = 0
        /// Sum of all balances by currency: zero for each when the books are right.
        package var totals: [String: Int128] = [:]
        /// Total moved by currency: the sum of debits, which is the sum of credits.
        package var moved: [String: Int128] = [:]
        package var findings: [String] = []

        package var isClean: Bool { findings.isEmpty }
    }

    /// One consistent picture of the whole ledger, whatever is being written meanwhile.
    package func run(progress: @escaping @Sendable (Int64) -> Void = { _ in }) async throws
        -> Report
    {
        try await database.read { transaction in
            var replay = AuditReplay(accounts: try Self.accounts(transaction))
            var last: Int64 = 0
            while !replay.isFull {
                let rows = try transaction.query(
                    """
                    SELECT \(LedgerStore.transferColumns) FROM ledger.transfers t
                    WHERE t.id > \(last) ORDER BY t.id LIMIT \(Self.pageLines)
                    """)
                for row in rows { replay.add(try Transfer(row: row)) }
                guard let final = rows.last else { break }
                last = try final[0]
                progress(last)
            }
            try Self.compareHeads(&replay, transaction)
            try Self.compareHolds(&replay, transaction)
            return replay.report
        }
    }

    private static func accounts(
        _ transaction: borrowing Transaction
    ) throws -> [Int64: AuditReplay.Account] {
        var accounts: [Int64: AuditReplay.Account] = [:]
        for row in try transaction.query("SELECT id, currency FROM ledger.accounts") {
            accounts[try row[0]] = AuditReplay.Account(currency: try row[1])
        }
        return accounts
    }

    private static func compareHeads(
        _ replay: inout AuditReplay, _ transaction: borrowing Transaction
    ) throws {
        let rows = try transaction.query(
            """
            SELECT id, posted, held, last_transfer, last_at, floor FROM ledger.accounts ORDER BY id
            """)
        for row in rows {
            replay.compare(
                account: try row[0], posted: try row[1], held: try row[2],
                lastTransfer: try row[3], lastAt: try row[4], floor: try row[5])
        }
        let head = try transaction.query("SELECT last_transfer, last_at FROM ledger.head")[0]
        replay.compareHead(lastTransfer: try head[0], lastAt: try head[1])
    }

    private static func compareHolds(
        _ replay: inout AuditReplay, _ transaction: borrowing Transaction
    ) throws {
        for row in try transaction.query(
            "SELECT id, account, amount, expires_at FROM ledger.open_holds ORDER BY id")
        {
            replay.compareOpenHold(
                try row[0], account: try row[1], amount: try row[2], expiresAt: try row[3])
        }
        replay.compareOpenHoldsAreAll()
        for row in try transaction.query(
            "SELECT account, month, last_transfer FROM ledger.checkpoints ORDER BY account, month")
        {
            replay.compareCheckpoint(account: try row[0], month: try row[1], line: try row[2])
        }
        replay.compareCheckpointsAreAll()
    }
}
