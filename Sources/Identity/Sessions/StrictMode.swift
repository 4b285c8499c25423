internal import HTTP
internal import Postgres
internal import Values

/// For how long what a session gives out is good.
struct SessionTerms: Sendable {
    /// An access token, or what is remembered of a cookie.
    let accessSeconds: Int64
    /// A refresh token, or a cookie that nobody uses.
    let refreshSeconds: Int64
}

/// How long a strict session may lie unused.
package enum StrictRules {
    package static let idleSecondsDefault: Int64 = 300
    package static let idleSecondsMin: Int64 = 60
    package static let idleSecondsMax: Int64 = 3600
    /// A fifth of the idle time lies between two looks at the database, so that being idle costs
    /// payments nothing: a session ends after the idle time and at most a fifth of it.
    static let looks: Int64 = 5
    /// Sessions marked as ended in one transaction.
    static let rowsMax = 500
    /// What a browser sends as it leaves: one token.
    static let exitBytesMax = 4096
}

extension Identity {
    func terms(of mode: SessionMode) -> SessionTerms {
        switch mode {
        case .standard:
            return SessionTerms(
                accessSeconds: tokens.seconds, refreshSeconds: SessionRules.refreshSeconds)
        case .strict:
            let access = min(tokens.seconds, strictIdleSeconds / StrictRules.looks)
            return SessionTerms(
                accessSeconds: access, refreshSeconds: strictIdleSeconds + access)
        }
    }

    /// The same of a session that was opened then, which nothing that it gives out outlives.
    func terms(of mode: SessionMode, openedAt: Timestamp, _ now: Timestamp) -> SessionTerms {
        let (terms, left) = (terms(of: mode), now.seconds(until: lastMoment(of: openedAt)))
        return SessionTerms(
            accessSeconds: min(terms.accessSeconds, left),
            refreshSeconds: min(terms.refreshSeconds, left))
    }

    /// When the person of a session that was opened then has to log in again.
    func lastMoment(of openedAt: Timestamp) -> Timestamp {
        openedAt.adding(seconds: sessionSecondsMax)
    }

    /// How this person's sessions are opened when a log-in does not say.
    package func sessionMode(of session: Session) async throws -> SessionMode {
        try await database.read { transaction in
            try mode(of: session.user, transaction)
        }
    }

    package func setSessionMode(
        _ mode: SessionMode, of session: Session, from origin: Origin
    ) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            let before = try self.mode(of: session.user, transaction)
            try transaction.execute(
                """
                INSERT INTO identity.session_settings (user_id, mode, changed_at)
                VALUES (\(session.user), \(mode.rawValue), \(now))
                ON CONFLICT (user_id) DO UPDATE
                    SET mode = excluded.mode, changed_at = excluded.changed_at
                """)
            try audit.record(
                Act(
                    .sessionModeSet, by: session.user, of: session.user, from: origin,
                    before: before.rawValue, after: mode.rawValue), in: transaction)
        }
    }

    func mode(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> SessionMode {
        let row = try transaction.first(
            "SELECT mode FROM identity.session_settings WHERE user_id = \(user)")
        return try row.map { try SessionMode(stored: $0[0]) } ?? .standard
    }

    // MARK: Leaving

    /// Whose session the page is leaving. `navigator.sendBeacon` can set no header, so a token may
    /// stand in the body, as plain text.
    func leaver(_ request: Request) async throws -> Session {
        if request.bearerToken != nil { return try await session(of: request) }
        let text = String(decoding: request.body, as: UTF8.self)
        guard text.isEmpty else {
            return text.contains(".")
                ? try await authenticate(text) : try await session(ofRefreshToken: text)
        }
        return try await cookieSession(of: request, isLeaving: true)
    }

    /// Ends the session because its person has left.
    package func exit(_ session: Session, from origin: Origin) async throws {
        try await end(session, .exit, from: origin)
    }

    /// Writes down that strict sessions which lay unused are over; what they gave out is so
    /// already.
    package func endIdle() async throws {
        let now = clock.now
        var ended = StrictRules.rowsMax
        while ended == StrictRules.rowsMax {
            ended = try await database.transaction { transaction in
                let rows = try transaction.query(
                    """
                    UPDATE identity.sessions SET ended_at = \(now),
                        end_reason = \(SessionEnd.idle.rawValue)
                    WHERE id IN (
                        SELECT id FROM identity.sessions
                        WHERE mode = 'strict' AND ended_at IS NULL AND expires_at <= \(now)
                        ORDER BY id LIMIT \(StrictRules.rowsMax) FOR UPDATE SKIP LOCKED)
                    RETURNING user_id
                    """)
                for row in rows {
                    // Streams that hang on it are hung up.
                    let user: ID<User> = try row[0]
                    try announceChange(of: user, in: transaction)
                    try audit.record(
                        Act(
                            .sessionIdle, by: nil, of: user, from: .program), in: transaction)
                }
                return rows.count
            }
        }
    }
}

extension Act.Kind {
    static let sessionModeSet = Act.Kind("session_mode_set")
    static let sessionIdle = Act.Kind("session_idle")
}
