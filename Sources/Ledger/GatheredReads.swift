internal import Postgres
internal import Values

/// A question for the newest lines of an account.
struct NewestLines: Sendable {
    let account: AccountID
    /// Only later lines; 0 for all.
    let after: Int64
    let limit: Int
}

// What is asked most, for many at once. Each row is looked up under a limit of its own: it keeps
// the planner to one look into the index, where it may otherwise prefer to read a whole table that
// was small when it planned.

extension LedgerStore {
    static func balances(
        in database: Database
    ) -> GatheredRead<AccountID, (AccountID, Balance)> {
        GatheredRead(database) { askers, accounts in
            """
            SELECT a.id, a.posted, a.held, q.asker
            FROM unnest(\(askers), \(accounts.map(\.number))) AS q(asker, account)
            CROSS JOIN LATERAL (
                SELECT * FROM ledger.accounts a WHERE a.id = q.account LIMIT 1) AS a
            """
        } decode: { row in
            (AccountID(try row[0]), Balance(posted: try row[1], held: try row[2]))
        }
    }

    /// Walks the chains of all accounts side by side, a step of each at a time, from their newest
    /// lines.
    static func newest(in database: Database) -> GatheredRead<NewestLines, Transfer> {
        GatheredRead(database) { askers, asked in
            """
            WITH RECURSIVE chain AS (
                SELECT \(transferColumns), q.asker, q.account, q.after, q.length
                FROM unnest(
                    \(askers), \(asked.map(\.account.number)), \(asked.map(\.after)),
                    \(asked.map(\.limit))) AS q(asker, account, after, length)
                CROSS JOIN LATERAL (
                    SELECT last_transfer FROM ledger.accounts a WHERE a.id = q.account LIMIT 1
                ) AS a
                CROSS JOIN LATERAL (
                    SELECT * FROM ledger.transfers l
                    WHERE l.id = a.last_transfer AND l.id > q.after LIMIT 1) AS t
                UNION ALL
                SELECT \(transferColumns), c.asker, c.account, c.after, c.length - 1
                FROM chain c CROSS JOIN LATERAL (
                    SELECT * FROM ledger.transfers l
                    WHERE l.id = CASE WHEN c.debit = c.account THEN c.debit_previous
                            ELSE c.credit_previous END
                        AND l.id > c.after LIMIT 1) AS t
                WHERE c.length > 1
            )
            SELECT \(transferColumns), t.asker FROM chain t
            """
        } decode: { row in
            try Transfer(row: row)
        }
    }
}
