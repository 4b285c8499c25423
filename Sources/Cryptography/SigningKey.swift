import COpenSSL
import CSodium

/// A P-256 key pair that signs with ES256 (RFC 7518 section 3.4).
package struct SigningKey: Sendable {
    /// The RFC 7638 thumbprint of the public key, in base64url.
    package let kid: String

    /// The big-endian scalar, 32 bytes: a secret, to be sealed before it is stored.
    package let privateKey: [UInt8]

    /// The uncompressed point of X9.63: 0x04, x, y; 65 bytes.
    package let publicKey: [UInt8]

    private let key: OpenSSLKey

    package static func generate() -> SigningKey {
        while true {
            // A random scalar is out of range once in four thousand million.
            if let key = SigningKey(scalar: SecureRandom.bytes(32)) { return key }
        }
    }

    package init(privateKey raw: [UInt8]) throws(KeyError) {
        guard let key = SigningKey(scalar: raw) else { throw .notAKey }
        self = key
    }

    private init?(scalar: [UInt8]) {
        guard scalar.count == Int(FLORIN_P256_SCALAR_BYTES) else { return nil }
        var point = [UInt8](repeating: 0, count: VerifyingKey.bytesCount)
        guard let key = unsafe OpenSSLKey(florin_p256_private(scalar, &point)) else { return nil }
        self.key = key
        privateKey = scalar
        publicKey = point
        kid = VerifyingKey.thumbprint(x963: point)
    }

    /// The signature of the message's SHA-256 as r || s, 64 bytes.
    package func sign(_ message: [UInt8]) -> [UInt8] {
        unsafe Sodium.bytes(VerifyingKey.signatureBytes) { signature in
            let isSigned = unsafe florin_es256_sign(
                key.pointer, message, message.count, signature)
            precondition(isSigned == 1, "signing with a valid key only fails without memory")
        }
    }

    package var verifyingKey: VerifyingKey { VerifyingKey(point: publicKey, key: key) }
}

/// The public half: checks signatures and can sign nothing.
package struct VerifyingKey: Sendable {
    package static let bytesCount = 65
    package static let signatureBytes = 64

    package let x963: [UInt8]
    package let kid: String

    private let key: OpenSSLKey

    package init(x963: [UInt8]) throws(KeyError) {
        guard x963.count == Self.bytesCount, x963[0] == 4,
            let key = unsafe OpenSSLKey(florin_p256_public(x963))
        else { throw .notAKey }
        self.init(point: x963, key: key)
    }

    fileprivate init(point: [UInt8], key: OpenSSLKey) {
        x963 = point
        kid = Self.thumbprint(x963: point)
        self.key = key
    }

    package func isValid(signature raw: [UInt8], for message: [UInt8]) -> Bool {
        guard raw.count == Self.signatureBytes else { return false }
        return unsafe florin_es256_verify(key.pointer, message, message.count, raw) == 1
    }

    /// A signature in DER, as WebAuthn and X.509 have it.
    func isValid(derSignature: [UInt8], for message: [UInt8]) -> Bool {
        key.isValid(signature: derSignature, forSHA256Of: message)
    }

    /// The coordinates as a JSON Web Key (RFC 7517) wants them.
    package var coordinates: (x: String, y: String) { Self.coordinates(x963) }

    /// RFC 7638: SHA-256 of the key's required members in alphabetical order.
    static func thumbprint(x963: [UInt8]) -> String {
        let (x, y) = coordinates(x963)
        let members = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        return Base64URL.encode(Hash.sha256(members))
    }

    private static func coordinates(_ x963: [UInt8]) -> (x: String, y: String) {
        (Base64URL.encode(Array(x963[1..<33])), Base64URL.encode(Array(x963[33...])))
    }
}

package enum KeyError: Error, Equatable {
    /// Wrong length, not on the curve, or out of range.
    case notAKey
}
