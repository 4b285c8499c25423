internal import Cryptography
internal import Postgres
package import Values

/// What a merchant's key lets the program do that called with it. Only a look-up makes one.
package struct Grant: Sendable {
    package let key: ID<MerchantKey>
    package let merchant: ID<User>
    package let username: Username
    package let scopes: Set<Scope>
    /// Major units.
    package let paymentMax: Int64
    /// The merchant's own.
    package let plan: Plan
    private let addresses: NetworkRanges

    fileprivate init(row: Row) throws {
        key = try row[0]
        merchant = try row[1]
        username = try Username(stored: row[2])
        let names: [String] = try row[3]
        scopes = Set(names.compactMap { Scope(rawValue: $0) })
        paymentMax = try row[4]
        guard let ranges = NetworkRanges(try row[5] as [String]) else {
            throw DatabaseError.decoding(column: 5, expected: "networks")
        }
        addresses = ranges
        plan = try Plan(stored: row[7])
    }

    func allows(_ address: NetworkAddress) -> Bool {
        addresses.isEmpty || addresses.contains(address)
    }

    /// A person shows to be there for a large payment; a program has a limit instead.
    package func allows(payment amount: Money) -> Bool {
        let (most, overflows) = paymentMax.multipliedReportingOverflow(
            by: amount.currency.minorUnitsPerMajor)
        return overflows || amount.minorUnits <= most
    }
}

extension Identity {
    /// What the key behind this text may do. Looked up once in a while and remembered; a change of
    /// the key or its merchant makes every process forget it.
    func grant(of text: String) async throws -> Grant {
        let now = clock.now
        if case .program(let grant)? = sessionCache.caller(for: text, at: now) { return grant }
        guard let key = KeyText(text, isSandbox: isSandbox) else {
            throw IdentityRejection.sessionInvalid
        }
        let generation = sessionCache.generation
        let hash = Hash.sha256(key.text)
        let found = try await database.transaction { transaction -> (Grant, Timestamp?)? in
            let row = try transaction.first(
                """
                SELECT k.id, k.user_id, u.username, k.scopes, k.payment_max, k.addresses,
                    least(k.expires_at, s.ends_at), u.plan
                FROM identity.merchant_key_secrets s
                JOIN identity.merchant_keys k ON k.id = s.key_id
                JOIN identity.users u ON u.id = k.user_id
                WHERE s.secret_hash = \(hash) AND k.revoked_at IS NULL AND u.role = 'merchant'
                    AND u.verified_at IS NOT NULL
                """)
            guard let row else { return nil }
            let end: Timestamp? = try row[6]
            if let end, end <= now { return nil }
            let grant = try Grant(row: row)
            try transaction.execute(
                """
                UPDATE identity.merchant_keys SET last_used_at = \(now) WHERE id = \(grant.key)
                """)
            return (grant, end)
        }
        guard let (grant, end) = found else { throw IdentityRejection.sessionInvalid }
        let lookedUp = now.adding(seconds: MerchantKeyRules.lookSeconds)
        sessionCache.keep(
            .program(grant), for: text, until: end.map { min($0, lookedUp) } ?? lookedUp,
            seenAt: generation)
        return grant
    }
}
