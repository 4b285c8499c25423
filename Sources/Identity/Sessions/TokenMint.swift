package import Cryptography
package import Postgres
package import Values

/// Makes and checks access tokens: ES256 JWTs, with the algorithm pinned and keys named by `kid`.
package struct TokenMint: Sendable {
    private let signing: SigningKey
    private let verifying: [String: VerifyingKey]
    private let seconds: Int64

    static let issuer = "florin"
    static let audience = "florin"
    /// Seconds that an access token is good for, unless the operator says otherwise.
    package static let secondsDefault: Int64 = 900
    package static let secondsMax: Int64 = 6 * 3600

    package init(signing: SigningKey, verifying: [String: VerifyingKey], seconds: Int64) {
        self.signing = signing
        self.verifying = verifying
        self.seconds = seconds
    }

    func mint(for session: Session, refreshToken: String, at now: Timestamp) -> SessionTokens {
        let claims = JWT.Claims(
            subject: "\(session.user)", session: "\(session.id)", issuedAt: now,
            expiresAt: now.adding(seconds: seconds), issuer: Self.issuer, audience: Self.audience,
            role: session.role.rawValue)
        return SessionTokens(
            accessToken: JWT.sign(claims, with: signing), refreshToken: refreshToken,
            expiresIn: seconds)
    }

    func verify(_ token: String, at now: Timestamp) -> JWT.Claims? {
        do {
            return try JWT.verify(
                token, keys: verifying, issuer: Self.issuer, audience: Self.audience, now: now)
        } catch {
            return nil
        }
    }

    /// Loads the keys of all processes from the database; the first process of all makes one.
    package static func load(
        from database: Database, vault: Vault, seconds: Int64, now: Timestamp
    ) async throws -> TokenMint {
        try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE identity.signing_keys IN SHARE ROW EXCLUSIVE MODE")
            var keys = try stored(transaction, vault)
            if keys.isEmpty {
                let key = SigningKey.generate()
                try transaction.execute(
                    """
                    INSERT INTO identity.signing_keys (kid, private_sealed, created_at)
                    VALUES (\(key.kid), \(vault.seal(key.privateKey, named: key.kid)), \(now))
                    """)
                keys = [key]
            }
            let verifying = keys.map { ($0.kid, $0.verifyingKey) }
            return TokenMint(
                signing: keys[0],
                verifying: Dictionary(uniqueKeysWithValues: verifying), seconds: seconds)
        }
    }

    /// Newest first: the newest signs, all verify.
    private static func stored(
        _ transaction: borrowing Transaction, _ vault: Vault
    ) throws -> [SigningKey] {
        try transaction.query(
            "SELECT kid, private_sealed FROM identity.signing_keys ORDER BY created_at DESC"
        ).map { row in
            let kid: String = try row[0]
            let sealed: [UInt8] = try row[1]
            do {
                return try SigningKey(privateKey: vault.open(sealed, named: kid))
            } catch { throw ForeignMasterKey() }
        }
    }
}

/// The database was sealed with another key than the one this program was given.
package struct ForeignMasterKey: Error, CustomStringConvertible {
    package let description = """
        FLORIN_MASTER_KEY: is not the key that this database was sealed with; set it, or bring \
        back the file master.key of the data folder that the database was made with
        """
}
