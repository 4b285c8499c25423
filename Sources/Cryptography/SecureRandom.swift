import CSodium

/// Randomness of the operating system, for keys, codes and tokens.
package enum SecureRandom {
    /// Bytes of entropy in a token: as many as a SHA-256 of it can keep.
    static let tokenBytes = 32

    package static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0)
        guard count > 0 else { return [] }
        return unsafe Sodium.bytes(count) { unsafe randombytes_buf($0, count) }
    }

    /// Decimal digits, each equally likely, leading zeros included: a code for an SMS.
    package static func digits(_ count: Int) -> String {
        Sodium.start()
        let digits = (0..<count).map { _ in UInt8(ascii: "0") + UInt8(randombytes_uniform(10)) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// A bearer token: 32 random bytes in base64url, 43 characters.
    package static func token() -> String {
        Base64URL.encode(bytes(tokenBytes))
    }
}
