internal import Cryptography
internal import Notifications
internal import Postgres
internal import Values

/// One-time codes: six digits by SMS, good for five minutes and five tries, one a minute.
enum CodeRules {
    static let digits = 6
    static let secondsValid: Int64 = 300
    static let triesMax: Int64 = 5
    static let secondsBetween: Int64 = 60
    /// Codes to one person in an hour.
    static let perHourMax: Int64 = 5
    static let phonePurpose = "phone"
}

extension Identity {
    /// Sends a new code. A number that nobody has signed up with, or that is verified, gets none,
    /// and the answer is the same.
    package func resendCode(to phone: String) async throws {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let now = clock.now
        try await database.transaction { transaction in
            guard let user = try find(phone, transaction), !user.isVerified else { return }
            // One at a time: requests side by side would each find that a code may be sent.
            _ = try transaction.query(
                "SELECT id FROM identity.users WHERE id = \(user.id) FOR UPDATE")
            if let wait = try secondsUntilNextCode(for: user.id, now, transaction) {
                throw IdentityRejection.tooManyAttempts(retryAfter: wait)
            }
            try sendCode(to: phone, of: user.id, transaction)
        }
    }

    /// Proves that the person holds the number.
    package func verifyPhone(
        _ phone: String, code: String, from origin: Origin
    ) async throws -> User {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let now = clock.now
        let outcome = try await database.transaction { transaction -> Result<User, any Error> in
            guard let user = try find(phone, transaction) else {
                return .failure(IdentityRejection.codeExpired)
            }
            if user.isVerified { return .failure(IdentityRejection.alreadyVerified) }
            // A wrong try is counted, so the transaction commits and the refusal is a value.
            if let refusal = try check(code, of: user.id, now, transaction) {
                return .failure(refusal)
            }
            try transaction.execute(
                "UPDATE identity.users SET verified_at = \(now) WHERE id = \(user.id)")
            let verified = try find(phone, transaction) ?? user
            try announceChange(of: user.id, in: transaction)
            try audit.record(
                Act(.phoneVerified, by: user.id, of: user.id, from: origin), in: transaction)
            return .success(verified)
        }
        let user = try outcome.get()
        sessionCache.forget(user: user.id)
        return user
    }

    // MARK: Steps

    func sendCode(
        to phone: PhoneNumber, of user: ID<User>, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let code = SecureRandom.digits(CodeRules.digits)
        let now = clock.now
        try transaction.execute(
            """
            INSERT INTO identity.codes (id, user_id, purpose, code_hash, created_at, expires_at)
            VALUES (\(ID<CodeRow>.make(at: now)), \(user), \(CodeRules.phonePurpose),
                \(vault.hash(code: code, of: user)), \(now),
                \(now.adding(seconds: CodeRules.secondsValid)))
            """)
        try notifications.send(
            sms: "Your Florin code is \(code). It is good for 5 minutes. Never tell it to anyone.",
            to: phone, in: transaction)
    }

    private enum CodeRow {}

    private func secondsUntilNextCode(
        for user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Int64? {
        let hourAgo = now.adding(seconds: -3600)
        let row = try transaction.query(
            """
            SELECT count(*), min(created_at), max(created_at) FROM identity.codes
            WHERE user_id = \(user) AND purpose = \(CodeRules.phonePurpose)
                AND created_at > \(hourAgo)
            """)[0]
        let count: Int64 = try row[0]
        let oldest: Timestamp? = try row[1]
        let newest: Timestamp? = try row[2]
        guard let oldest, let newest else { return nil }
        let next =
            count >= CodeRules.perHourMax
            ? oldest.adding(seconds: 3600) : newest.adding(seconds: CodeRules.secondsBetween)
        let wait = now.seconds(until: next)
        return wait > 0 ? wait : nil
    }

    /// Counts the try, then says what is wrong with it; nil when it was right.
    private func check(
        _ code: String, of user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        let row = try transaction.first(
            """
            UPDATE identity.codes SET tries = tries + 1 WHERE id = (
                SELECT id FROM identity.codes
                WHERE user_id = \(user) AND purpose = \(CodeRules.phonePurpose)
                ORDER BY created_at DESC LIMIT 1 FOR UPDATE)
            RETURNING id, code_hash, expires_at, tries::bigint, used_at IS NOT NULL, created_at
            """)
        guard let row else { return .codeExpired }
        let id: ID<CodeRow> = try row[0]
        let hash: [UInt8] = try row[1]
        let expiresAt: Timestamp = try row[2]
        let tries: Int64 = try row[3]
        let createdAt: Timestamp = try row[5]
        guard try !row[4], now < expiresAt else { return .codeExpired }
        guard tries <= CodeRules.triesMax else {
            let next = createdAt.adding(seconds: CodeRules.secondsBetween)
            return .tooManyAttempts(retryAfter: max(1, now.seconds(until: next)))
        }
        guard constantTimeEquals(hash, vault.hash(code: code, of: user)) else {
            return .codeIncorrect(triesLeft: CodeRules.triesMax - tries)
        }
        try transaction.execute("UPDATE identity.codes SET used_at = \(now) WHERE id = \(id)")
        return nil
    }
}

extension Act.Kind {
    static let phoneVerified = Act.Kind("phone_verified")
}
