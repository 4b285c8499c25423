internal import Cryptography
internal import Postgres
internal import Values

extension Act.Kind {
    static let totpAdded = Act.Kind("totp_added")
    static let totpRemoved = Act.Kind("totp_removed")
    static let recoveryCodesRenewed = Act.Kind("recovery_codes_renewed")
    static let secondFactorRefused = Act.Kind("second_factor_refused")
}

// Setting up and taking away an authenticator app and its recovery codes.
extension Identity {
    package func secondFactors(of session: Session) async throws -> SecondFactors {
        try await database.read { transaction in
            let row = try transaction.first(
                """
                SELECT confirmed_at FROM identity.authenticator_apps
                WHERE user_id = \(session.user) AND confirmed_at IS NOT NULL
                """)
            return SecondFactors(
                totpSince: try row?[0],
                recoveryCodesLeft: try recoveryCodesLeft(of: session.user, transaction))
        }
    }

    /// A new secret for an app, shown this once. Nothing asks for it before a code was confirmed.
    package func enrolTotp(
        for session: Session, _ presence: Presence
    ) async throws -> (secret: String, uri: String) {
        try await requireStepUp(of: session, presence)
        let secret = SecureRandom.bytes(TOTP.secretBytes)
        let now = clock.now
        try await database.transaction { transaction in
            guard let key = try key(of: session.user, transaction) else {
                throw IdentityRejection.sessionInvalid
            }
            try transaction.execute(
                """
                DELETE FROM identity.authenticator_apps
                WHERE user_id = \(session.user) AND confirmed_at IS NULL
                """)
            let inserted = try transaction.execute(
                """
                INSERT INTO identity.authenticator_apps (user_id, secret_sealed, created_at)
                VALUES (\(session.user), \(key.seal(secret, .totpSecret)), \(now))
                ON CONFLICT (user_id) DO NOTHING
                """)
            guard inserted == 1 else { throw IdentityRejection.totpExists }
        }
        let uri = TOTP.uri(
            secret: secret, account: session.username.text, issuer: SecondFactorRules.issuer)
        return (Base32.encode(secret), uri)
    }

    /// Turns the app on with its first code, and returns the recovery codes, shown this once.
    package func confirmTotp(
        _ code: String, for session: Session, from origin: Origin
    ) async throws -> [String] {
        let now = clock.now
        let outcome = try await database.transaction { transaction -> Proven<[String]> in
            guard let app = try app(of: session.user, transaction) else {
                return .failure(.totpNotFound)
            }
            guard !app.isConfirmed else { return .failure(.totpExists) }
            if let refusal = try check(.totp(code), against: app, from: origin, now, transaction) {
                return .failure(refusal)
            }
            try transaction.execute(
                """
                UPDATE identity.authenticator_apps SET confirmed_at = \(now)
                WHERE user_id = \(session.user)
                """)
            let codes = try newRecoveryCodes(of: session.user, transaction)
            // Its first code has just been shown.
            try note(.totp, in: session, now, transaction)
            try report(
                .totpAdded, "An authenticator app was added to your Florin wallet.", session,
                from: origin, transaction)
            return .success(codes)
        }
        forget(afterSecondFactorIn: session)
        return try outcome.get()
    }

    /// Turns the app off for who shows one last code of it or a recovery code.
    package func removeTotp(
        _ factor: SecondFactor, for session: Session, from origin: Origin
    ) async throws {
        try await prove(factor, for: session, from: origin) { transaction in
            try transaction.execute(
                "DELETE FROM identity.authenticator_apps WHERE user_id = \(session.user)")
            try report(
                .totpRemoved, "The authenticator app was removed from your Florin wallet.", session,
                from: origin, transaction)
        }
    }

    /// Ten new recovery codes in place of the old ones, shown this once.
    package func renewRecoveryCodes(
        _ factor: SecondFactor, for session: Session, from origin: Origin
    ) async throws -> [String] {
        try await prove(factor, for: session, from: origin) { transaction in
            let codes = try newRecoveryCodes(of: session.user, transaction)
            try report(
                .recoveryCodesRenewed, "The recovery codes of your Florin wallet were renewed.",
                session, from: origin, transaction)
            return codes
        }
    }

    // MARK: Steps

    /// Does what needs the second factor once that is right; what is wrong is counted, and stays
    /// counted.
    func prove<Value: Sendable>(
        _ factor: SecondFactor, for session: Session, from origin: Origin,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Value
    ) async throws -> Value {
        let now = clock.now
        let outcome = try await database.transaction { transaction -> Proven<Value> in
            let refusal = try check(factor, of: session.user, from: origin, now, transaction)
            guard let refusal else {
                return .success(try body(transaction))
            }
            try audit.record(
                Act(
                    .secondFactorRefused, by: session.user, of: session.user, from: origin,
                    reason: refusal.reasonOfAct), in: transaction)
            return .failure(refusal)
        }
        return try outcome.get()
    }

    private func newRecoveryCodes(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [String] {
        let codes = (0..<SecondFactorRules.recoveryCodes).map { _ in
            Base32.encode(SecureRandom.bytes(SecondFactorRules.recoveryCodeBytes)).inFours
        }
        let hashes = codes.map { hash(recoveryCode: $0, of: user) }
        try transaction.execute("DELETE FROM identity.recovery_codes WHERE user_id = \(user)")
        try transaction.execute(
            """
            INSERT INTO identity.recovery_codes (code_hash, user_id)
            SELECT hash, \(user) FROM unnest(\(hashes)) AS hash
            """)
        return codes
    }

    private func report(
        _ kind: Act.Kind, _ text: String, _ session: Session, from origin: Origin,
        _ transaction: borrowing Transaction
    ) throws {
        try tell(
            session.user, text + " If this was not you, change your password now.",
            in: transaction)
        try audit.record(
            Act(kind, by: session.user, of: session.user, from: origin), in: transaction)
    }
}

extension String {
    /// `ABCD-EFGH-…`, which people read and type without losing their place.
    fileprivate var inFours: String {
        var text = ""
        for (place, character) in enumerated() {
            if place > 0, place.isMultiple(of: 4) { text.append("-") }
            text.append(character)
        }
        return text
    }
}
