package import Values

/// Access tokens: JSON Web Tokens (RFC 7519) signed with ES256, and nothing else.
///
/// Florin reads only tokens that Florin wrote, and parses their claims only after the signature has
/// been found good.
package enum JWT {
    private static let type = "JWT"
    /// How far another server's clock may run ahead of ours.
    static let clockSkewSecondsMax: Int64 = 5

    package struct Claims: Sendable, Equatable {
        package let subject: String
        package let session: String
        /// Seconds precision: a fraction does not survive the token.
        package let issuedAt: Timestamp
        package let expiresAt: Timestamp
        package let issuer: String
        package let audience: String
        package let role: String

        package init(
            subject: String, session: String, issuedAt: Timestamp, expiresAt: Timestamp,
            issuer: String, audience: String, role: String
        ) {
            self.subject = subject
            self.session = session
            self.issuedAt = issuedAt
            self.expiresAt = expiresAt
            self.issuer = issuer
            self.audience = audience
            self.role = role
        }
    }

    package static func sign(_ claims: Claims, with key: SigningKey) -> String {
        sign(payload: claims.encoded(), with: key)
    }

    static func sign(payload: [UInt8], with key: SigningKey) -> String {
        JWS.sign(payload, type: type, with: key)
    }

    /// The claims of a token that one of `keys` signed, for this audience, and that is valid `now`.
    ///
    /// - Parameter keys: the keys in use, by their `kid`.
    package static func verify(
        _ token: String, keys: [String: VerifyingKey], issuer: String, audience: String,
        now: Timestamp
    ) throws(JWTError) -> Claims {
        try Claims.verified(
            token, type: type, keys: keys, issuer: issuer, audience: audience, now: now)
    }
}

/// What the claims of every kind of token have.
protocol TokenClaims {
    var issuer: String { get }
    var audience: String { get }
    var issuedAt: Timestamp { get }
    var expiresAt: Timestamp { get }

    init?(encoded bytes: [UInt8])
}

extension TokenClaims {
    /// The claims of a token of this type that one of `keys` signed, for this audience, and that is
    /// valid `now`.
    static func verified(
        _ token: String, type: String, keys: [String: VerifyingKey], issuer: String,
        audience: String, now: Timestamp
    ) throws(JWTError) -> Self {
        let payload = try JWS.verify(token, type: type, keys: keys)
        guard let claims = Self(encoded: payload) else { throw .malformed }
        guard claims.issuer == issuer else { throw .otherIssuer }
        guard claims.audience == audience else { throw .otherAudience }
        guard claims.issuedAt <= now.adding(seconds: JWT.clockSkewSecondsMax) else {
            throw .issuedInFuture
        }
        guard now < claims.expiresAt else { throw .expired }
        return claims
    }

    /// One object of these texts, then the times, always in this order of names.
    func object(_ texts: [(name: String, value: String)]) -> [UInt8] {
        precondition(texts.allSatisfy { FlatJSON.isPlain($0.value) }, "claims are plain ASCII")
        let fields = texts.map { #""\#($0.name)":"\#($0.value)""# }
        let (issued, expires) = (
            issuedAt.microseconds / 1_000_000, expiresAt.microseconds / 1_000_000
        )
        let text = "{" + fields.joined(separator: ",") + #","iat":\#(issued),"exp":\#(expires)}"#
        return Array(text.utf8)
    }
}

/// Every reason to refuse a token, in the order of checking.
package enum JWTError: Error, Equatable, CaseIterable {
    case tooLong
    case malformed
    /// Another algorithm, another type, or a key that is not in use.
    case unknownHeader
    case wrongSignature
    case otherIssuer
    case otherAudience
    case issuedInFuture
    case expired
}

extension JWT.Claims: TokenClaims {
    func encoded() -> [UInt8] {
        object([
            ("iss", issuer), ("sub", subject), ("aud", audience), ("sid", session), ("role", role),
        ])
    }

    /// Wants exactly the seven claims, each once, and nothing else.
    init?(encoded bytes: [UInt8]) {
        guard var fields = FlatJSON.object(bytes), fields.count == 7,
            case .text(let issuer) = fields.removeValue(forKey: "iss"),
            case .text(let subject) = fields.removeValue(forKey: "sub"),
            case .text(let audience) = fields.removeValue(forKey: "aud"),
            case .text(let session) = fields.removeValue(forKey: "sid"),
            case .text(let role) = fields.removeValue(forKey: "role"),
            case .integer(let issued) = fields.removeValue(forKey: "iat"),
            case .integer(let expires) = fields.removeValue(forKey: "exp")
        else { return nil }
        self.init(
            subject: subject, session: session,
            issuedAt: Timestamp(microseconds: issued * 1_000_000),
            expiresAt: Timestamp(microseconds: expires * 1_000_000), issuer: issuer,
            audience: audience, role: role)
    }
}
