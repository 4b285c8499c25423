internal import Cryptography
package import Postgres
package import Values

/// How long a key signs.
package enum SigningKeyRules {
    package static let daysDefault: Int64 = 30
    package static let daysMax: Int64 = 365
    /// How late another process may learn that a key signs no more. Its last tokens are good for
    /// as long after that as the longest-lived token is.
    static let secondsLateMax: Int64 = 60
}

extension TokenMint {
    /// Loads the keys of all processes from the database; the first process of all makes one.
    package static func load(
        from database: Database, vault: Vault, seconds: Int64, now: Timestamp
    ) async throws -> TokenMint {
        let keys = try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE identity.signing_keys IN SHARE ROW EXCLUSIVE MODE")
            if let keys = try Keys(from: transaction, vault) { return keys }
            let key = SigningKey.generate()
            try key.store(vault, now, transaction)
            return Keys(signing: key, retired: [])
        }
        return TokenMint(keys: keys, seconds: seconds)
    }
}

extension TokenMint.Keys {
    /// Nil when there is none that signs.
    init?(from transaction: borrowing Transaction, _ vault: Vault) throws {
        let rows = try transaction.query(
            """
            SELECT kid, private_sealed, verifies_until FROM identity.signing_keys
            ORDER BY verifies_until DESC NULLS FIRST
            """)
        var signing: SigningKey?
        var retired: [Retired] = []
        for row in rows {
            let key = try SigningKey(stored: row, vault)
            if let until: Timestamp = try row[2] {
                retired.append(Retired(key: key.verifyingKey, verifiesUntil: until))
            } else {
                signing = key
            }
        }
        guard let signing else { return nil }
        self.init(signing: signing, retired: retired)
    }
}

extension Identity {
    /// Makes a new key that signs from now on. The one before it verifies until the last of its
    /// tokens is over, or, for the day on which it was seen by others, no more from now on: then
    /// everybody refreshes.
    /// - Returns: the name of the new key.
    @discardableResult
    package func rotateSigningKeys(
        isAtOnce: Bool, because reason: String?
    ) async throws -> String {
        let (key, now) = (SigningKey.generate(), clock.now)
        try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE identity.signing_keys IN SHARE ROW EXCLUSIVE MODE")
            try replaceSigningKey(with: key, isAtOnce: isAtOnce, now, transaction)
            try audit.record(
                Act(
                    .signingKeyRotated, by: nil, of: nil, from: .program, reason: reason,
                    after: #"{"kid":"\#(key.kid)","at_once":\#(isAtOnce)}"#), in: transaction)
        }
        try await reloadSigningKeys()
        return key.kid
    }

    /// Rotates when the key that signs has done so for long enough.
    package func rotateSigningKeys(olderThanDays days: Int64) async throws {
        let oldest = clock.now.adding(seconds: -days * 86_400)
        let isDue = try await database.read { transaction in
            try transaction.first(
                """
                SELECT 1 FROM identity.signing_keys
                WHERE verifies_until IS NULL AND created_at < \(oldest)
                """) != nil
        }
        if isDue { try await rotateSigningKeys(isAtOnce: false, because: nil) }
    }

    /// Takes the keys that the database has now, and looks at every token anew.
    func reloadSigningKeys() async throws {
        try await readSigningKeys()
        sessionCache.forgetAll()
    }

    func readSigningKeys() async throws {
        let read = tokens.beginRead()
        let keys = try await database.read { transaction in
            try TokenMint.Keys(from: transaction, vault)
        }
        if let keys { tokens.use(keys, of: read) }
    }

    /// The claims of a token, looking for its key in the database if it is not known here.
    func claims(of token: String, at now: Timestamp) async throws -> JWT.Claims? {
        switch tokens.verify(token, at: now) {
        case .good(let claims): return claims
        case .refused: return nil
        case .unknownKey:
            guard tokens.maySearch(at: now) else { return nil }
            try await readSigningKeys()
            guard case .good(let claims) = tokens.verify(token, at: now) else { return nil }
            return claims
        }
    }

    /// Removes keys whose last token is over.
    func removeRetiredKeys(_ now: Timestamp) async throws {
        _ = try await database.transaction { transaction in
            try transaction.execute(
                "DELETE FROM identity.signing_keys WHERE verifies_until <= \(now)")
        }
    }

    /// The payload on `channel` that tells of new keys.
    static let keysChanged = "signing keys"

    private func replaceSigningKey(
        with key: SigningKey, isAtOnce: Bool, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        if isAtOnce {
            // Gone, not out of date: another process's clock may be a little behind.
            try transaction.execute("DELETE FROM identity.signing_keys")
        } else {
            let last = now.adding(
                seconds: TokenMint.secondsMax + SigningKeyRules.secondsLateMax)
            try transaction.execute(
                """
                UPDATE identity.signing_keys SET verifies_until = \(last)
                WHERE verifies_until IS NULL
                """)
        }
        try key.store(vault, now, transaction)
        try transaction.notify(channel: "florin_people", payload: Self.keysChanged)
    }
}

extension SigningKey {
    fileprivate init(stored row: Row, _ vault: Vault) throws {
        let (kid, sealed): (String, [UInt8]) = (try row[0], try row[1])
        do {
            try self.init(privateKey: vault.open(sealed, named: kid))
        } catch { throw ForeignMasterKey() }
    }

    fileprivate func store(
        _ vault: Vault, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.signing_keys (kid, private_sealed, created_at)
            VALUES (\(kid), \(vault.seal(privateKey, named: kid)), \(now))
            """)
    }
}

/// The database was sealed with another key than the one this program was given.
package struct ForeignMasterKey: Error, CustomStringConvertible {
    package let description = """
        FLORIN_MASTER_KEY: is not the key that this database was sealed with; set it, or bring \
        back the file master.key of the data folder that the database was made with
        """
}

extension Act.Kind {
    static let signingKeyRotated = Act.Kind("signing_key_rotated")
}
