import CSodium

/// SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104).
package enum Hash {
    /// Bytes in every result of this type.
    package static let bytesCount = 32

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        unsafe Sodium.bytes(bytesCount) { digest in
            unsafe crypto_hash_sha256(digest, bytes, UInt64(bytes.count))
        }
    }

    /// Of the text's UTF-8.
    package static func sha256(_ text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { utf8 in
            unsafe Sodium.bytes(bytesCount) { digest in
                unsafe crypto_hash_sha256(digest, utf8.baseAddress, UInt64(utf8.count))
            }
        }
    }

    /// The key may have any length.
    package static func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        unsafe Sodium.bytes(bytesCount) { tag in
            var state = crypto_auth_hmacsha256_state()
            unsafe crypto_auth_hmacsha256_init(&state, key, key.count)
            unsafe crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
            unsafe crypto_auth_hmacsha256_final(&state, tag)
            unsafe sodium_memzero(&state, MemoryLayout.size(ofValue: state))
        }
    }
}

/// Compares without telling by its duration where the difference is; the lengths are not secret.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe sodium_memcmp(left, right, left.count) == 0
}
