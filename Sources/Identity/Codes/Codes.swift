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
    static let logInPurpose = "log_in"

    static func words(_ code: String, for purpose: String) -> String {
        purpose == logInPurpose
            ? "Your code to log in to Florin on a new device is \(code). It is good for 5 minutes. "
                + "Never tell it to anyone: we never ask for it."
            : "Your Florin code is \(code). It is good for 5 minutes. Never tell it to anyone."
    }
}

extension Identity {
    /// Sends a new code. A number that nobody has signed up with, or that is verified, gets none,
    /// and the answer is the same.
    package func resendCode(to phone: String) async throws {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let now = clock.now
        try await database.transaction { transaction in
            guard let user = try find(phone, transaction), !user.isVerified else { return }
            try sendCode(
                to: phone, for: CodeRules.phonePurpose, ofOne: user.id, now, transaction)
        }
    }

    /// Proves that the person holds the number, which makes the device known that they do it on.
    package func verifyPhone(
        _ phone: String, code: String, deviceName: String?, from origin: Origin
    ) async throws -> (user: User, device: String?) {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let now = clock.now
        let outcome = try await database.transaction {
            transaction -> Result<(User, Device), any Error> in
            guard let user = try find(phone, transaction) else {
                return .failure(IdentityRejection.codeExpired)
            }
            if user.isVerified { return .failure(IdentityRejection.alreadyVerified) }
            // A wrong try is counted, so the transaction commits and the refusal is a value.
            if let refusal = try check(
                code, for: CodeRules.phonePurpose, of: user.id, now, transaction)
            {
                return .failure(refusal)
            }
            try transaction.execute(
                "UPDATE identity.users SET verified_at = \(now) WHERE id = \(user.id)")
            let verified = try find(phone, transaction) ?? user
            let device = try addDevice(
                named: DeviceName.make(deviceName, agent: origin.agent), of: user.id, now,
                transaction)
            try announceChange(of: user.id, in: transaction)
            try audit.record(
                Act(.phoneVerified, by: user.id, of: user.id, from: origin), in: transaction)
            try audit.record(
                Act(.deviceAdded, by: user.id, of: user.id, from: origin, after: device.name),
                in: transaction)
            return .success((verified, device))
        }
        let (user, device) = try outcome.get()
        sessionCache.forget(user: user.id)
        return (user, device.token)
    }

    // MARK: Steps

    /// Sends a code unless one was sent a moment ago, or too many were.
    func sendCode(
        to phone: PhoneNumber, for purpose: String, ofOne user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws {
        // One at a time: requests side by side would each find that a code may be sent.
        _ = try transaction.query("SELECT id FROM identity.users WHERE id = \(user) FOR UPDATE")
        if let wait = try secondsUntilNextCode(for: purpose, of: user, now, transaction) {
            throw IdentityRejection.tooManyAttempts(retryAfter: wait)
        }
        try sendCode(to: phone, for: purpose, of: user, transaction)
    }

    func sendCode(
        to phone: PhoneNumber, for purpose: String, of user: ID<User>,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let code = SecureRandom.digits(CodeRules.digits)
        let now = clock.now
        try transaction.execute(
            """
            INSERT INTO identity.codes (id, user_id, purpose, code_hash, created_at, expires_at)
            VALUES (\(ID<CodeRow>.make(at: now)), \(user), \(purpose),
                \(vault.hash(code: code, of: user)), \(now),
                \(now.adding(seconds: CodeRules.secondsValid)))
            """)
        try notifications.send(
            sms: CodeRules.words(code, for: purpose),
            to: phone, in: transaction)
    }

    private enum CodeRow {}

    /// Whether a code was sent that will still be good then.
    func hasCode(
        for purpose: String, of user: ID<User>, goodAt then: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Bool {
        let newest = try transaction.first(
            """
            SELECT used_at IS NULL AND tries < \(CodeRules.triesMax) AND expires_at > \(then)
            FROM identity.codes WHERE user_id = \(user) AND purpose = \(purpose)
            ORDER BY created_at DESC LIMIT 1
            """)
        return try newest?[0] ?? false
    }

    private func secondsUntilNextCode(
        for purpose: String, of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Int64? {
        let hourAgo = now.adding(seconds: -3600)
        let row = try transaction.query(
            """
            SELECT count(*), min(created_at), max(created_at) FROM identity.codes
            WHERE user_id = \(user) AND purpose = \(purpose)
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
    func check(
        _ code: String, for purpose: String, of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        let row = try transaction.first(
            """
            UPDATE identity.codes SET tries = tries + 1 WHERE id = (
                SELECT id FROM identity.codes
                WHERE user_id = \(user) AND purpose = \(purpose)
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
