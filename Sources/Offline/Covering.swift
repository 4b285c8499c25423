internal import Cryptography
internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Values

extension Offline {
    /// Puts into the picture who pays for what this record's payer has overspent.
    func loadCover(for record: StoredRecord, into picture: inout Picture) async throws {
        guard let payer = picture.wallets[record.record.payer],
            let payee = picture.wallets[record.record.payee]
        else { return }
        let fund = try await fund(picture.currency)
        let debt = try await debtAccount(of: payer.owner, picture.currency)
        let (currency, now) = (picture.currency, picture.now)
        let cap = policy.payeeCap(in: currency)
        let (maturing, room) = try await database.read { transaction in
            (
                try Self.maturing(of: payer.owner, currency, transaction),
                try Self.room(for: payee.owner, currency, cap: cap, now, transaction)
            )
        }
        let means = [payer.online] + maturing
        picture.cover = Picture.Cover(
            record: record.id, means: means, fund: fund.fund, owedToFund: fund.owedToFund,
            owedToPayees: fund.owedToPayees, debt: debt, payeeRoom: room)
        for (account, balance) in try await ledger.balances(of: means + [fund.fund]) {
            picture.balances[account] = balance.available
        }
    }

    /// The accounts of one currency's guarantee.
    struct Fund: Sendable {
        let fund: AccountID
        let owedToFund: AccountID
        let owedToPayees: AccountID
    }

    /// Opened when first asked for.
    func fund(_ currency: Currency) async throws -> Fund {
        try await database.transaction { transaction in
            try transaction.execute(
                """
                INSERT INTO offline.turns (currency, version) VALUES (\(currency), 0)
                ON CONFLICT DO NOTHING
                """)
            // Whoever comes second waits here, and then finds what the first has opened.
            try transaction.execute(
                "SELECT FROM offline.turns WHERE currency = \(currency) FOR NO KEY UPDATE")
            let stored = try transaction.first(
                """
                SELECT fund, owed_to_fund, owed_to_payees FROM offline.funds
                WHERE currency = \(currency)
                """)
            if let row = stored {
                return Fund(
                    fund: AccountID(try row[0]), owedToFund: AccountID(try row[1]),
                    owedToPayees: AccountID(try row[2]))
            }
            let fund = Fund(
                fund: try ledger.openAccount(
                    .offlineFund, currency, floor: 0, in: transaction),
                owedToFund: try ledger.openAccount(
                    .offlineOwedToFund, currency, floor: 0, in: transaction),
                owedToPayees: try ledger.openAccount(
                    .offlineOwedToPayees, currency, floor: 0, in: transaction))
            try transaction.execute(
                """
                INSERT INTO offline.funds (currency, fund, owed_to_fund, owed_to_payees)
                VALUES (\(currency), \(fund.fund.number), \(fund.owedToFund.number),
                    \(fund.owedToPayees.number))
                """)
            return fund
        }
    }

    /// What this person owes for offline payments of a currency, opened when first needed.
    private func debtAccount(
        of person: ID<User>, _ currency: Currency
    ) async throws -> AccountID {
        try await database.transaction { transaction in
            let stored = try transaction.first(
                """
                SELECT debt FROM offline.debtors
                WHERE user_id = \(person) AND currency = \(currency)
                """)
            if let row = stored { return AccountID(try row[0]) }
            let account = try ledger.openAccount(
                .offlineDebt, currency, floor: nil, in: transaction)
            try transaction.execute(
                """
                INSERT INTO offline.debtors (user_id, currency, debt)
                VALUES (\(person), \(currency), \(account.number))
                """)
            return account
        }
    }

    // MARK: Steps

    /// What is on its way back to the payer, the youngest first: it would go last.
    private static func maturing(
        of person: ID<User>, _ currency: Currency, _ transaction: borrowing Transaction
    ) throws -> [AccountID] {
        try transaction.query(
            """
            SELECT r.bucket FROM offline.records r JOIN offline.wallets w ON w.wid = r.payer
            WHERE w.user_id = \(person) AND w.currency = \(currency)
                AND r.matures_at IS NOT NULL AND r.closed_at IS NULL
            ORDER BY r.log_index DESC
            """
        ).map { AccountID(try $0[0]) }
    }

    /// What the fund may still pay this payee: nothing to who is new or has cheated.
    private static func room(
        for payee: ID<User>, _ currency: Currency, cap: Int64, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Int64 {
        let since = now.adding(seconds: -OfflinePolicy.payeeCapSeconds)
        let row = try transaction.query(
            """
            SELECT (SELECT min(created_at) FROM offline.wallets WHERE user_id = \(payee)),
                EXISTS (SELECT FROM offline.cases
                    WHERE user_id = \(payee) AND upheld_at IS NOT NULL),
                (SELECT coalesce(sum(amount), 0)::bigint FROM offline.payouts
                    WHERE payee = \(payee) AND currency = \(currency) AND at > \(since))
            """)[0]
        return OfflinePolicy.payeeRoom(
            cap: cap, paid: try row[2], since: try row[0], hasCheated: try row[1], now)
    }

    /// The name of a command of this slice that is not the settlement of a record.
    static func commandKey(_ text: String) -> CommandKey {
        let id = ObjectID(bytes: Hash.sha256(text))
        return CommandKey(high: id.high, low: id.low)
    }
}
