internal import Cryptography
internal import HTTP
internal import Postgres
internal import Values

/// A session that lives in a browser's cookie: no script of the page can read what opens it.
///
/// What changes something must also bring the session's CSRF token in a header, which only the
/// page's own scripts can add, and come from the page's own origin.
package struct SessionCookie: Sendable {
    let token: String
    let csrfToken: String
    /// Nil for a strict session, which the browser forgets when it is closed.
    let secondsMax: Int64?
}

extension SessionCookie {
    static let csrfHeader = "X-CSRF-Token"
    private static let name = "florin_session"
    private static let csrfName = "florin_csrf"
    /// Browsers take a cookie of such a name from this very host over TLS alone.
    private static let prefix = "__Host-"

    /// The token that the request's cookie holds.
    static func token(of request: Request, isSandbox: Bool) -> String? {
        request.cookie(prefix + name)
            ?? (request.isLocal && isSandbox ? request.cookie(name) : nil)
    }

    /// What sets both cookies. Not every browser takes a secure one from a page on this machine, so
    /// a sandbox does without.
    func fields(for request: Request, isSandbox: Bool) -> [(String, String)] {
        Self.fields(token, csrfToken, secondsMax, for: request, isSandbox)
    }

    /// What removes them.
    static func removal(for request: Request, isSandbox: Bool) -> [(String, String)] {
        fields("", "", 0, for: request, isSandbox)
    }

    private static func fields(
        _ token: String, _ csrfToken: String, _ secondsMax: Int64?, for request: Request,
        _ isSandbox: Bool
    ) -> [(String, String)] {
        let isSecure = !(isSandbox && request.isLocal)
        let prefix = isSecure ? prefix : ""
        return [
            SetCookie(
                prefix + name, token, secondsMax: secondsMax, isHidden: true, isSecure: isSecure),
            SetCookie(
                prefix + csrfName, csrfToken, secondsMax: secondsMax, isHidden: false,
                isSecure: isSecure),
        ].map(\.field)
    }
}

extension Identity {
    /// The session behind the request's cookie, if the request may use it.
    ///
    /// - Parameter isLeaving: whether it only ends the session, which takes no CSRF token: a page
    ///   that goes can send none.
    func cookieSession(of request: Request, isLeaving: Bool = false) async throws -> Session {
        guard let token = SessionCookie.token(of: request, isSandbox: isSandbox) else {
            throw IdentityRejection.sessionInvalid
        }
        let session = try await authenticate(cookie: token)
        guard ![.get, .head].contains(request.method) else { return session }
        try requireOwnPage(request)
        if isLeaving { return session }
        let given = Array((request.header(SessionCookie.csrfHeader) ?? "").utf8)
        guard constantTimeEquals(given, Array(csrfToken(of: token).utf8)) else {
            throw IdentityRejection.csrfTokenInvalid
        }
        return session
    }

    /// Refuses what the browser did not send from a page of ours. Browsers name the origin with
    /// everything that may change something.
    func requireOwnPage(_ request: Request) throws(IdentityRejection) {
        guard let origin = request.header("origin"),
            relyingParty.origins.contains(origin) || request.isAt(origin)
        else { throw .originNotAllowed }
    }

    /// Bound to the session, so that one from elsewhere is of no use.
    func csrfToken(of cookie: String) -> String {
        Base64URL.encode(vault.hash(code: cookie, named: "csrf"))
    }

    /// The session of a cookie. It is looked up now and then, which keeps a strict one awake.
    private func authenticate(cookie token: String) async throws -> Session {
        let (now, name) = (clock.now, "cookie " + token)
        if case .person(let session)? = sessionCache.caller(for: name, at: now) { return session }
        let generation = sessionCache.generation
        let strict = now.adding(seconds: terms(of: .strict).refreshSeconds)
        let found = try await database.transaction { transaction -> (Session, Timestamp)? in
            let row = try transaction.first(
                """
                UPDATE identity.sessions SET seen_at = greatest(seen_at, \(now)),
                    expires_at = CASE mode WHEN 'strict' THEN \(strict) ELSE expires_at END
                WHERE cookie_hash = \(Hash.sha256(token)) AND ended_at IS NULL
                    AND expires_at > \(now)
                RETURNING id, mode, expires_at
                """)
            guard let row, let session = try session(try row[0], transaction) else { return nil }
            let seconds = terms(of: try SessionMode(stored: row[1])).accessSeconds
            return (session, min(try row[2], now.adding(seconds: seconds)))
        }
        guard let (session, until) = found else { throw IdentityRejection.sessionInvalid }
        sessionCache.keep(session, for: name, until: until, seenAt: generation)
        return session
    }

    /// Ends the session of a cookie that another one takes the place of.
    func replace(cookie token: String, from origin: Origin) async throws {
        let now = clock.now
        let user = try await database.transaction { transaction -> ID<User>? in
            let row = try transaction.first(
                """
                SELECT id FROM identity.sessions
                WHERE cookie_hash = \(Hash.sha256(token)) AND ended_at IS NULL
                """)
            guard let row, let user = try end(try row[0], .replaced, now, transaction) else {
                return nil
            }
            try audit.record(
                Act(
                    .sessionEnded, by: user, of: user, from: origin,
                    reason: SessionEnd.replaced.rawValue), in: transaction)
            return user
        }
        if let user { sessionCache.forget(user: user) }
    }
}

extension Request {
    /// Whether the browser's address bar shows this machine itself.
    fileprivate var isLocal: Bool {
        guard let host = header("host")?.lowercased() else { return false }
        return ["localhost", "127.0.0.1", "[::1]"].contains { name in
            host == name || host.hasPrefix(name + ":")
        }
    }

    /// Whether the origin is that of this very host, whoever ends TLS before it.
    fileprivate func isAt(_ origin: String) -> Bool {
        guard let host = header("host"), !host.isEmpty else { return false }
        return origin == "https://" + host || origin == "http://" + host
    }
}
