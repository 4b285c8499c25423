package import Identity
package import Ledger
package import Postgres
package import Values

/// Keeps the limits of everybody's wallets at what their plan and tier allow.
package struct WalletLimits: Sendable {
    let ledger: Ledger
    let terms: PaymentTerms

    package init(ledger: Ledger, terms: PaymentTerms) {
        self.ledger = ledger
        self.terms = terms
    }

    /// Gives all wallets of a person the limits of this plan and tier, in the transaction in which
    /// the person gets it: no process decides a payment by the old ones after the commit.
    package func follow(
        _ standing: Standing, of owner: ID<User>, in transaction: borrowing Transaction
    ) throws {
        try follow([(owner, standing)], in: transaction)
    }

    /// All are looked up before the first changes: from then on no other batch is written.
    func follow(
        _ owners: [(ID<User>, Standing)], in transaction: borrowing Transaction
    ) throws {
        var limits: [AccountID: AccountLimits] = [:]
        for (owner, standing) in owners {
            for row in try transaction.query(
                "SELECT account, currency FROM payments.wallets WHERE user_id = \(owner)")
            {
                limits[AccountID(try row[0])] = terms.limits.limits(of: standing, in: try row[1])
            }
        }
        try ledger.setLimits(limits, in: transaction)
    }
}

extension Payments {
    /// What limits each of the person's wallets has, what is used of them and what is left.
    package func limits(of caller: Caller) async throws -> [WalletLimitUse] {
        let wallets = try await wallets(of: caller.user)
        let uses = try await ledger.limits(of: wallets.map(\.wallet.account))
        return wallets.map { wallet, _ in
            WalletLimitUse(wallet: wallet, uses: uses[wallet.account] ?? [])
        }
    }
}

extension Payments {
    /// People whose wallets are changed in one transaction: each holds up the ledger for as long.
    private static let ownersAtOnceMax: Int64 = 100

    /// Gives all wallets the limits of their owners' plans and tiers. Returns how many people have
    /// wallets.
    package func applyLimits() async throws -> Int {
        let limits = WalletLimits(ledger: ledger, terms: terms)
        var (last, count) = (ID<User>(high: 0, low: 0), 0)
        while true {
            let after = last
            let owners = try await database.transaction { transaction -> [ID<User>] in
                let owners: [ID<User>] = try transaction.query(
                    """
                    SELECT DISTINCT user_id FROM payments.wallets WHERE user_id > \(after)
                    ORDER BY user_id LIMIT \(Self.ownersAtOnceMax)
                    """
                ).map { try $0[0] }
                try limits.follow(
                    owners.map { ($0, try identity.standing(of: $0, in: transaction)) },
                    in: transaction)
                return owners
            }
            guard let end = owners.last else { return count }
            (last, count) = (end, count + owners.count)
        }
    }
}

/// A wallet's limits at one moment.
package struct WalletLimitUse: Sendable {
    package let wallet: Wallet
    package let uses: [LimitUse]
}
