internal import Cryptography
internal import Postgres
internal import Values

extension Identity {
    /// Checks a password and opens a session, or asks for a second step.
    /// - Throws: `IdentityRejection.secondStepRequired` with the challenge to answer.
    package func logIn(
        login: String, password: String, _ wish: LogInWish, from origin: Origin
    ) async throws -> OpenedSession {
        let found = try await credentials(of: login)
        if let wait = found?.lockedSeconds(at: clock.now) {
            throw IdentityRejection.tooManyAttempts(retryAfter: wait)
        }
        // A stranger costs the same work, so that time does not tell who has a wallet.
        let stored = if let found { found.passwordHash } else { try await decoy.hash(passwords) }
        let isRight = try await passwords.verify(password, against: stored)
        guard let found, isRight else {
            try await refuse(found?.user.id, from: origin)
            throw IdentityRejection.credentialsInvalid
        }
        let now = clock.now
        let outcome = try await database.transaction {
            transaction -> Result<OpenedSession, any Error> in
            // Others may have failed while this password was checked: a burst of guesses must not
            // learn which of them was right.
            try requireUnlocked(found.user.id, now, transaction)
            return try enter(found.user, wish, from: origin, now, transaction)
        }
        return try outcome.get()
    }

    // MARK: Steps

    /// The challenge is written, so its transaction commits and the refusal is a value.
    private func enter(
        _ user: User, _ wish: LogInWish, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Result<OpenedSession, any Error> {
        let device = try knownDevice(wish.deviceTokens, of: user.id, now, transaction)
        let methods = try steps(asked: user, on: device, transaction)
        guard methods.isEmpty else {
            return .failure(
                try challenge(
                    user, on: device, wish, methods, from: origin, now, transaction))
        }
        if let device {
            return .success(try open(user, on: device, wish, from: origin, now, transaction))
        }
        // Before a way to reach the person is proven there is nothing to protect, and who proves it
        // makes their device known.
        guard user.isVerified else {
            return .success(try open(user, on: nil, wish, from: origin, now, transaction))
        }
        return .success(try openUnasked(user, wish, from: origin, now, transaction))
    }

    /// Opens a session for who need not be asked more, and announces a device of a new name.
    func openUnasked(
        _ user: User, _ wish: LogInWish, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        if let device = try device(named: wish.deviceName, of: user.id, now, transaction) {
            return try open(user, on: device, wish, from: origin, now, transaction)
        }
        let device = try addDevice(named: wish.deviceName, of: user.id, now, transaction)
        try announce(device, to: user, transaction)
        return try open(user, on: device, wish, from: origin, now, transaction, isNew: true)
    }

    private struct Credentials: Sendable {
        let user: User
        let passwordHash: String
        let lockedUntil: Timestamp?

        func lockedSeconds(at now: Timestamp) -> Int64? {
            guard let lockedUntil else { return nil }
            let wait = now.seconds(until: lockedUntil)
            return wait > 0 ? wait : nil
        }
    }

    private func credentials(of login: String) async throws -> Credentials? {
        try await database.read { transaction -> Credentials? in
            guard let user = try find(login, transaction) else { return nil }
            let row = try transaction.query(
                """
                SELECT u.password_hash, f.locked_until
                FROM identity.users u LEFT JOIN identity.login_failures f ON f.user_id = u.id
                WHERE u.id = \(user.id)
                """)[0]
            return Credentials(
                user: user, passwordHash: try row[0], lockedUntil: try row[1])
        }
    }

    /// Writes down a log-in that was refused, of a stranger too: what is done for the one takes as
    /// long as what is done for the other.
    private func refuse(_ user: ID<User>?, from origin: Origin) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            if let user { try countFailure(of: user, now, transaction) }
            try audit.record(
                Act(.logInRefused, by: nil, of: user, from: origin), in: transaction)
        }
    }

    func requireUnlocked(
        _ user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let row = try transaction.first(
            "SELECT locked_until FROM identity.login_failures WHERE user_id = \(user) FOR UPDATE")
        guard let lockedUntil: Timestamp = try row?[0] else { return }
        let wait = now.seconds(until: lockedUntil)
        if wait > 0 { throw IdentityRejection.tooManyAttempts(retryAfter: wait) }
    }

    func countFailure(
        of user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let row = try transaction.first(
            """
            INSERT INTO identity.login_failures AS f (user_id, failures, locked_until)
            VALUES (\(user), 1, \(now))
            ON CONFLICT (user_id) DO UPDATE SET failures = f.failures + 1
            WHERE f.locked_until <= \(now)
            RETURNING failures::bigint
            """)
        guard let row else { return try requireUnlocked(user, now, transaction) }
        let failures: Int64 = try row[0]
        let over = failures - SessionRules.failuresFree
        guard over >= 0 else { return }
        let wait = min(SessionRules.lockSecondsMax, SessionRules.lockSecondsFirst << min(over, 7))
        try transaction.execute(
            """
            UPDATE identity.login_failures SET locked_until = \(now.adding(seconds: wait))
            WHERE user_id = \(user)
            """)
    }
}

extension Act.Kind {
    static let logInRefused = Act.Kind("log_in_refused")
}
