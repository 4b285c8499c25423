internal import Cryptography
internal import HTTP
internal import Postgres
package import Values

/// Keys that merchants give their programs.
extension Identity {
    /// A new key. Its text is told now and never again: only its hash is kept.
    package func makeKey(
        _ draft: MerchantKey.Draft, for merchant: Merchant, _ presence: Presence
    ) async throws -> (key: MerchantKey, text: KeyText) {
        try draft.check()
        try await requireStepUp(of: merchant.session, presence)
        let (now, text) = (clock.now, newKeyText())
        let id = ID<MerchantKey>.make(at: now)
        let scopes = draft.scopes.map(\.rawValue).sorted()
        let key = try await database.transaction { transaction -> MerchantKey in
            // One at a time: requests side by side would each find room.
            _ = try transaction.query(
                "SELECT id FROM identity.users WHERE id = \(merchant.user) FOR UPDATE")
            try requireRoom(for: merchant, transaction)
            try transaction.execute(
                """
                INSERT INTO identity.merchant_keys (id, user_id, name, scopes, payment_max,
                    addresses, created_at, expires_at)
                VALUES (\(id), \(merchant.user), \(draft.name), \(scopes), \(draft.paymentMax),
                    \(draft.addresses), \(now), \(draft.seconds.map { now.adding(seconds: $0) }))
                """)
            try insert(text, of: id, now, transaction)
            let key = try self.key(id, of: merchant, now, transaction)
            try audit.record(
                Act(
                    .keyMade, by: merchant.user, of: merchant.user, from: presence.origin,
                    after: key.description), in: transaction)
            return key
        }
        return (key, text)
    }

    /// The merchant's keys that are not revoked, the newest first.
    package func keys(of merchant: Merchant) async throws -> [MerchantKey] {
        let now = clock.now
        return try await database.read { transaction in
            try keys(where: "k.user_id = \(merchant.user)", now, transaction)
        }
    }

    /// Another text for the same key. The one before goes on for a while, so that programs can be
    /// given the new one without a gap; with no seconds it ends at once.
    package func rotateKey(
        _ id: ID<MerchantKey>, overlapSeconds: Int64, by merchant: Merchant, _ presence: Presence
    ) async throws -> (key: MerchantKey, text: KeyText) {
        try await requireStepUp(of: merchant.session, presence)
        let (now, text) = (clock.now, newKeyText())
        let end = now.adding(seconds: overlapSeconds)
        let key = try await database.transaction { transaction -> MerchantKey in
            _ = try lock(id, of: merchant, now, transaction)
            try transaction.execute(
                """
                UPDATE identity.merchant_key_secrets
                SET ends_at = least(ends_at, \(end)) WHERE key_id = \(id)
                """)
            try insert(text, of: id, now, transaction)
            let key = try self.key(id, of: merchant, now, transaction)
            try announceChange(of: merchant.user, in: transaction)
            try audit.record(
                Act(
                    .keyRotated, by: merchant.user, of: merchant.user, from: presence.origin,
                    after: key.description), in: transaction)
            return key
        }
        sessionCache.forget(user: merchant.user)
        return (key, text)
    }

    /// Ends the key here and in every process. Nobody is asked to show anything: who has lost a key
    /// must be quick.
    package func revokeKey(
        _ id: ID<MerchantKey>, by merchant: Merchant, from origin: Origin
    ) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            let key = try lock(id, of: merchant, now, transaction)
            try transaction.execute(
                "UPDATE identity.merchant_keys SET revoked_at = \(now) WHERE id = \(id)")
            try announceChange(of: merchant.user, in: transaction)
            try audit.record(
                Act(
                    .keyRevoked, by: merchant.user, of: merchant.user, from: origin,
                    before: key.description), in: transaction)
        }
        sessionCache.forget(user: merchant.user)
    }

    // MARK: Steps

    private func newKeyText() -> KeyText {
        KeyText.make(isSandbox: isSandbox) { SecureRandom.bytes(1)[0] }
    }

    private func requireRoom(
        for merchant: Merchant, _ transaction: borrowing Transaction
    ) throws {
        let count: Int64 = try transaction.query(
            """
            SELECT count(*) FROM identity.merchant_keys
            WHERE user_id = \(merchant.user) AND revoked_at IS NULL
            """)[0][0]
        guard count < MerchantKeyRules.perMerchantMax else { throw IdentityRejection.tooManyKeys }
    }

    private func insert(
        _ text: KeyText, of id: ID<MerchantKey>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.merchant_key_secrets (secret_hash, key_id, hint, created_at)
            VALUES (\(Hash.sha256(text.text)), \(id), \(text.hint), \(now))
            """)
    }

    private func lock(
        _ id: ID<MerchantKey>, of merchant: Merchant, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> MerchantKey {
        _ = try transaction.query(
            "SELECT id FROM identity.merchant_keys WHERE id = \(id) FOR UPDATE")
        return try key(id, of: merchant, now, transaction)
    }

    private func key(
        _ id: ID<MerchantKey>, of merchant: Merchant, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> MerchantKey {
        let found = try keys(
            where: "k.id = \(id) AND k.user_id = \(merchant.user)", now, transaction)
        guard let key = found.first else { throw IdentityRejection.keyNotFound }
        return key
    }

    private func keys(
        where condition: SQL, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> [MerchantKey] {
        let rows = try transaction.query(
            """
            SELECT k.id, k.name, k.scopes, k.payment_max, k.addresses, k.created_at, k.expires_at,
                k.last_used_at, array_agg(s.hint ORDER BY s.created_at DESC, s.hint),
                array_agg(s.ends_at ORDER BY s.created_at DESC, s.hint)
            FROM identity.merchant_keys k JOIN identity.merchant_key_secrets s ON s.key_id = k.id
            WHERE k.revoked_at IS NULL AND (s.ends_at IS NULL OR s.ends_at > \(now))
                AND \(condition)
            GROUP BY k.id ORDER BY k.id DESC
            """)
        return try rows.map { try MerchantKey(row: $0) }
    }
}

extension MerchantKey {
    fileprivate init(row: Row) throws {
        id = try row[0]
        name = try row[1]
        let names: [String] = try row[2]
        scopes = names.compactMap { Scope(rawValue: $0) }
        paymentMax = try row[3]
        addresses = try row[4]
        createdAt = try row[5]
        expiresAt = try row[6]
        lastUsedAt = try row[7]
        let hints: [String] = try row[8]
        let ends: [Timestamp?] = try row[9]
        secrets = zip(hints, ends).map { ($0, $1) }
    }

    /// For the log of acts: everything but what opens.
    fileprivate var description: String {
        var writer = JSONWriter()
        writer.object { key in
            key.field("id", "\(id)")
            key.field("hint", secrets.first?.hint)
            key.field("scopes", scopes.map(\.rawValue))
            key.field("payment_max", paymentMax)
            key.field("addresses", addresses)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Act.Kind {
    static let keyMade = Act.Kind("key_made")
    static let keyRotated = Act.Kind("key_rotated")
    static let keyRevoked = Act.Kind("key_revoked")
}
