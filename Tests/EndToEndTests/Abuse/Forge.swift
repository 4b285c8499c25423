import HTTP
import Postgres
import TestSupport
import Testing
import Values

@testable import Cryptography
@testable import Identity

/// Everything that somebody could make tokens with who had got hold of the server's own key, and so
/// everything that others, who have not, could try.
struct Forge: Sendable {
    static let master = String(repeating: "5a", count: 32)

    /// The key that signs at the server.
    let key: SigningKey
    /// What the server itself said of this person.
    let claims: JWT.Claims
    let token: String

    init(_ person: Person, in database: TestDatabase) async throws {
        key = try await Self.signingKey(of: database)
        token = person.token
        let payload = try #require(
            Base64URL.decode(String(person.token.split(separator: ".")[1])))
        claims = try #require(JWT.Claims(encoded: payload))
    }

    /// What signs at a server of this database whose master key is `master`.
    static func signingKey(of database: TestDatabase) async throws -> SigningKey {
        let bytes = try #require(Hex.decode(master))
        let pool = database.pool()
        let stored = try await Vault.stored(
            in: pool, wrapping: KeyRing([bytes]).sealingKey(Vault.purpose))
        let vault = try #require(stored)
        return try await pool.read { transaction in
            let row = try transaction.query(
                """
                SELECT kid, private_sealed FROM identity.signing_keys
                ORDER BY created_at DESC LIMIT 1
                """)[0]
            let kid: String = try row[0]
            return try SigningKey(privateKey: vault.open(try row[1], named: kid))
        }
    }

    /// Seconds since 1970.
    var tomorrow: Int64 { claims.issuedAt.adding(seconds: 86_400).microseconds / 1_000_000 }

    // MARK: Claims

    /// Signed as the server signs, with something else said.
    func signed(
        subject: String? = nil, session: String? = nil, issuedAt: Int64 = 0, expiresAt: Int64 = 0,
        issuer: String? = nil, audience: String? = nil, role: String? = nil,
        with other: SigningKey? = nil
    ) -> String {
        let changed = JWT.Claims(
            subject: subject ?? claims.subject, session: session ?? claims.session,
            issuedAt: claims.issuedAt.adding(seconds: issuedAt),
            expiresAt: claims.expiresAt.adding(seconds: expiresAt),
            issuer: issuer ?? claims.issuer, audience: audience ?? claims.audience,
            role: role ?? claims.role)
        return JWT.sign(changed, with: other ?? key)
    }

    // MARK: Heads

    /// The claims under another header, signed over it with the server's key or with nothing.
    func under(_ header: String, signedBy sign: ([UInt8]) -> [UInt8]) -> String {
        let payload = token.split(separator: ".")[1]
        let text = Base64URL.encode(Array(header.utf8)) + "." + payload
        return text + "." + Base64URL.encode(sign(Array(text.utf8)))
    }

    func rightlySigned(_ text: [UInt8]) -> [UInt8] { key.sign(text) }

    /// An HMAC whose secret is what everybody knows.
    static func hmac(_ secret: [UInt8]) -> ([UInt8]) -> [UInt8] {
        { text in
            // RFC 2104 with SHA-256.
            let long = secret.count > 64 ? Hash.sha256(secret) : secret
            let padded = long + [UInt8](repeating: 0, count: 64 - long.count)
            let inner = Hash.sha256(padded.map { $0 ^ 0x36 } + text)
            return Hash.sha256(padded.map { $0 ^ 0x5C } + inner)
        }
    }

    /// The public key as a JSON Web Key, which is one form in which it is published.
    var publicJWK: String {
        let (x, y) = key.verifyingKey.coordinates
        return #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
    }
}
