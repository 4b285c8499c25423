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
        .optional("device_name", deviceName, "What the person calls this device."))

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
        tokenFields + [
            .optional("device", .string(), deviceMeaning), .required("user", Wire.user),
        ])

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

    static func response(_ opened: OpenedSession) -> Response {
        .json(201) { body in
            write(opened.tokens, &body)
            if let device = opened.device { body.field("device", device) }
            body.object("user") { Wire.write(opened.user, &$0) }
        }
    }

    static func write(_ tokens: SessionTokens, _ writer: inout JSONWriter) {
        writer.field("access_token", tokens.accessToken)
        writer.field("refresh_token", tokens.refreshToken)
        writer.field("token_type", "Bearer")
        writer.field("expires_in", tokens.expiresIn)
    }
}
