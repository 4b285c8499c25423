package import Postgres
package import Values

extension Ledger {
    /// Closes an account: it keeps its history and takes part in nothing new.
    package func closeAccount(_ account: AccountID) async throws {
        try await database.transaction { try close([account], in: $0) }
    }

    /// The same in the caller's transaction. No other batch is written until it ends, so this comes
    /// late in it, and what `remains` tells from here on stays true.
    package func close(
        _ accounts: [AccountID], in transaction: borrowing Transaction
    ) throws {
        let now = clock.now
        // Moves the fence, so that every writer's picture of these accounts is out of date.
        let lastAt: Timestamp = try transaction.query(
            "\(LedgerStore.moveFence) RETURNING last_at")[0][0]
        for account in accounts {
            // Whatever the account did, it did before: another process's clock may be ahead.
            try transaction.execute(
                """
                INSERT INTO ledger.account_closures (account, at)
                VALUES (\(account.number), \(max(now, lastAt))) ON CONFLICT DO NOTHING
                """)
            try transaction.execute(LedgerStore.seal(account))
        }
    }

    /// What accounts still have to do with anybody.
    package struct Remains: Sendable, Equatable {
        /// Of the accounts that are not empty, in minor units.
        package let balances: [Money]
        /// Of the accounts and for them.
        package let openHolds: Int64
    }

    package func remains(
        of accounts: [AccountID], in transaction: borrowing Transaction
    ) throws -> Remains {
        let numbers = accounts.map(\.number)
        let balances = try transaction.query(
            """
            SELECT posted, currency FROM ledger.accounts
            WHERE id = ANY(\(numbers)) AND posted <> 0 ORDER BY id
            """
        ).map { row in Money(try row[0], try row[1]) }
        // Reads every open hold, which is done for somebody who leaves, and not for a payment.
        let holds: Int64 = try transaction.query(
            """
            SELECT count(*) FROM ledger.open_holds h JOIN ledger.transfers t ON t.id = h.id
            WHERE h.account = ANY(\(numbers)) OR t.credit = ANY(\(numbers))
            """)[0][0]
        return Remains(balances: balances, openHolds: holds)
    }
}
