import HTTP

/// What a person shows besides the password.
public enum SecondFactor: Sendable {
    /// The six digits that an authenticator app shows now.
    case totp(String)
    case recoveryCode(String)

    var json: JSON {
        switch self {
        case .totp(let code): ["method": "totp", "code": .string(code)]
        case .recoveryCode(let code): ["method": "recovery_code", "code": .string(code)]
        }
    }
}

/// What is set up besides the password.
public struct SecondFactors: Sendable, Equatable {
    /// When the authenticator app was confirmed, in RFC 3339; nil when there is none.
    public let totpSince: String?
    public let recoveryCodesLeft: Int64
}

/// The secret of an authenticator app, which the server shows once.
public struct TotpSecret: Sendable {
    /// Base32, to type.
    public let secret: String
    /// `otpauth://`, for a QR code.
    public let uri: String
}

extension TotpSecret: CustomStringConvertible, CustomDebugStringConvertible {
    /// Says nothing, so that no log does.
    public var description: String { "TotpSecret(•••)" }
    public var debugDescription: String { description }
}

extension WalletClient {
    public func secondFactors() async throws -> SecondFactors {
        try await get("/v1/second_factors").read { fields throws(Fields.Missing) in
            SecondFactors(
                totpSince: fields.textOrNil("totp_since"),
                recoveryCodesLeft: try fields.integer("recovery_codes_left"))
        }
    }

    /// A secret for an authenticator app. It counts once `confirmTotp` has had a code of it.
    public func enrolTotp() async throws -> TotpSecret {
        try await post("/v1/totp").read { fields throws(Fields.Missing) in
            TotpSecret(secret: try fields.text("secret"), uri: try fields.text("uri"))
        }
    }

    /// Turns the app on, and answers the recovery codes, which are shown this once.
    public func confirmTotp(code: String) async throws -> [String] {
        try await recoveryCodes("/v1/totp/confirmations", ["code": .string(code)])
    }

    public func removeTotp(with factor: SecondFactor) async throws {
        _ = try await post("/v1/totp/removals", factor.json)
    }

    /// New recovery codes in place of the old ones.
    public func renewRecoveryCodes(with factor: SecondFactor) async throws -> [String] {
        try await recoveryCodes("/v1/recovery_codes", factor.json)
    }

    private func recoveryCodes(_ path: String, _ body: JSON) async throws -> [String] {
        try await post(path, body).read { fields throws(Fields.Missing) in
            try fields.texts("recovery_codes")
        }
    }
}
