import CSodium

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its nonce is long enough to be random for ever.
///
/// The context (say, whose field it is) is authenticated, so a sealed value that was moved
/// elsewhere does not open.
enum Sealing {
    static let nonceBytes = 24
    static let tagBytes = 16
    /// What a sealed value is longer than the plain one.
    static let overheadBytes = nonceBytes + tagBytes

    /// Nonce, ciphertext and tag.
    static func seal(_ plain: [UInt8], _ key: borrowing Secret, context: [UInt8]) -> [UInt8] {
        let nonce = SecureRandom.bytes(nonceBytes)
        let cipher = unsafe Sodium.bytes(plain.count + tagBytes) { output in
            unsafe key.withUnsafeBytes { key in
                unsafe _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    output, nil, plain, UInt64(plain.count), context, UInt64(context.count), nil,
                    nonce, key.bindMemory(to: UInt8.self).baseAddress!)
            }
        }
        return nonce + cipher
    }

    /// Gives back what was sealed, or throws when a byte, the context or the key is not the same.
    static func open(
        _ sealed: ArraySlice<UInt8>, _ key: borrowing Secret, context: [UInt8]
    ) throws(SealingError) -> [UInt8] {
        guard sealed.count >= overheadBytes else { throw .damaged }
        let (nonce, cipher) = (
            Array(sealed.prefix(nonceBytes)), Array(sealed.dropFirst(nonceBytes))
        )
        var isAuthentic = false
        // One byte more than needed, so that an empty plain text still has an address.
        let plain = unsafe Sodium.bytes(cipher.count - tagBytes + 1) { output in
            unsafe output[cipher.count - tagBytes] = 0
            unsafe key.withUnsafeBytes { key in
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
}

package enum SealingError: Error, Equatable {
    /// Too short, changed, sealed with another key, or for another context.
    case damaged
    case unknownVersion
}
