internal import HTTP
internal import Values

/// How log-ins and sessions look on the wire.
enum SessionWire {
    static let deviceName = Schema.string(min: 1, max: DeviceRules.nameCharactersMax)
    static let deviceMeaning =
        "Keep it and send it with the next log-in of this person, which then needs no second step."

    static let challenge = Parameter.path("challenge", .string(min: 1, max: 64))

    static let logIn = Schema.object(
        .required("login", .string(min: 1, max: EmailAddress.charactersMax)),
        .required("password", .string(min: 1, max: 256)),
        .optional(
            "device", .string(max: DeviceRules.tokenCharactersMax),
            "What an earlier log-in on this device gave."),
        .optional("device_name", deviceName, "What the person calls this device."), mode, cookie)

    private static let mode = Schema.Field.optional(
        "mode", .enumeration(SessionMode.names),
        "Strict: it ends with the visit. The person's setting by default.")
    private static let cookie = Schema.Field.optional(
        "cookie", .boolean, "Whether a browser shall hold the session in a cookie.")

    static let passkeyLogIn = Schema.object(
        .required("assertion", PasskeyWire.assertion), .optional("device_name", deviceName), mode,
        cookie)

    static let settings = Schema.object(.required("mode", .enumeration(SessionMode.names)))

    static let answer = Schema.object(
        .required("method", .enumeration(SecondStep.Method.allCases.map(\.rawValue))),
        .optional(
            "code", .string(min: 1, max: SecondFactorRules.codeCharactersMax),
            "With every method but passkey."),
        .optional("assertion", PasskeyWire.assertion, "With passkey."))

    private static let tokenFields: [Schema.Field] = [
        .required("access_token", .string(max: 4096)), .required("refresh_token", .string()),
        .required("token_type", .enumeration(["Bearer"])), .required("expires_in", .integer()),
    ]

    static let tokens = Schema.object(tokenFields)

    static let session = Schema.object(
        .optional("access_token", .string(max: 4096), "Unless a cookie holds the session."),
        .optional("refresh_token", .string()),
        .optional("token_type", .enumeration(["Bearer"])),
        .optional("csrf_token", .string(), "With a cookie: to be sent as X-CSRF-Token."),
        .required("expires_in", .integer()), .required("mode", .enumeration(SessionMode.names)),
        .optional("device", .string(), deviceMeaning),
        .optional(
            "password_change_advised", .boolean,
            "True where the password is easy to guess or known from a breach."),
        .required("user", Wire.user))

    static let listed = Schema.named(
        "Session",
        .object(
            .required("id", .uuid), .required("name", .string()),
            .required("mode", .enumeration(SessionMode.allCases.map(\.rawValue))),
            .required("is_current", .boolean),
            .required("address", .nullable(.string()), "From where the log-in came."),
            .required("created_at", .timestamp), .required("last_seen_at", .timestamp),
            .required("expires_at", .timestamp)))

    // MARK: Reading

    static func secondStep(_ request: Request) throws -> SecondStep {
        let method = SecondStep.Method(rawValue: request.text("method"))
        switch method {
        case .smsCode, nil: return .smsCode(try code(request))
        case .totp: return .factor(.totp(try code(request)))
        case .recoveryCode: return .factor(.recoveryCode(try code(request)))
        case .passkey:
            return .passkey(try PasskeyAssertion(try member("assertion", of: request)))
        }
    }

    private static func code(_ request: Request) throws -> String {
        try member("code", of: request).string ?? ""
    }

    /// What one method takes and another does not.
    private static func member(_ name: String, of request: Request) throws -> JSON {
        guard let value = request.json[name] else {
            throw Problem.invalidRequest(
                "The \(name) is required.",
                facts: [Fact("field", "/\(name)"), Fact("reason", "is required")])
        }
        return value
    }

    // MARK: Writing

    static func response(
        _ opened: OpenedSession, to request: Request, isSandbox: Bool
    ) -> Response {
        let fields = opened.cookie?.fields(for: request, isSandbox: isSandbox) ?? []
        return .json(201, headers: fields) { body in
            if let cookie = opened.cookie {
                body.field("csrf_token", cookie.csrfToken)
                body.field("expires_in", opened.tokens.expiresIn)
            } else {
                write(opened.tokens, &body)
            }
            body.field("mode", opened.mode.rawValue)
            if let device = opened.device { body.field("device", device) }
            if opened.user.isPasswordAdvised { body.field("password_change_advised", true) }
            body.object("user") { Wire.write(opened.user, &$0) }
        }
    }

    static func write(_ session: ListedSession, _ writer: inout JSONWriter) {
        writer.field("id", session.id)
        writer.field("name", session.name)
        writer.field("mode", session.mode.rawValue)
        writer.field("is_current", session.isCurrent)
        writer.field("address", session.address)
        writer.field("created_at", session.createdAt)
        writer.field("last_seen_at", session.seenAt)
        writer.field("expires_at", session.expiresAt)
    }

    static func write(_ tokens: SessionTokens, _ writer: inout JSONWriter) {
        writer.field("access_token", tokens.accessToken)
        writer.field("refresh_token", tokens.refreshToken)
        writer.field("token_type", "Bearer")
        writer.field("expires_in", tokens.expiresIn)
    }
}
