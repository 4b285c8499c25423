package import HTTP
internal import Values

/// Another telephone number, another e-mail address, and the proof of the present one.
package struct ContactRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        let session = identity.sessionRoutes
        return [
            session.route(
                .post, "/v1/me/phone_changes",
                summary: "Send a code to another telephone number, to have that one.",
                tag: "identity", parameters: [.pin],
                body: .object(.required("phone", Wire.phone), .stepUpPassword),
                returns: Self.sent,
                refusals: Wire.refused(
                    [.phoneInvalid, .alreadyVerified] + Identity.stepUpRejections),
                rate: .code, handler: orderPhone),
            session.route(
                .post, "/v1/me/phone_changes/completions",
                summary: "Take the number with its code; all other sessions end.",
                tag: "identity", body: .object(.required("phone", Wire.phone), Self.code),
                returns: .created(Wire.user),
                refusals: Wire.refused([.phoneInvalid, .phoneTaken] + Self.wrongCode),
                rate: .authentication, handler: takePhone),
            session.route(
                .post, "/v1/me/email_changes",
                summary: "Send a code to an e-mail address, to have it or to prove it.",
                tag: "identity", parameters: [.pin],
                body: .object(.required("email", Self.email), .stepUpPassword),
                returns: Self.sent,
                refusals: Wire.refused([.emailInvalid, .emailProven] + Identity.stepUpRejections),
                rate: .code, handler: orderEmail),
            session.route(
                .post, "/v1/me/email_changes/completions",
                summary:
                    "Take the address with its code; if it is another one, other sessions end.",
                tag: "identity", body: .object(.required("email", Self.email), Self.code),
                returns: .created(Wire.user),
                refusals: Wire.refused([.emailInvalid, .emailTaken] + Self.wrongCode),
                rate: .authentication, handler: takeEmail),
        ]
    }

    private static let email = Schema.string(min: 3, max: EmailAddress.charactersMax)
    private static let code = Schema.Field.required(
        "code", .string(min: 1, max: CodeRules.charactersMax))
    private static let sent = Answer(
        status: 202, schema: .object(.required("expires_in", .integer())),
        description: "If it is nobody else's, a code is on its way.")
    private static let wrongCode: [IdentityRejection] = [
        .codeIncorrect(triesLeft: 0), .codeExpired, .tooManyAttempts(retryAfter: 0),
    ]

    private func orderPhone(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.orderPhoneChange(
            to: request.phone(), by: session, Presence(request), password: request.stepUpPassword)
        return .json(202) { $0.field("expires_in", CodeRules.secondsValid) }
    }

    private func takePhone(_ request: Request, _ session: Session) async throws -> Response {
        let user = try await identity.changePhone(
            to: request.phone(), code: request.text("code"), by: session, from: request.origin)
        return .json(201) { Wire.write(user, &$0) }
    }

    private func orderEmail(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.orderEmailChange(
            to: request.email(), by: session, Presence(request), password: request.stepUpPassword)
        return .json(202) { $0.field("expires_in", CodeRules.secondsValid) }
    }

    private func takeEmail(_ request: Request, _ session: Session) async throws -> Response {
        let user = try await identity.changeEmail(
            to: request.email(), code: request.text("code"), by: session, from: request.origin)
        return .json(201) { Wire.write(user, &$0) }
    }
}

extension Schema.Field {
    static let stepUpPassword = Schema.Field.optional(
        "password", .string(min: 1, max: PasswordRules.scalarsMax), "Of who has no PIN yet.")
}

extension Request {
    var stepUpPassword: String? { json["password"]?.string }

    fileprivate func phone() throws(IdentityRejection) -> PhoneNumber {
        guard let phone = PhoneNumber(text("phone")) else { throw .phoneInvalid }
        return phone
    }

    fileprivate func email() throws(IdentityRejection) -> EmailAddress {
        guard let email = EmailAddress(text("email")) else { throw .emailInvalid }
        return email
    }
}
