package import Values

/// Access tokens of programs: JSON Web Tokens of RFC 9068, signed with ES256.
///
/// Their type and their audience are not those of a person's session, and the header is compared as
/// a whole: neither can pass for the other.
package enum ClientJWT {
    static let type = "at+jwt"

    package struct Claims: Sendable, Equatable {
        /// Unique, as RFC 9068 §2.2 wants it.
        package let id: String
        package let client: String
        /// Which of the client's secrets the token was given for: it ends with it.
        package let secret: String
        package let scopes: [String]
        /// Seconds precision: a fraction does not survive the token.
        package let issuedAt: Timestamp
        package let expiresAt: Timestamp
        package let issuer: String
        package let audience: String

        package init(
            id: String, client: String, secret: String, scopes: [String], issuedAt: Timestamp,
            expiresAt: Timestamp, issuer: String, audience: String
        ) {
            self.id = id
            self.client = client
            self.secret = secret
            self.scopes = scopes
            self.issuedAt = issuedAt
            self.expiresAt = expiresAt
            self.issuer = issuer
            self.audience = audience
        }
    }

    package static func sign(_ claims: Claims, with key: SigningKey) -> String {
        JWS.sign(claims.encoded(), type: type, with: key)
    }

    /// Whether the text says of itself that it is one; by whom it was signed is not looked at.
    package static func isOne(_ token: String) -> Bool {
        guard token.utf8.count <= JWS.bytesMax,
            let header = Base64URL.decode(token.prefix { $0 != "." })
        else { return false }
        return String(decoding: header, as: UTF8.self).hasSuffix(#""typ":"\#(type)"}"#)
    }

    /// The claims of a token that one of `keys` signed, for this audience, and that is valid `now`.
    package static func verify(
        _ token: String, keys: [String: VerifyingKey], issuer: String, audience: String,
        now: Timestamp
    ) throws(JWTError) -> Claims {
        try Claims.verified(
            token, type: type, keys: keys, issuer: issuer, audience: audience, now: now)
    }
}

extension ClientJWT.Claims: TokenClaims {
    /// Nobody stands behind a program, so it is its own subject (RFC 9068 §2.2).
    func encoded() -> [UInt8] {
        object([
            ("iss", issuer), ("sub", client), ("aud", audience), ("client_id", client),
            ("jti", id), ("key", secret), ("scope", scopes.joined(separator: " ")),
        ])
    }

    /// Wants exactly the nine claims, each once, and nothing else.
    init?(encoded bytes: [UInt8]) {
        guard var fields = FlatJSON.object(bytes), fields.count == 9,
            case .text(let issuer) = fields.removeValue(forKey: "iss"),
            case .text(let subject) = fields.removeValue(forKey: "sub"),
            case .text(let audience) = fields.removeValue(forKey: "aud"),
            case .text(let client) = fields.removeValue(forKey: "client_id"),
            case .text(let id) = fields.removeValue(forKey: "jti"),
            case .text(let secret) = fields.removeValue(forKey: "key"),
            case .text(let scope) = fields.removeValue(forKey: "scope"),
            case .integer(let issued) = fields.removeValue(forKey: "iat"),
            case .integer(let expires) = fields.removeValue(forKey: "exp"), subject == client
        else { return nil }
        self.init(
            id: id, client: client, secret: secret,
            scopes: scope.split(separator: " ").map(String.init),
            issuedAt: Timestamp(microseconds: issued * 1_000_000),
            expiresAt: Timestamp(microseconds: expires * 1_000_000), issuer: issuer,
            audience: audience)
    }
}
