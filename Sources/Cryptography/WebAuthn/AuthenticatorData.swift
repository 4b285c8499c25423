/// What an authenticator says about itself and the person before it: section 6.1.
package struct AuthenticatorData: Sendable {
    package let relyingPartyHash: [UInt8]
    package let isUserPresent: Bool
    package let isUserVerified: Bool
    /// 0 for the many authenticators that do not count.
    package let signCount: UInt32
    package let credential: Credential?

    /// A key pair just made: section 6.5.1.
    package struct Credential: Sendable {
        package let id: [UInt8]
        package let key: COSEKey
        /// As it came, to be stored.
        package let keyBytes: [UInt8]
    }

    /// At least 100 random bits, as section 4 wants it, and at most what section 7.1 of the next
    /// level accepts.
    package static let credentialBytes = 16...1023

    private enum Flag {
        static let userPresent: UInt8 = 0x01
        static let userVerified: UInt8 = 0x04
        static let backupEligible: UInt8 = 0x08
        static let backedUp: UInt8 = 0x10
        static let hasCredential: UInt8 = 0x40
        static let hasExtensions: UInt8 = 0x80
    }

    private static let hashBytes = 32
    private static let headBytes = 37
    private static let modelBytes = 16

    package init(parsing bytes: [UInt8]) throws(WebAuthnError) {
        guard (Self.headBytes...CBOR.bytesMax).contains(bytes.count) else {
            throw .authenticatorDataMalformed
        }
        let flags = bytes[Self.hashBytes]
        relyingPartyHash = Array(bytes[..<Self.hashBytes])
        isUserPresent = flags & Flag.userPresent != 0
        isUserVerified = flags & Flag.userVerified != 0
        signCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        // What cannot be copied has no copy.
        guard flags & Flag.backedUp == 0 || flags & Flag.backupEligible != 0 else {
            throw .authenticatorDataMalformed
        }
        var end = Self.headBytes
        credential =
            flags & Flag.hasCredential == 0 ? nil : try Self.credential(in: bytes, endingAt: &end)
        if flags & Flag.hasExtensions != 0 { end = try Self.extensions(in: bytes, from: end) }
        guard end == bytes.count else { throw .authenticatorDataMalformed }
    }

    private static func credential(
        in bytes: [UInt8], endingAt end: inout Int
    ) throws(WebAuthnError) -> Credential {
        let start = headBytes + modelBytes + 2
        guard bytes.count > start else { throw .authenticatorDataMalformed }
        let count = Int(bytes[start - 2]) << 8 | Int(bytes[start - 1])
        guard credentialBytes.contains(count), bytes.count > start + count else {
            throw .authenticatorDataMalformed
        }
        let item: CBOR
        do { (item, end) = try CBOR.first(in: bytes, from: start + count) } catch {
            throw .keyMalformed
        }
        return Credential(
            id: Array(bytes[start..<start + count]), key: try COSEKey(item),
            keyBytes: Array(bytes[(start + count)..<end]))
    }

    /// None was asked for, so whatever is said is passed over; it must only be well-formed.
    private static func extensions(
        in bytes: [UInt8], from start: Int
    ) throws(WebAuthnError) -> Int {
        do {
            let (item, end) = try CBOR.first(in: bytes, from: start)
            guard item.members != nil else { throw WebAuthnError.authenticatorDataMalformed }
            return end
        } catch { throw .authenticatorDataMalformed }
    }
}
