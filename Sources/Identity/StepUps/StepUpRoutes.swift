internal import HTTP
internal import Values

/// Showing that it is you, before something weighty.
struct StepUpRoutes: Sendable {
    let identity: Identity
    let session: RouteBuilder<Session>

    /// What routes say that ask for it.
    static let asking: [Refused] = [
        .stepUpRequired([]), .pinIncorrect(triesLeft: 0), .tooManyAttempts(retryAfter: 0),
    ].map { Refused($0 as IdentityRejection) }

    var routes: [Route] {
        [
            session.route(
                .post, "/v1/sessions/current/step_up_challenges",
                summary: "What the browser needs to show a passkey.", tag: "identity",
                returns: .created(PasskeyWire.request),
                refusals: [Refused(IdentityRejection.passkeyNotFound)], handler: challenge),
            session.route(
                .post, "/v1/sessions/current/step_ups",
                summary: "Show that it is you, for five minutes: with one of these.",
                tag: "identity", body: Self.proof,
                returns: .created(
                    .object(
                        .required("method", .enumeration(StepUpMethod.allCases.map(\.rawValue))),
                        .required("expires_at", .timestamp))),
                refusals: Self.refused, rate: .authentication, handler: stepUp),
        ]
    }

    private static let proof = Schema.object(
        .optional("pin", .pin),
        .optional("assertion", PasskeyWire.assertion, "Of a passkey."),
        .optional(
            "totp", .string(min: 1, max: SecondFactorRules.codeCharactersMax),
            "What the authenticator app shows."),
        .optional(
            "password", .string(min: 1, max: PasswordRules.scalarsMax),
            "Of who has none of the others; it allows no payment."))

    private static let refused: [Refused] = [
        .pinNotSet, .pinIncorrect(triesLeft: 0), .passkeyInvalid(reason: ""),
        .passkeyChallengeExpired, .passkeyUnknown, .passkeySuspended, .totpNotFound,
        .secondFactorIncorrect(triesLeft: 0), .passwordIncorrect, .stepUpRequired([]),
        .tooManyAttempts(retryAfter: 0),
    ].map { Refused($0 as IdentityRejection) }

    private func challenge(_ request: Request, _ session: Session) async throws -> Response {
        let (challenge, known) = try await identity.stepUpChallenge(for: session)
        return .json(201) {
            PasskeyWire.write(challenge, known: known, for: identity.relyingParty, &$0)
        }
    }

    private func stepUp(_ request: Request, _ session: Session) async throws -> Response {
        let proof = try request.stepUpProof
        let expiresAt = try await identity.stepUp(session, with: proof, from: request.origin)
        return .json(201) { body in
            body.field("method", proof.method.rawValue)
            body.field("expires_at", "\(expiresAt)")
        }
    }
}

extension Request {
    fileprivate var stepUpProof: StepUpProof {
        get throws {
            var proofs: [StepUpProof] = []
            if let text = json["pin"]?.string, let pin = Pin(text) { proofs.append(.pin(pin)) }
            if let assertion = json["assertion"] {
                proofs.append(.passkey(try PasskeyAssertion(assertion)))
            }
            if let code = json["totp"]?.string { proofs.append(.totp(code)) }
            if let password = json["password"]?.string { proofs.append(.password(password)) }
            guard let proof = proofs.first, proofs.count == 1 else {
                throw Problem.invalidRequest("Send one of pin, assertion, totp and password.")
            }
            return proof
        }
    }
}
