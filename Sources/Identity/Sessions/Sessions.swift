internal import Cryptography
package import Postgres
internal import Values

/// How long log-ins last.
enum SessionRules {
    static let refreshSeconds: Int64 = 30 * 86_400
}

extension Identity {
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
    ) throws -> SessionTokens {
        try insertSession(
            of: user, on: nil, LogInWish(), from: .program, clock.now, transaction
        ).tokens
    }

    /// Opens a session and writes it down; last in a log-in's transaction.
    func open(
        _ user: User, on device: Device?, _ wish: LogInWish, from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction, isNew: Bool = false
    ) throws -> OpenedSession {
        let opened = try insertSession(
            of: user, on: device, wish, from: origin, now, transaction)
        if isNew {
            try audit.record(
                Act(.deviceAdded, by: user.id, of: user.id, from: origin, after: device?.name),
                in: transaction)
        }
        try audit.record(
            Act(.sessionOpened, by: user.id, of: user.id, from: origin), in: transaction)
        return opened
    }

    // MARK: Steps

    private func insertSession(
        of user: User, on device: Device?, _ wish: LogInWish, from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        let session = Session(
            id: .make(at: now), user: user.id, username: user.username, role: user.role,
            isVerified: user.isVerified, plan: user.standing.plan)
        let refreshToken = SecureRandom.token()
        let mode = wish.mode ?? .standard
        let expiresAt = now.adding(seconds: SessionRules.refreshSeconds)
        let key = try key(of: user.id, transaction)
        let address = origin.address.flatMap { key?.seal($0, .sessionAddress) }
        try transaction.execute(
            """
            INSERT INTO identity.sessions (id, user_id, created_at, device_id, name, mode, seen_at,
                expires_at, address_sealed)
            VALUES (\(session.id), \(user.id), \(now), \(device?.id),
                \(device?.name ?? wish.deviceName), \(mode.rawValue), \(now), \(expiresAt),
                \(address))
            """)
        try store(refreshToken, of: session.id, now, transaction)
        return OpenedSession(
            user: user, tokens: tokens.mint(for: session, refreshToken: refreshToken, at: now),
            mode: mode, device: device?.token)
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

extension Act.Kind {
    static let sessionOpened = Act.Kind("session_opened")
}

extension PersonalField {
    static let sessionAddress = PersonalField("session address")
}
