import COpenSSL
import CSodium

/// The public key of a passkey, as authenticators write it: a COSE_Key (RFC 9052 section 7).
package struct COSEKey: Sendable {
    /// What may sign, by the numbers of IANA's COSE register, in the order in which Florin asks
    /// for it.
    package enum Algorithm: Int64, Sendable, CaseIterable {
        /// ECDSA on P-256 with SHA-256: what nearly every authenticator has.
        case es256 = -7
        /// Ed25519.
        case edDSA = -8
        /// RSA of 2048 to 4096 bits, PKCS #1 v1.5, with SHA-256: older machines with a TPM.
        case rs256 = -257
    }

    package let algorithm: Algorithm
    private let key: Key

    private enum Key: Sendable {
        case p256(VerifyingKey)
        case ed25519([UInt8])
        case rsa(OpenSSLKey)
    }

    static let rsaBytes = 256...512
    /// 65537, the only exponent in use.
    private static let rsaExponent: [UInt8] = [1, 0, 1]
    private static let ed25519Bytes = 32
    private static let coordinateBytes = 32

    /// The labels of RFC 9053 and RFC 8230.
    private enum Label {
        static let keyType: Int64 = 1
        static let algorithm: Int64 = 3
        static let curve: Int64 = -1
        static let x: Int64 = -2
        static let y: Int64 = -3
        static let modulus: Int64 = -1
        static let exponent: Int64 = -2
    }

    package init(parsing bytes: [UInt8]) throws(WebAuthnError) {
        do { try self.init(CBOR(parsing: bytes)) } catch let error as WebAuthnError {
            throw error
        } catch { throw .keyMalformed }
    }

    init(_ item: CBOR) throws(WebAuthnError) {
        guard let members = item.members, let kind = item[Label.keyType]?.integer,
            let number = item[Label.algorithm]?.integer
        else { throw .keyMalformed }
        guard let algorithm = Algorithm(rawValue: number) else { throw .algorithmNotAllowed }
        self.algorithm = algorithm
        switch algorithm {
        case .es256:
            guard kind == 2, members.count == 5 else { throw .keyMalformed }
            key = .p256(try Self.p256(item))
        case .edDSA:
            guard kind == 1, members.count == 4 else { throw .keyMalformed }
            key = .ed25519(try Self.ed25519(item))
        case .rs256:
            guard kind == 3, members.count == 4 else { throw .keyMalformed }
            key = .rsa(try Self.rsa(item))
        }
    }

    package func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
        switch key {
        case .p256(let key): return key.isValid(derSignature: signature, for: message)
        case .rsa(let key): return key.isValid(signature: signature, forSHA256Of: message)
        case .ed25519(let key):
            guard signature.count == Int(crypto_sign_BYTES) else { return false }
            Sodium.start()
            // Refuses keys of small order and signatures that are not in their one right form.
            return unsafe crypto_sign_verify_detached(
                signature, message, UInt64(message.count), key) == 0
        }
    }

    // MARK: Kinds

    private static func p256(_ item: CBOR) throws(WebAuthnError) -> VerifyingKey {
        guard item[Label.curve]?.integer == 1, let x = item[Label.x]?.bytes,
            let y = item[Label.y]?.bytes, x.count == coordinateBytes, y.count == coordinateBytes
        else { throw .keyMalformed }
        do { return try VerifyingKey(x963: [4] + x + y) } catch { throw .keyMalformed }
    }

    private static func ed25519(_ item: CBOR) throws(WebAuthnError) -> [UInt8] {
        guard item[Label.curve]?.integer == 6, let x = item[Label.x]?.bytes,
            x.count == ed25519Bytes
        else { throw .keyMalformed }
        return x
    }

    private static func rsa(_ item: CBOR) throws(WebAuthnError) -> OpenSSLKey {
        guard let modulus = item[Label.modulus]?.bytes, rsaBytes.contains(modulus.count),
            modulus[0] >= 0x80, item[Label.exponent]?.bytes == rsaExponent,
            let key = unsafe OpenSSLKey(florin_rsa_public(modulus, modulus.count))
        else { throw .keyMalformed }
        return key
    }
}
