internal import Cryptography
package import Postgres
internal import Values

/// Why a session is over.
enum SessionEnd: String, Sendable {
    case logOut = "log_out"
    case tokenReuse = "token_reuse"
    case revoked
    case exit
    case idle
    case replaced
    case tooMany = "too_many"
}

/// How long log-ins last.
enum SessionRules {
    static let refreshSeconds: Int64 = 30 * 86_400
    /// One more ends the one that was used longest ago.
    static let perPersonMax: Int64 = 100
}

extension Identity {
    /// Whether a session that was opened before still is.
    package func isOpen(_ session: Session) async throws -> Bool {
        try await database.read { transaction in
            try self.session(session.id, transaction) != nil
        }
    }

    /// Ends the session here and in every process.
    package func logOut(_ session: Session, from origin: Origin) async throws {
        try await end(session, .logOut, from: origin)
    }

    func end(_ session: Session, _ reason: SessionEnd, from origin: Origin) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            guard try end(session.id, reason, now, transaction) != nil else { return }
            try audit.record(
                Act(
                    .sessionEnded, by: session.user, of: session.user, from: origin,
                    reason: reason.rawValue), in: transaction)
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
        guard let claims = try await claims(of: token, at: now),
            let id = ID<Session>(claims.session)
        else { throw IdentityRejection.sessionInvalid }
        let session = try await database.read { transaction -> Session? in
            try self.session(id, transaction)
        }
        guard let session else { throw IdentityRejection.sessionInvalid }
        sessionCache.keep(session, for: token, until: claims.expiresAt, seenAt: generation)
        return session
    }

    /// Opens a session without a password in the caller's transaction, for people whom the operator
    /// has just created.
    package func openSession(
        for user: User, in transaction: borrowing Transaction
    ) throws -> SessionTokens {
        try insertSession(
            of: user, on: nil, LogInWish(), .password, from: .program, clock.now, transaction
        ).tokens
    }

    /// Opens a session and writes it down; last in a log-in's transaction.
    func open(
        _ user: User, on device: Device?, _ wish: LogInWish, _ way: LogInWay, from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction, isNew: Bool = false
    ) throws -> OpenedSession {
        let opened = try insertSession(
            of: user, on: device, wish, way, from: origin, now, transaction)
        let added = Act(.deviceAdded, by: user.id, of: user.id, from: origin, after: device?.name)
        let entered = Act(
            .sessionOpened, by: user.id, of: user.id, from: origin, reason: way.rawValue)
        try audit.record(isNew ? [added, entered] : [entered], in: transaction)
        return opened
    }

    // MARK: Steps

    private func insertSession(
        of user: User, on device: Device?, _ wish: LogInWish, _ way: LogInWay,
        from origin: Origin, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        let shownAt = way.isSecondFactor ? now : nil
        let session = Session(
            id: .make(at: now), user: user.id, username: user.username, role: user.role,
            isVerified: user.isVerified, plan: user.standing.plan,
            worksUntil: worksUntil(shownAt, now))
        let refreshToken = SecureRandom.token()
        let mode = try wish.mode ?? mode(of: user.id, transaction)
        let terms = terms(of: mode)
        // A cookie is not exchanged, so a standard one ends when it is a month old.
        let cookie = wish.usesCookie ? newCookie(mode) : nil
        let expiresAt = now.adding(seconds: terms.refreshSeconds)
        let key = try key(of: user.id, transaction)
        let address = origin.address.flatMap { key?.seal($0, .sessionAddress) }
        try transaction.execute(
            """
            INSERT INTO identity.sessions (id, user_id, created_at, device_id, name, mode, seen_at,
                expires_at, address_sealed, cookie_hash, second_factor_at)
            VALUES (\(session.id), \(user.id), \(now), \(device?.id),
                \(device?.name ?? wish.deviceName), \(mode.rawValue), \(now), \(expiresAt),
                \(address), \(cookie.map { Hash.sha256($0.token) }), \(shownAt))
            """)
        if cookie == nil {
            try store(refreshToken, of: session.id, until: expiresAt, now, transaction)
        }
        try endOldest(of: user.id, now, transaction)
        return OpenedSession(
            user: user,
            tokens: tokens.mint(
                for: session, refreshToken: refreshToken, seconds: terms.accessSeconds, at: now),
            cookie: cookie, mode: mode, device: device?.token)
    }

    private func newCookie(_ mode: SessionMode) -> SessionCookie {
        let token = SecureRandom.token()
        return SessionCookie(
            token: token, csrfToken: csrfToken(of: token),
            secondsMax: mode == .strict ? nil : SessionRules.refreshSeconds)
    }

    /// Keeps the list of a person's sessions short enough to be looked through.
    private func endOldest(
        of user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let ended = try transaction.execute(
            """
            UPDATE identity.sessions SET ended_at = \(now),
                end_reason = \(SessionEnd.tooMany.rawValue)
            WHERE ended_at IS NULL AND id IN (
                SELECT id FROM identity.sessions WHERE user_id = \(user) AND ended_at IS NULL
                ORDER BY seen_at DESC, id DESC OFFSET \(SessionRules.perPersonMax))
            """)
        if ended > 0 { try announceChange(of: user, in: transaction) }
    }

    func store(
        _ token: String, of session: ID<Session>, until expiresAt: Timestamp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.refresh_tokens (token_hash, session_id, created_at, expires_at)
            VALUES (\(Hash.sha256(token)), \(session), \(now), \(expiresAt))
            """)
    }

    /// Ends the session, tells every process, and returns whose it was; nil when it was over.
    @discardableResult
    func end(
        _ session: ID<Session>, _ reason: SessionEnd, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> ID<User>? {
        let row = try transaction.first(
            """
            UPDATE identity.sessions SET ended_at = \(now), end_reason = \(reason.rawValue)
            WHERE id = \(session) AND ended_at IS NULL RETURNING user_id
            """)
        guard let row else { return nil }
        let user: ID<User> = try row[0]
        try announceChange(of: user, in: transaction)
        return user
    }

    func session(
        _ id: ID<Session>, _ transaction: borrowing Transaction
    ) throws -> Session? {
        let now = clock.now
        return try transaction.first(
            """
            SELECT s.id, u.id, u.username, u.role, u.verified_at IS NOT NULL, u.plan,
                s.second_factor_at
            FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id
            WHERE s.id = \(id) AND s.ended_at IS NULL
            """
        ).map { row in
            Session(
                id: try row[0], user: try row[1], username: try Username(stored: row[2]),
                role: try Role(stored: row[3]), isVerified: try row[4],
                plan: try Plan(stored: row[5]), worksUntil: worksUntil(try row[6], now))
        }
    }
}

extension Act.Kind {
    static let sessionOpened = Act.Kind("session_opened")
    static let sessionEnded = Act.Kind("session_ended")
}

extension PersonalField {
    static let sessionAddress = PersonalField("session address")
}
