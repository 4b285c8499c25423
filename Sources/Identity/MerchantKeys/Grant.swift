internal import Cryptography
internal import Postgres
package import Values

/// What a merchant's key lets the program do that called with it. Only a look-up makes one.
package struct Grant: Sendable {
    package let key: ID<MerchantKey>
    package let merchant: ID<User>
    package let username: Username
    package private(set) var scopes: Set<Scope>
    /// Major units.
    package let paymentMax: Int64
    /// The merchant's own.
    package let plan: Plan
    private let addresses: NetworkRanges
    /// The beginning of the text that was shown.
    let hint: String

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
        hint = try row[8]
    }

    fileprivate func narrowed(to others: Set<Scope>) -> Grant {
        var copy = self
        copy.scopes = scopes.intersection(others)
        return copy
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
        return try await lookUp(text, where: "s.secret_hash = \(Hash.sha256(key.text))")
    }

    /// - Parameters:
    ///   - text: what was shown, under which the grant is remembered.
    ///   - scopes: of the key's, those that count; nil for all.
    ///   - end: of what was shown.
    func lookUp(
        _ text: String, where condition: SQL, only scopes: Set<Scope>? = nil,
        until end: Timestamp? = nil
    ) async throws -> Grant {
        let now = clock.now
        let generation = sessionCache.generation
        let found = try await database.transaction { transaction -> (Grant, Timestamp?)? in
            let row = try transaction.first(
                """
                SELECT k.id, k.user_id, u.username, k.scopes, k.payment_max, k.addresses,
                    least(k.expires_at, s.ends_at, \(end)), u.plan, s.hint
                FROM identity.merchant_key_secrets s
                JOIN identity.merchant_keys k ON k.id = s.key_id
                JOIN identity.users u ON u.id = k.user_id
                WHERE \(condition) AND k.revoked_at IS NULL AND u.role = 'merchant'
                    AND u.verified_at IS NOT NULL
                """)
            guard let row else { return nil }
            let end: Timestamp? = try row[6]
            if let end, end <= now { return nil }
            var grant = try Grant(row: row)
            if let scopes { grant = grant.narrowed(to: scopes) }
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
