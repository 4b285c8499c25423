internal import HTTP
internal import Values

/// Log-in and its second step, refreshing, and the sessions of oneself.
struct SessionRoutes: Sendable {
    let identity: Identity
    let session: RouteBuilder<Session>

    static let keySetPath = "/.well-known/jwks.json"

    var routes: [Route] { entering + own }

    private var entering: [Route] {
        [
            .open(
                .post, "/v1/sessions",
                summary: "Log in with username, telephone number or e-mail.", tag: "identity",
                body: SessionWire.logIn, returns: .created(SessionWire.session),
                refusals: Wire.refused([
                    .credentialsInvalid, .tooManyAttempts(retryAfter: 0),
                    .secondStepRequired(.example),
                ]), rate: .authentication, handler: logIn),
            .open(
                .post, "/v1/session_challenges/{challenge}/codes",
                summary: "Send the code of a log-in, at most one a minute.", tag: "identity",
                parameters: [SessionWire.challenge],
                returns: Answer(
                    status: 202, schema: .object(.required("expires_in", .integer())),
                    description: "A code is on its way."),
                refusals: Wire.refused([
                    .challengeInvalid, .methodNotAvailable([]), .tooManyAttempts(retryAfter: 0),
                ]), rate: .authentication, handler: sendCode),
            .open(
                .post, "/v1/session_challenges/{challenge}/passkey_challenges",
                summary: "What the browser needs to answer a log-in with a passkey.",
                tag: "identity", parameters: [SessionWire.challenge],
                returns: .created(PasskeyWire.request),
                refusals: Wire.refused([.challengeInvalid, .methodNotAvailable([])]),
                rate: .authentication, handler: passkeyChallenge),
            .open(
                .post, "/v1/session_challenges/{challenge}/answers",
                summary: "The second step of a log-in.", tag: "identity",
                parameters: [SessionWire.challenge], body: SessionWire.answer,
                returns: .created(SessionWire.session),
                refusals: Wire.refused([
                    .challengeInvalid, .methodNotAvailable([]), .codeIncorrect(triesLeft: 0),
                    .codeExpired, .tooManyAttempts(retryAfter: 0),
                    .secondFactorIncorrect(triesLeft: 0), .passkeyInvalid(reason: ""),
                    .passkeyChallengeExpired, .passkeyUnknown, .passkeySuspended,
                ]), rate: .authentication, handler: answer),
            .open(
                .post, "/v1/sessions/refresh",
                summary: "Exchange a refresh token for new tokens.", tag: "identity",
                body: .object(.required("refresh_token", .string(min: 1, max: 128))),
                returns: .created(SessionWire.tokens),
                refusals: Wire.refused([.refreshTokenInvalid]),
                handler: refresh),
            .open(
                .get, Self.keySetPath,
                summary: "The keys that sign access tokens, as a JWK set.", tag: "identity",
                returns: .ok(KeySetWire.keys), handler: keys),
        ]
    }

    private var own: [Route] {
        [
            session.route(
                .get, "/v1/sessions", summary: "One's sessions, the last used first.",
                tag: "identity",
                returns: .ok(.object(.required("data", .array(SessionWire.listed)))),
                handler: list),
            session.route(
                .patch, "/v1/sessions/{id}", summary: "Give a session another name.",
                tag: "identity", parameters: [.path("id", .uuid)],
                body: .object(.required("name", SessionWire.deviceName)),
                returns: .ok(SessionWire.listed), refusals: Wire.refused([.sessionNotFound]),
                handler: rename),
            session.route(
                .delete, "/v1/sessions/{id}", summary: "End one of one's sessions, at once.",
                tag: "identity", parameters: [.path("id", .uuid)],
                returns: .noContent("It is over, and its device is new again."),
                refusals: Wire.refused([.sessionNotFound]), handler: revoke),
            session.route(
                .post, "/v1/sessions/revocations", summary: "End all one's other sessions.",
                tag: "identity",
                returns: .created(
                    .object(.required("ended", .integer(min: 0), "How many there were."))),
                handler: revokeOthers),
            session.route(
                .get, "/v1/session_settings", summary: "How one's sessions are opened.",
                tag: "identity", returns: .ok(SessionWire.settings), handler: settings),
            session.route(
                .put, "/v1/session_settings", summary: "Choose how one's sessions are opened.",
                tag: "identity", body: SessionWire.settings, returns: .ok(SessionWire.settings),
                handler: set),
            identity.leaverRoutes.route(
                .post, "/v1/sessions/current/exits",
                summary: "Leave: the session ends. For `navigator.sendBeacon`; without a cookie, "
                    + "a token may be the body, as plain text.",
                tag: "identity", returns: .noContent("The session is over."),
                bodyBytesMax: StrictRules.exitBytesMax, handler: exit),
            session.route(
                .delete, "/v1/sessions/current", summary: "Log out.", tag: "identity",
                returns: .noContent("The session is over."), handler: logOut),
        ]
    }

