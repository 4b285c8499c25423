internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
internal import Values

extension AccountKind {
    /// What one person owes for a top-up that was taken back.
    static let railDebt = AccountKind(rawValue: "rail_debt")
}

extension Rails {
    /// Takes a top-up back: what the wallet still has, and the rest is owed. No wallet goes below
    /// zero for it.
    func takingBack(_ payment: RailPayment) async throws -> [Operation] {
        let balance = try await ledger.balances(of: [payment.wallet])[payment.wallet]
        let available = min(max(0, balance?.available ?? 0), payment.amount.minorUnits)
        let owed = payment.amount.minorUnits - available
        var legs: [Leg] = []
        if available > 0 { legs.append(leg(available, from: payment.wallet, payment)) }
        if owed > 0 {
            let debt = try await debt(of: payment.user, payment.amount.currency)
            legs.append(leg(owed, from: debt, payment))
        }
        return legs.map { .post($0) }
    }

    private func leg(_ amount: Int64, from account: AccountID, _ payment: RailPayment) -> Leg {
        Leg(
            debit: account, credit: payment.float, amount: Money(amount, payment.amount.currency),
            code: .railReturn)
    }

    /// The person's account of debts, opened when the first is made.
    private func debt(of user: ID<User>, _ currency: Currency) async throws -> AccountID {
        if let account = try await knownDebt(of: user, currency) { return account }
        do {
            return try await database.transaction { transaction in
                let account = try ledger.openAccount(
                    .railDebt, currency, floor: nil, in: transaction)
                try transaction.execute(
                    """
                    INSERT INTO rails.debtors (user_id, currency, account)
                    VALUES (\(user), \(currency), \(account.number))
                    """)
                return account
            }
        } catch let error as DatabaseError where error.isUniqueViolation {
            guard let account = try await knownDebt(of: user, currency) else { throw error }
            return account
        }
    }

    private func knownDebt(of user: ID<User>, _ currency: Currency) async throws -> AccountID? {
        try await database.query(
            """
            SELECT account FROM rails.debtors WHERE user_id = \(user) AND currency = \(currency)
            """
        ) { AccountID(try $0[0]) }.first
    }
}
