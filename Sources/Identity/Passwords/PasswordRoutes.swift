internal import HTTP
internal import Values

/// Changing one's password, and getting a new one.
struct PasswordRoutes: Sendable {
    let identity: Identity
    let session: RouteBuilder<Session>

    var routes: [Route] {
        [
            session.route(
                .put, "/v1/me/password",
                summary: "Change one's password; all other sessions end.", tag: "identity",
                parameters: [.pin],
                body: .object(
                    .required("old_password", Self.password),
                    .required("new_password", Self.password)),
                returns: .noContent("The new password works, and the owner was told."),
                refusals: [.passwordIncorrect, .passwordTooWeak(reason: "")].map {
                    Refused($0 as IdentityRejection)
                } + StepUpRoutes.asking, rate: .authentication, handler: change),
            .open(
                .post, "/v1/password_resets",
                summary: "Send a code for a new password, at most one a minute.",
                tag: "identity", body: .object(.required("to", Self.address, Self.addressText)),
                returns: Answer(
                    status: 202, schema: .object(.required("expires_in", .integer())),
                    description: "If the address belongs to a wallet, a code is on its way."),
                refusals: [.codeAddressInvalid, .tooManyAttempts(retryAfter: 0)].map {
                    Refused($0 as IdentityRejection)
                }, rate: .code, handler: order),
            .open(
                .post, "/v1/password_resets/completions",
                summary: "Set a new password with the code; all sessions end.", tag: "identity",
                body: .object(
                    .required("to", Self.address, Self.addressText),
                    .required("code", .string(min: 1, max: CodeRules.charactersMax)),
                    .required("new_password", Self.password)),
                returns: .noContent("The new password works, and the owner was told."),
                refusals: [
                    .codeAddressInvalid, .passwordTooWeak(reason: ""),
                    .codeIncorrect(triesLeft: 0), .codeExpired, .tooManyAttempts(retryAfter: 0),
                ].map { Refused($0 as IdentityRejection) }, rate: .authentication,
                handler: complete),
        ]
    }

    private static let password = Schema.string(min: 1, max: PasswordRules.scalarsMax)
    private static let address = Schema.string(min: 1, max: EmailAddress.charactersMax)
    private static let addressText = "A telephone number or an e-mail address."

    private func change(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.changePassword(
            from: request.text("old_password"), to: request.text("new_password"), by: session,
            Presence(request))
        return .empty()
    }

    private func order(_ request: Request) async throws -> Response {
        try await identity.orderPasswordReset(to: request.codeAddress(), from: request.origin)
        return .json(202) { $0.field("expires_in", CodeRules.secondsValid) }
    }

    private func complete(_ request: Request) async throws -> Response {
        try await identity.resetPassword(
            request.text("new_password"), at: request.codeAddress(), code: request.text("code"),
            from: request.origin)
        return .empty()
    }
}

extension Request {
    fileprivate func codeAddress() throws(IdentityRejection) -> CodeAddress {
        guard let address = CodeAddress(text("to")) else { throw .codeAddressInvalid }
        return address
    }
}
