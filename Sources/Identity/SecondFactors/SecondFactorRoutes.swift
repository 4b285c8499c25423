package import HTTP
internal import Values

/// The authenticator app and the recovery codes of oneself.
package struct SecondFactorRoutes: Sendable {
    private let identity: Identity
    private let session: RouteBuilder<Session>

    package init(_ identity: Identity) {
        self.identity = identity
        session = identity.sessionRoutes
    }

    package var routes: [Route] {
        [
            session.route(
                .get, "/v1/second_factors", summary: "What is set up besides the password.",
                tag: "second factors", returns: .ok(SecondFactorWire.state), handler: state),
            session.route(
                .post, "/v1/totp", summary: "A secret for an authenticator app, shown once.",
                tag: "second factors", parameters: [.pin],
                returns: .created(SecondFactorWire.secret),
                refusals: [Refused(IdentityRejection.totpExists)] + StepUpRoutes.asking,
                handler: enrol),
            session.route(
                .post, "/v1/totp/confirmations",
                summary: "Turn the app on with its first code; the answer has recovery codes.",
                tag: "second factors", body: .object(.required("code", SecondFactorWire.code)),
                returns: .created(SecondFactorWire.codes),
                refusals: refused([.totpExists, .totpNotFound]), rate: .authentication,
                handler: confirm),
            session.route(
                .post, "/v1/totp/removals",
                summary: "Turn the app off with a code of it or a recovery code.",
                tag: "second factors", body: SecondFactorWire.factor,
                returns: .noContent("It is asked for no more."),
                refusals: refused([.totpNotFound]), rate: .authentication, handler: remove),
            session.route(
                .post, "/v1/recovery_codes", summary: "Ten new recovery codes, shown once.",
                tag: "second factors", body: SecondFactorWire.factor,
                returns: .created(SecondFactorWire.codes),
                refusals: refused([.totpNotFound]), rate: .authentication, handler: renew),
        ]
    }

    private func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        let wrong: [IdentityRejection] = [
            .secondFactorIncorrect(triesLeft: 0), .tooManyAttempts(retryAfter: 0),
        ]
        return (rejections + wrong).map { Refused($0) }
    }

    // MARK: Handlers

    private func state(_ request: Request, _ session: Session) async throws -> Response {
        let factors = try await identity.secondFactors(of: session)
        return .json { body in
            body.field("totp_since", factors.totpSince.map { "\($0)" })
            body.field("recovery_codes_left", factors.recoveryCodesLeft)
        }
    }

    private func enrol(_ request: Request, _ session: Session) async throws -> Response {
        let (secret, uri) = try await identity.enrolTotp(for: session, Presence(request))
        return .json(201) { body in
            body.field("secret", secret)
            body.field("uri", uri)
        }
    }

    private func confirm(_ request: Request, _ session: Session) async throws -> Response {
        let codes = try await identity.confirmTotp(
            request.text("code"), for: session, from: request.origin)
        return .json(201) { $0.field("recovery_codes", codes) }
    }

    private func remove(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.removeTotp(
            SecondFactorWire.factor(of: request), for: session, from: request.origin)
        return .empty()
    }

    private func renew(_ request: Request, _ session: Session) async throws -> Response {
        let codes = try await identity.renewRecoveryCodes(
            SecondFactorWire.factor(of: request), for: session, from: request.origin)
        return .json(201) { $0.field("recovery_codes", codes) }
    }
}

// MARK: Wire

private enum SecondFactorWire {
    static let code = Schema.string(min: 1, max: SecondFactorRules.codeCharactersMax)

    /// The same words as in the second step of a log-in.
    static let factor = Schema.object(
        .required("method", .enumeration(["totp", "recovery_code"])), .required("code", code))

    static let state = Schema.object(
        .required("totp_since", .nullable(.timestamp), "Null when there is no app."),
        .required("recovery_codes_left", .integer(min: 0)))

    static let secret = Schema.object(
        .required("secret", .string(), "Base32, to type."),
        .required("uri", .string(), "otpauth://, for a QR code."))

    static let codes = Schema.object(.required("recovery_codes", .array(.string())))

    static func factor(of request: Request) -> SecondFactor {
        request.text("method") == "totp"
            ? .totp(request.text("code")) : .recoveryCode(request.text("code"))
    }
}
