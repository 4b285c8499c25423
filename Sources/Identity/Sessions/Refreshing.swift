internal import Cryptography
internal import Postgres
internal import Values

/// How refresh tokens follow each other.
enum RefreshRules {
    /// For so long a used token gives once more what it gave: an answer may be lost on the way, and
    /// two tabs may ask at once. A thief gains nothing by it that the token did not give before.
    static let graceSeconds: Int64 = 30
}

extension Identity {
    /// New tokens for a refresh token, which dies. A token used again after the grace ends the
    /// session, and its owner is told: one of the two users is a thief.
    package func refresh(_ token: String, from origin: Origin) async throws -> SessionTokens {
        let now = clock.now
        let next = vault.successor(ofRefreshToken: token)
        let outcome = try await database.transaction { transaction -> Refreshed in
            guard let found = try refreshToken(token, transaction) else { return .refused }
            switch found.state(at: now) {
            case .expired: return .refused
            case .reused:
                return .reused(by: try endReused(found.session, from: origin, now, transaction))
            case .fresh, .again: break
            }
            guard let session = try session(found.session, transaction) else { return .refused }
            guard now < lastMoment(of: found.openedAt) else {
                return .over(by: try endExpired(session, now, transaction))
            }
            // What was given has been used since, so nobody waits for its answer any more.
            let terms = terms(of: found.mode, openedAt: found.openedAt, now)
            if found.usedAt != nil {
                return try refreshToken(next, transaction)?.usedAt == nil
                    ? .session(session, terms) : .refused
            }
            try use(token, of: session, next, terms, now, transaction)
            return .session(session, terms)
        }
        switch outcome {
        case .session(let session, let terms):
            return tokens.mint(
                for: session, refreshToken: next, seconds: terms.accessSeconds, at: now)
        case .reused(let user): user.map { sessionCache.forget(user: $0) }
        case .over(let user): sessionCache.forget(user: user)
        case .refused: break
        }
        throw IdentityRejection.refreshTokenInvalid
    }

    /// The session that a refresh token is of, for who leaves it.
    func session(ofRefreshToken token: String) async throws -> Session {
        let now = clock.now
        let session = try await database.transaction { transaction -> Session? in
            guard let found = try refreshToken(token, transaction) else { return nil }
            switch found.state(at: now) {
            case .fresh, .again: return try self.session(found.session, transaction)
            case .reused, .expired: return nil
            }
        }
        guard let session else { throw IdentityRejection.sessionInvalid }
        return session
    }

    // MARK: Steps

    /// What a refresh token turned out to be. The end of a session is written, so that transaction
    /// commits and the refusal is a value.
    private enum Refreshed: Sendable {
        case session(Session, SessionTerms)
        case reused(by: ID<User>?)
        case over(by: ID<User>)
        case refused
    }

    private struct RefreshToken {
        enum State {
            case fresh
            case again
            case reused
            case expired
        }

        let session: ID<Session>
        let mode: SessionMode
        let openedAt: Timestamp
        let usedAt: Timestamp?
        let expiresAt: Timestamp

        func state(at now: Timestamp) -> State {
            if let usedAt {
                return usedAt.seconds(until: now) <= RefreshRules.graceSeconds ? .again : .reused
            }
            return now < expiresAt ? .fresh : .expired
        }
    }

    /// Locked, so that of twins one is first.
    private func refreshToken(
        _ token: String, _ transaction: borrowing Transaction
    ) throws -> RefreshToken? {
        try transaction.first(
            """
            SELECT r.session_id, s.mode, s.created_at, r.used_at, r.expires_at
            FROM identity.refresh_tokens r JOIN identity.sessions s ON s.id = r.session_id
            WHERE r.token_hash = \(Hash.sha256(token)) FOR UPDATE OF r
            """
        ).map { row in
            RefreshToken(
                session: try row[0], mode: try SessionMode(stored: row[1]), openedAt: try row[2],
                usedAt: try row[3], expiresAt: try row[4])
        }
    }

    private func use(
        _ token: String, of session: Session, _ next: String, _ terms: SessionTerms,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let expiresAt = now.adding(seconds: terms.refreshSeconds)
        try transaction.execute(
            """
            UPDATE identity.refresh_tokens SET used_at = \(now)
            WHERE token_hash = \(Hash.sha256(token))
            """)
        try store(next, of: session.id, until: expiresAt, now, transaction)
        try transaction.execute(
            """
            UPDATE identity.sessions SET seen_at = greatest(seen_at, \(now)),
                expires_at = \(expiresAt)
            WHERE id = \(session.id)
            """)
    }

    private func endExpired(
        _ session: Session, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> ID<User> {
        try end(session.id, .expired, now, transaction)
        try audit.record(
            Act(
                .sessionEnded, by: nil, of: session.user, from: .program,
                reason: SessionEnd.expired.rawValue), in: transaction)
        return session.user
    }

    private func endReused(
        _ session: ID<Session>, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> ID<User>? {
        guard let user = try end(session, .tokenReuse, now, transaction) else { return nil }
        let name: String = try transaction.query(
            "SELECT name FROM identity.sessions WHERE id = \(session)")[0][0]
        try tell(
            user,
            """
            The session “\(name)” of your Florin wallet was ended: somebody else may have copied \
            it. Log in again; if you have not lost that device, change your password.
            """, in: transaction)
        try audit.record(
            Act(.refreshTokenReused, by: nil, of: user, from: origin, before: name),
            in: transaction)
        return user
    }
}

extension Vault {
    /// The token that follows a refresh token is made of it, so that whoever asks twice is given
    /// the same; without the operator's key nobody can say which it is.
    fileprivate func successor(ofRefreshToken token: String) -> String {
        Base64URL.encode(hash(code: token, named: "refresh token"))
    }
}

extension Act.Kind {
    static let refreshTokenReused = Act.Kind("refresh_token_reused")
}
