package import HTTP
internal import Values

/// Sign-up, verification, log-in and oneself.
package struct IdentityRoutes: Sendable {
    private let identity: Identity
    private let session: RouteBuilder<Session>

    package init(_ identity: Identity) {
        self.identity = identity
        session = identity.sessionRoutes
    }

    package var routes: [Route] {
        people + SessionRoutes(identity: identity, session: session).routes
            + PasswordRoutes(identity: identity, session: session).routes
            + PinRoutes(identity: identity, session: session).routes
            + StepUpRoutes(identity: identity, session: session).routes
    }

    private var people: [Route] {
        [
            .open(
                .post, "/v1/users", summary: "Sign up; a code is sent to the telephone number.",
                tag: "identity", body: Wire.signUp, returns: .created(Wire.user),
                refusals: Wire.refused([
                    .phoneInvalid, .usernameInvalid, .emailInvalid,
                    .passwordTooWeak(reason: ""), .phoneTaken, .usernameTaken, .emailTaken,
                ]), rate: .code, handler: signUp),
            .open(
                .post, "/v1/phone_verifications",
                summary: "Prove the telephone number with the code.", tag: "identity",
                body: Wire.verification, returns: .created(Wire.verified),
                refusals: Wire.refused([
                    .phoneInvalid, .codeIncorrect(triesLeft: 0), .codeExpired, .alreadyVerified,
                    .tooManyAttempts(retryAfter: 0),
                ]), rate: .authentication, handler: verify),
            .open(
                .post, "/v1/phone_codes", summary: "Send a new code, at most one a minute.",
                tag: "identity", body: .object(.required("phone", Wire.phone)),
                returns: Answer(
                    status: 202, schema: .object(.required("expires_in", .integer())),
                    description: "If the number awaits verification, a code is on its way."),
                refusals: Wire.refused([.phoneInvalid, .tooManyAttempts(retryAfter: 0)]),
                rate: .code, handler: resend),
            session.route(
                .get, "/v1/me", summary: "Oneself.", tag: "identity", returns: .ok(Wire.user),
                handler: me),
        ]
    }

    // MARK: Handlers

    private func signUp(_ request: Request) async throws -> Response {
        let user = try await identity.signUp(
            phone: request.text("phone"), username: request.text("username"),
            password: request.text("password"), email: request.json["email"]?.string,
            from: request.origin)
        return .json(201) { Wire.write(user, &$0) }
    }

    private func verify(_ request: Request) async throws -> Response {
        let (user, device) = try await identity.verifyPhone(
            request.text("phone"), code: request.text("code"),
            deviceName: request.json["device_name"]?.string, from: request.origin)
        return .json(201) {
            Wire.write(user, &$0)
            $0.field("device", device)
        }
    }

    private func resend(_ request: Request) async throws -> Response {
        try await identity.resendCode(
            to: request.text("phone"), from: request.origin)
        return .json(202) { $0.field("expires_in", CodeRules.secondsValid) }
    }

    private func me(_ request: Request, _ session: Session) async throws -> Response {
        guard let user = try await identity.user(session.user) else {
            throw IdentityRejection.sessionInvalid
        }
        return .json { Wire.write(user, &$0) }
    }
}

extension Request {
    /// A required text member of the body, which the route's schema has already checked.
    package func text(_ name: String) -> String {
        guard let text = json[name]?.string else {
            preconditionFailure("the route's schema must require the text \(name)")
        }
        return text
    }
}

// MARK: Wire

enum Wire {
    static let phone = Schema.string(min: 1, max: 32)

    static let signUp = Schema.object(
        .required("phone", phone, "E.164, such as +254712345678."),
        .required("username", .string(min: 1, max: 64)),
        .required("password", .string(min: 1, max: 256)),
        .optional("email", .string(min: 3, max: EmailAddress.charactersMax, format: .email)))

    static let verification = Schema.object(
        .required("phone", phone),
        .required("code", .string(min: 1, max: CodeRules.charactersMax)),
        .optional("device_name", SessionWire.deviceName))

    static let user = Schema.named("User", .object(userFields))

    private static let userFields: [Schema.Field] = [
        .required("id", .uuid), .required("username", .string()),
        .required("phone", .nullable(.string())), .required("email", .nullable(.string())),
        .required("role", .enumeration(Role.allCases.map(\.rawValue))),
        .required("phone_verified", .boolean),
        .required("plan", .enumeration(Plan.allCases.map(\.rawValue))),
        .required("kyc_tier", .integer(min: 0, max: 2)), .required("created_at", .timestamp),
        .required("email_verified", .boolean), .required("full_name", .nullable(.string())),
        .required("birth_date", .nullable(.string(max: 10))),
        .required("language", .nullable(.string(max: Language.charactersMax))),
    ]

    /// With the token of the device on which the number was proven.
    static let verified = Schema.object(
        userFields + [.required("device", .nullable(.string()), SessionWire.deviceMeaning)])

    static func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    static func write(_ user: User, _ writer: inout JSONWriter) {
        writer.field("id", user.id)
        writer.field("username", user.username.text)
        writer.field("phone", user.phone?.e164)
        writer.field("email", user.email?.text)
        writer.field("role", user.role.rawValue)
        writer.field("phone_verified", user.isVerified)
        writer.field("plan", user.standing.plan.rawValue)
        writer.field("kyc_tier", Int64(user.standing.tier.rawValue))
        writer.field("created_at", user.createdAt)
        writer.field("email_verified", user.isEmailProven)
        writer.field("full_name", user.fullName?.text)
        writer.field("birth_date", user.birthDate.map { "\($0)" })
        writer.field("language", user.language?.tag)
    }
}
