import CSodium

/// Encrypts fields at rest, each purpose with its own keys derived from one master key.
///
/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its nonce is long enough to be random for ever.
/// The context (say, table and row id) is authenticated, so a sealed value moved elsewhere does not
/// open.
package struct SealingKey: Sendable {
    package static let masterBytes = 32

    /// The first byte of everything sealed, so that another scheme can follow this one.
    private static let version: UInt8 = 1
    private static let nonceBytes = 24
    private static let tagBytes = 16

    private final class Keys: Sendable {
        let sealing: Secret
        let indexing: Secret

        init(sealing: [UInt8], indexing: [UInt8]) {
            self.sealing = Secret(sealing)
            self.indexing = Secret(indexing)
        }
    }

    private let keys: Keys

    /// - Parameter master: 32 random bytes, kept outside the database.
    /// - Parameter purpose: what the key is for, such as `identity`; purposes share no key.
    package init(master: [UInt8], purpose: String) {
        precondition(master.count == Self.masterBytes, "a master key has 32 bytes")
        keys = Keys(
            sealing: Self.subkey(of: master, "florin seal 1 " + purpose),
            indexing: Self.subkey(of: master, "florin index 1 " + purpose))
    }

    /// Keyed BLAKE2b of the label: a pseudo-random function, so sub-keys tell nothing of each
    /// other.
    private static func subkey(of master: [UInt8], _ label: String) -> [UInt8] {
        let label = Array(label.utf8)
        return unsafe Sodium.bytes(32) { output in
            unsafe _ = crypto_generichash(
                output, 32, label, UInt64(label.count), master, master.count)
        }
    }

    /// Version, nonce, ciphertext and tag: 41 bytes longer than the plain text.
    package func seal(_ plain: [UInt8], context: [UInt8]) -> [UInt8] {
        let nonce = SecureRandom.bytes(Self.nonceBytes)
        let cipher = unsafe Sodium.bytes(plain.count + Self.tagBytes) { output in
            unsafe keys.sealing.withUnsafeBytes { key in
                unsafe _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    output, nil, plain, UInt64(plain.count), context, UInt64(context.count), nil,
                    nonce, key.bindMemory(to: UInt8.self).baseAddress!)
            }
        }
        return [Self.version] + nonce + cipher
    }

    /// Gives back what was sealed, or throws when a byte, the context or the key is not the same.
    package func open(_ sealed: [UInt8], context: [UInt8]) throws(SealingError) -> [UInt8] {
        let head = 1 + Self.nonceBytes
        guard sealed.count >= head + Self.tagBytes else { throw .damaged }
        guard sealed[0] == Self.version else { throw .unknownVersion }
        let (nonce, cipher) = (Array(sealed[1..<head]), Array(sealed[head...]))
        var isAuthentic = false
        // One byte more than needed, so that an empty plain text still has an address.
        let plain = unsafe Sodium.bytes(cipher.count - Self.tagBytes + 1) { output in
            unsafe output[cipher.count - Self.tagBytes] = 0
            unsafe keys.sealing.withUnsafeBytes { key in
                isAuthentic =
                    unsafe crypto_aead_xchacha20poly1305_ietf_decrypt(
                        output, nil, nil, cipher, UInt64(cipher.count), context,
                        UInt64(context.count), nonce, key.bindMemory(to: UInt8.self).baseAddress!)
                    == 0
            }
        }
        guard isAuthentic else { throw .damaged }
        return Array(plain.dropLast())
    }

    /// Finds equal texts without storing them: a keyed hash of 32 bytes, useless without the key.
    package func blindIndex(_ text: String) -> [UInt8] {
        let text = Array(text.utf8)
        return unsafe Sodium.bytes(Hash.bytesCount) { tag in
            unsafe keys.indexing.withUnsafeBytes { key in
                unsafe _ = crypto_auth_hmacsha256(
                    tag, text, UInt64(text.count), key.bindMemory(to: UInt8.self).baseAddress!)
            }
        }
    }
}

package enum SealingError: Error, Equatable {
    /// Too short, changed, sealed with another key, or for another context.
    case damaged
    case unknownVersion
}
