internal import HTTP
internal import Values

/// The PIN of oneself.
struct PinRoutes: Sendable {
    let identity: Identity
    let session: RouteBuilder<Session>

    var routes: [Route] {
        [
            session.route(
                .get, "/v1/me/pin", summary: "Whether there is a PIN.", tag: "identity",
                returns: .ok(
                    .object(
                        .required("is_set", .boolean),
                        .required("set_at", .nullable(.timestamp)))), handler: show),
            session.route(
                .put, "/v1/me/pin",
                summary: "Set the PIN: the first with the password, another with the one before.",
                tag: "identity", parameters: [.pin],
                body: .object(
                    .required("pin", .pin),
                    .optional("password", Self.password, "For the first PIN.")),
                returns: .noContent("The PIN is set, and the owner was told."),
                refusals: Self.refused([
                    .pinTooWeak(reason: ""), .stepUpRequired([]), .passwordIncorrect,
                    .pinIncorrect(triesLeft: 0), .tooManyAttempts(retryAfter: 0),
                ]), rate: .authentication, handler: set),
            session.route(
                .post, "/v1/me/pin_resets",
                summary: "Send oneself a code for a new PIN, at most one a minute.",
                tag: "identity",
                returns: Answer(
                    status: 202, schema: .object(.required("expires_in", .integer())),
                    description: "A code is on its way."),
                refusals: Self.refused([.tooManyAttempts(retryAfter: 0), .forbidden]),
                rate: .code, handler: order),
            session.route(
                .post, "/v1/me/pin_resets/completions",
                summary: "Set a new PIN with the code and the password.", tag: "identity",
                body: .object(
                    .required("pin", .pin),
                    .required("code", .string(min: 1, max: CodeRules.charactersMax)),
                    .required("password", Self.password)),
                returns: .noContent("The PIN is set, and the owner was told."),
                refusals: Self.refused([
                    .pinTooWeak(reason: ""), .passwordIncorrect, .codeIncorrect(triesLeft: 0),
                    .codeExpired, .tooManyAttempts(retryAfter: 0), .forbidden,
                ]), rate: .authentication, handler: complete),
        ]
    }

    private static let password = Schema.string(min: 1, max: PasswordRules.scalarsMax)

    private static func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    private func show(_ request: Request, _ session: Session) async throws -> Response {
        let setAt = try await identity.pinSetAt(by: session)
        return .json { body in
            body.field("is_set", setAt != nil)
            body.field("set_at", setAt.map { "\($0)" })
        }
    }

    private func set(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.setPin(
            request.pin, password: request.json["password"]?.string, by: session,
            Presence(request))
        return .empty()
    }

    private func order(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.orderPinReset(by: session, from: request.origin)
        return .json(202) { $0.field("expires_in", CodeRules.secondsValid) }
    }

    private func complete(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.resetPin(
            request.pin, code: request.text("code"), password: request.text("password"),
            by: session, from: request.origin)
        return .empty()
    }
}

extension Request {
    /// The body's PIN, which the route's schema has already checked.
    fileprivate var pin: Pin {
        guard let pin = Pin(text("pin")) else {
            preconditionFailure("the route's schema must require the PIN")
        }
        return pin
    }
}