    // MARK: Handlers

    private func logIn(_ request: Request) async throws -> Response {
        try await identity.entered(
            try await identity.logIn(
                login: request.text("login"), password: request.text("password"),
                LogInWish(choosing: request), from: request.origin), by: request)
    }

    private func sendCode(_ request: Request) async throws -> Response {
        let seconds = try await identity.sendCode(
            for: request.parameter("challenge"), from: request.origin)
        return .json(202) { $0.field("expires_in", seconds) }
    }

    private func passkeyChallenge(_ request: Request) async throws -> Response {
        let (challenge, known) = try await identity.passkeyChallenge(
            for: request.parameter("challenge"))
        return .json(201) {
            PasskeyWire.write(challenge, known: known, for: identity.relyingParty, &$0)
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        try await identity.entered(
            try await identity.answer(
                request.parameter("challenge"), with: SessionWire.secondStep(request),
                from: request.origin), by: request)
    }

    private func refresh(_ request: Request) async throws -> Response {
        let tokens = try await identity.refresh(
            request.text("refresh_token"), from: request.origin)
        return .json(201) { SessionWire.write(tokens, &$0) }
    }

    private func logOut(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.logOut(session, from: request.origin)
        return left(request)
    }

    private func exit(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.exit(session, from: request.origin)
        return left(request)
    }

    private func left(_ request: Request) -> Response {
        let isSandbox = identity.isSandbox
        guard SessionCookie.token(of: request, isSandbox: isSandbox) != nil else {
            return .empty()
        }
        return .empty(204, headers: SessionCookie.removal(for: request, isSandbox: isSandbox))
    }

    private func settings(_ request: Request, _ session: Session) async throws -> Response {
        let mode = try await identity.sessionMode(of: session)
        return .json { $0.field("mode", mode.rawValue) }
    }

    private func set(_ request: Request, _ session: Session) async throws -> Response {
        guard let mode = SessionMode(rawValue: request.text("mode")) else {
            preconditionFailure("the route's schema must require a mode")
        }
        try await identity.setSessionMode(mode, of: session, from: request.origin)
        return .json { $0.field("mode", mode.rawValue) }
    }

    private func keys(_ request: Request) async throws -> Response {
        let keys = identity.tokens.published(at: identity.clock.now)
        return .json { $0.objects("keys", keys, KeySetWire.write) }
    }

    private func list(_ request: Request, _ session: Session) async throws -> Response {
        let sessions = try await identity.sessions(of: session)
        return .json { body in
            body.objects("data", sessions) { SessionWire.write($0, &$1) }
        }
    }

    private func rename(_ request: Request, _ session: Session) async throws -> Response {
        let renamed = try await identity.renameSession(
            request.sessionID, to: request.text("name"), for: session, from: request.origin)
        return .json { SessionWire.write(renamed, &$0) }
    }

    private func revoke(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.revoke(request.sessionID, for: session, from: request.origin)
        return .empty()
    }

    private func revokeOthers(_ request: Request, _ session: Session) async throws -> Response {
        let ended = try await identity.revokeOthers(of: session, from: request.origin)
        return .json(201) { $0.field("ended", ended) }
    }
}

extension Identity {
    /// What whoever has just logged in is given. A cookie that the browser held before is good for
    /// nothing more: who planted it does not come in with its owner.
    func entered(_ opened: OpenedSession, by request: Request) async throws -> Response {
        let before = SessionCookie.token(of: request, isSandbox: isSandbox)
        if let before, opened.cookie != nil {
            try await replace(cookie: before, from: request.origin)
        }
        return SessionWire.response(opened, to: request, isSandbox: isSandbox)
    }
}

extension Request {
    fileprivate var sessionID: ID<Session> {
        guard let id = ID<Session>(parameter("id")) else {
            preconditionFailure("the route's schema must require a UUID")
        }
        return id
    }
}
