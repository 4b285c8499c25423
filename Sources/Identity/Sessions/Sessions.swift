internal import Cryptography
package import Postgres
internal import Values

/// How long log-ins last and how wrong passwords slow them down.
enum SessionRules {
    static let refreshSeconds: Int64 = 30 * 86_400
    /// Wrong passwords in a row before the first wait; the wait doubles with each further one.
    static let failuresFree: Int64 = 5
    static let lockSecondsFirst: Int64 = 30
    static let lockSecondsMax: Int64 = 3600
}

extension Identity {
    /// Checks a password and opens a session.
    package func logIn(
        login: String, password: String
    ) async throws -> (tokens: SessionTokens, user: User) {
        let found = try await credentials(of: login)
        if let wait = found?.lockedSeconds(at: clock.now) {
            throw IdentityRejection.tooManyAttempts(retryAfter: wait)
        }
        // A stranger costs the same work, so that time does not tell who has a wallet.
        let stored = if let found { found.passwordHash } else { try await decoy.hash(passwords) }
        let isRight = try await passwords.verify(password, against: stored)
        guard let found, isRight else {
            if let found { try await countFailure(of: found.user.id) }
            throw IdentityRejection.credentialsInvalid
        }
        let now = clock.now
        let tokens = try await database.transaction { transaction in
            // Others may have failed while this password was checked: a burst of guesses must not
            // learn which of them was right.
            try requireUnlocked(found.user.id, now, transaction)
            return try openSession(for: found.user, in: transaction)
        }
        return (tokens, found.user)
    }

    /// A new pair of tokens for a refresh token, which dies. A token used twice ends the session:
    /// one of the two users is a thief.
    package func refresh(_ token: String) async throws -> SessionTokens {
        let hash = Hash.sha256(token)
        let now = clock.now
        let next = SecureRandom.token()
        let outcome = try await database.transaction { transaction -> Refreshed in
            let row = try transaction.first(
                """
                SELECT r.session_id, r.used_at IS NOT NULL, r.expires_at
                FROM identity.refresh_tokens r WHERE r.token_hash = \(hash) FOR UPDATE
                """)
            guard let row else { return .refused }
            let id: ID<Session> = try row[0]
            let (isUsed, expiresAt): (Bool, Timestamp) = (try row[1], try row[2])
            if isUsed { return .reused(by: try end(id, "token_reuse", now, transaction)) }
            guard now < expiresAt, let session = try session(id, transaction) else {
                return .refused
            }
            try transaction.execute(
                "UPDATE identity.refresh_tokens SET used_at = \(now) WHERE token_hash = \(hash)")
            try store(next, of: id, now, transaction)
            return .session(session)
        }
        switch outcome {
        case .session(let session): return tokens.mint(for: session, refreshToken: next, at: now)
        case .reused(let user): user.map { sessionCache.forget(user: $0) }
        case .refused: break
        }
        throw IdentityRejection.refreshTokenInvalid
    }

    /// What a refresh token turned out to be. The end of a session is written, so that transaction
    /// commits and the refusal is a value.
    private enum Refreshed: Sendable {
        case session(Session)
        case reused(by: ID<User>?)
        case refused
    }

    /// Whether a session that was opened before still is.
    package func isOpen(_ session: Session) async throws -> Bool {
        try await database.read { transaction in
            try self.session(session.id, transaction) != nil
        }
    }

    /// Ends the session here and in every process.
    package func logOut(_ session: Session) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            try end(session.id, "log_out", now, transaction)
            try announceChange(of: session.user, in: transaction)
        }
        sessionCache.forget(user: session.user)
    }

    /// The session behind an access token.
    ///
    /// Verified tokens are remembered for as long as they are good, because an ES256 check costs
    /// more than everything else in a payment; a change of the person or the session makes every
    /// process forget them.
    package func authenticate(_ token: String) async throws -> Session {
        let now = clock.now
        if case .person(let session)? = sessionCache.caller(for: token, at: now) {
            return session
        }
        let generation = sessionCache.generation
        guard let claims = tokens.verify(token, at: now), let id = ID<Session>(claims.session)
        else { throw IdentityRejection.sessionInvalid }
        let session = try await database.read { transaction -> Session? in
            try self.session(id, transaction)
        }
        guard let session else { throw IdentityRejection.sessionInvalid }
        sessionCache.keep(
            .person(session), for: token, until: claims.expiresAt, seenAt: generation)
        return session
    }

    /// Opens a session without a password in the caller's transaction, for people whom the operator
    /// has just created.
    package func openSession(
        for user: User, in transaction: borrowing Transaction
    ) throws(DatabaseError) -> SessionTokens {
        let now = clock.now
        let session = Session(
            id: .make(at: now), user: user.id, username: user.username, role: user.role,
            isVerified: user.isVerified, plan: user.standing.plan)
        let refreshToken = SecureRandom.token()
        try insert(session, refreshToken, now, transaction)
        return tokens.mint(for: session, refreshToken: refreshToken, at: now)
    }

    // MARK: Steps

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

    private func requireUnlocked(
        _ user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let row = try transaction.first(
            "SELECT locked_until FROM identity.login_failures WHERE user_id = \(user) FOR UPDATE")
        guard let lockedUntil: Timestamp = try row?[0] else { return }
        let wait = now.seconds(until: lockedUntil)
        if wait > 0 { throw IdentityRejection.tooManyAttempts(retryAfter: wait) }
    }

    private func countFailure(of user: ID<User>) async throws {
        let now = clock.now
        try await database.transaction { transaction in
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
            let wait = min(
                SessionRules.lockSecondsMax, SessionRules.lockSecondsFirst << min(over, 7))
            try transaction.execute(
                """
                UPDATE identity.login_failures SET locked_until = \(now.adding(seconds: wait))
                WHERE user_id = \(user)
                """)
        }
    }

    private func insert(
        _ session: Session, _ refreshToken: String, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            "DELETE FROM identity.login_failures WHERE user_id = \(session.user)")
        try transaction.execute(
            """
            INSERT INTO identity.sessions (id, user_id, created_at)
            VALUES (\(session.id), \(session.user), \(now))
            """)
        try store(refreshToken, of: session.id, now, transaction)
    }

    private func store(
        _ token: String, of session: ID<Session>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.refresh_tokens (token_hash, session_id, created_at, expires_at)
            VALUES (\(Hash.sha256(token)), \(session), \(now),
                \(now.adding(seconds: SessionRules.refreshSeconds)))
            """)
    }

    /// Ends the session and returns whose it was.
    @discardableResult
    private func end(
        _ session: ID<Session>, _ reason: String, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> ID<User>? {
        try transaction.execute(
            """
            UPDATE identity.sessions SET ended_at = \(now), end_reason = \(reason)
            WHERE id = \(session) AND ended_at IS NULL
            """)
        let row = try transaction.first(
            "SELECT user_id FROM identity.sessions WHERE id = \(session)")
        guard let row else { return nil }
        let user: ID<User> = try row[0]
        try announceChange(of: user, in: transaction)
        return user
    }

    private func session(
        _ id: ID<Session>, _ transaction: borrowing Transaction
    ) throws -> Session? {
        try transaction.first(
            """
            SELECT s.id, u.id, u.username, u.role, u.verified_at IS NOT NULL, u.plan
            FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id
            WHERE s.id = \(id) AND s.ended_at IS NULL
            """
        ).map { row in
            Session(
                id: try row[0], user: try row[1], username: try Username(stored: row[2]),
                role: try Role(stored: row[3]), isVerified: try row[4],
                plan: try Plan(stored: row[5]))
        }
    }
}
