internal import Cryptography
package import HTTP
internal import Values

/// Passkeys of oneself, and log-in with one.
package struct PasskeyRoutes: Sendable {
    private let identity: Identity
    private let session: RouteBuilder<Session>

    package init(_ identity: Identity) {
        self.identity = identity
        session = identity.sessionRoutes
    }

    package var routes: [Route] {
        [
            session.route(
                .post, "/v1/passkeys/registrations",
                summary: "What the browser needs to make a passkey.", tag: "passkeys",
                parameters: [.pin], returns: .created(PasskeyWire.creation),
                refusals: refused([.tooManyPasskeys]) + StepUpRoutes.asking, handler: begin),
            session.route(
                .post, "/v1/passkeys", summary: "Add the passkey that was made.",
                tag: "passkeys", body: PasskeyWire.registration,
                returns: .created(PasskeyWire.passkey),
                refusals: refused([
                    .passkeyInvalid(reason: ""), .passkeyChallengeExpired, .passkeyExists,
                    .tooManyPasskeys,
                ]), handler: add),
            session.route(
                .get, "/v1/passkeys", summary: "One's passkeys.", tag: "passkeys",
                returns: .ok(.object(.required("data", .array(PasskeyWire.passkey)))),
                handler: list),
            session.route(
                .patch, "/v1/passkeys/{id}", summary: "Give a passkey another name.",
                tag: "passkeys", parameters: [.path("id", .uuid)],
                body: .object(.required("name", PasskeyWire.name)),
                returns: .ok(PasskeyWire.passkey), refusals: refused([.passkeyNotFound]),
                handler: rename),
            session.route(
                .delete, "/v1/passkeys/{id}", summary: "Remove a passkey.", tag: "passkeys",
                parameters: [.path("id", .uuid), .pin],
                returns: .noContent("It opens nothing more."),
                refusals: refused([.passkeyNotFound]) + StepUpRoutes.asking, handler: remove),
            .open(
                .post, "/v1/sessions/passkey_challenges",
                summary: "What the browser needs to log in with a passkey.", tag: "passkeys",
                returns: .created(PasskeyWire.request), rate: .authentication, handler: challenge),
            .open(
                .post, "/v1/sessions/passkeys", summary: "Log in with a passkey.",
                tag: "passkeys", body: SessionWire.passkeyLogIn,
                returns: .created(SessionWire.session),
                refusals: refused([
                    .passkeyInvalid(reason: ""), .passkeyChallengeExpired, .passkeyUnknown,
                    .passkeySuspended,
                ]), rate: .authentication, handler: logIn),
        ]
    }

    private func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    // MARK: Handlers

    private func begin(_ request: Request, _ session: Session) async throws -> Response {
        let options = try await identity.registrationOptions(
            for: session, Presence(request))
        return .json(201) { PasskeyWire.write(options, for: identity.relyingParty, &$0) }
    }

    private func add(_ request: Request, _ session: Session) async throws -> Response {
        let passkey = try await identity.addPasskey(
            PasskeyRegistration(request.json["credential"] ?? nil), name: request.text("name"),
            for: session, from: request.origin)
        return .json(201) { PasskeyWire.write(passkey, &$0) }
    }

    private func list(_ request: Request, _ session: Session) async throws -> Response {
        let passkeys = try await identity.passkeys(of: session.user)
        return .json { body in
            body.objects("data", passkeys) { PasskeyWire.write($0, &$1) }
        }
    }

    private func rename(_ request: Request, _ session: Session) async throws -> Response {
        let passkey = try await identity.renamePasskey(
            request.passkeyID, to: request.text("name"), for: session, from: request.origin)
        return .json { PasskeyWire.write(passkey, &$0) }
    }

    private func remove(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.removePasskey(request.passkeyID, for: session, Presence(request))
        return .empty()
    }

    private func challenge(_ request: Request) async throws -> Response {
        let challenge = try await identity.logInChallenge()
        return .json(201) {
            PasskeyWire.write(challenge, known: [], for: identity.relyingParty, &$0)
        }
    }

    private func logIn(_ request: Request) async throws -> Response {
        try await identity.entered(
            try await identity.logIn(
                with: PasskeyAssertion(request.json["assertion"] ?? nil),
                LogInWish(choosing: request), from: request.origin), by: request)
    }
}

extension Request {
    fileprivate var passkeyID: ID<Passkey> {
        guard let id = ID<Passkey>(parameter("id")) else {
            preconditionFailure("the route's schema must require a UUID")
        }
        return id
    }
}
