/// Something to be verified: ECDSA P-256 over SHA-256 of `message`, the signature as r ‖ s
/// (IEEE P1363), the key compressed.
///
/// A check is data and not a call, because browsers verify asynchronously: whoever asks a rule
/// hands it a way to look the answers up.
package struct SignatureCheck: Equatable, Sendable {
    package let publicKey: [UInt8]
    package let message: [UInt8]
    package let signature: [UInt8]

    package static let signatureBytes = 64

    package init(publicKey: [UInt8], message: [UInt8], signature: [UInt8]) {
        self.publicKey = publicKey
        self.message = message
        self.signature = signature
    }
}

/// Tells whether a signature is good.
package typealias Verify = (SignatureCheck) -> Bool

/// An object that somebody signs: what is signed is its tag and its body.
package protocol SignedObject {
    static var tag: ObjectTag { get }
    /// Everything but the signature.
    var body: [UInt8] { get }
    var encoded: [UInt8] { get }
    var signature: [UInt8] { get set }
}

extension SignedObject {
    package var encoded: [UInt8] { body + signature }

    /// What the signature is over.
    package var message: [UInt8] { Self.tag.bytes + body }

    package var digest: Digest { SHA256.digest(message) }

    package var id: ObjectID { digest.id }

    package func check(by publicKey: [UInt8]) -> SignatureCheck {
        SignatureCheck(publicKey: publicKey, message: message, signature: signature)
    }

    package func signed(_ signature: [UInt8]) -> Self {
        precondition(signature.count == SignatureCheck.signatureBytes)
        var copy = self
        copy.signature = signature
        return copy
    }
}

/// In the place of a signature that is still to be made.
let unsigned = [UInt8](repeating: 0, count: SignatureCheck.signatureBytes)
