internal import Postgres
package import Values

extension Ledger {
    /// Transfers of one currency between two moments, newest first.
    package func transfers(
        from: Timestamp, to: Timestamp, currency: Currency, limit: Int
    ) async throws -> [Transfer] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT \(LedgerStore.transferColumns)
                FROM ledger.transfers t JOIN ledger.accounts a ON a.id = t.debit
                WHERE t.at >= \(from) AND t.at < \(to) AND a.currency = \(currency)
                ORDER BY t.id DESC LIMIT \(Int64(limit))
                """
            ).map { try Transfer(row: $0) }
        }
    }

    /// What has left and entered an account in all, and in how many movements. Sums stop at the
    /// largest amount there is: money may go round in circles for ever.
    package struct Totals: Sendable, Equatable {
        package let debits: Int64
        package let credits: Int64
        package let debitCount: Int
        package let creditCount: Int
    }

    package func totals(of account: AccountID) async throws -> Totals {
        let number = account.number
        return try await database.read { transaction in
            let row = try transaction.query(
                """
                WITH RECURSIVE chain AS (
                    SELECT t.debit, t.amount, t.kind,
                        CASE WHEN t.debit = \(number) THEN t.debit_previous
                            ELSE t.credit_previous END AS previous
                    FROM ledger.accounts a JOIN ledger.transfers t ON t.id = a.last_transfer
                    WHERE a.id = \(number)
                    UNION ALL
                    SELECT t.debit, t.amount, t.kind,
                        CASE WHEN t.debit = \(number) THEN t.debit_previous
                            ELSE t.credit_previous END
                    FROM chain c JOIN ledger.transfers t ON t.id = c.previous
                )
                SELECT least(coalesce(sum(amount) FILTER (WHERE debit = \(number)), 0),
                        \(Int64.max))::bigint,
                    least(coalesce(sum(amount) FILTER (WHERE debit <> \(number)), 0),
                        \(Int64.max))::bigint,
                    count(*) FILTER (WHERE debit = \(number)),
                    count(*) FILTER (WHERE debit <> \(number))
                FROM chain WHERE kind IN (1, 3, 6)
                """)[0]
            let (sent, received): (Int64, Int64) = (try row[2], try row[3])
            return Totals(
                debits: try row[0], credits: try row[1], debitCount: Int(sent),
                creditCount: Int(received))
        }
    }
}
