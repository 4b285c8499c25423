import CSodium

/// A secret that a PIN opens: Argon2id (RFC 9106) makes the key of the PIN, XChaCha20-Poly1305
/// seals with it.
///
/// A PIN has few guesses in it. What each costs is all that stands between a stolen file and its
/// secret, so the costs are stored beside it and may rise later.
package struct PinSealed: Equatable, Sendable {
    package static let saltBytes = Int(crypto_pwhash_argon2id_SALTBYTES)
    /// RFC 9106's second recommendation, 64 MiB and three passes: about a fifth of a second.
    package static let memoryKiBDefault = 64 * 1024
    package static let passesDefault = 3
    /// What a damaged or a planted file may ask of this machine.
    package static let memoryKiBMax = 1024 * 1024
    package static let passesMax = 16

    package let memoryKiB: Int
    package let passes: Int
    package let salt: [UInt8]
    package let sealed: [UInt8]

    /// Nil when the costs are beyond what may be asked of a machine.
    package init?(memoryKiB: Int, passes: Int, salt: [UInt8], sealed: [UInt8]) {
        guard (8...Self.memoryKiBMax).contains(memoryKiB), (1...Self.passesMax).contains(passes),
            salt.count == Self.saltBytes
        else { return nil }
        self.memoryKiB = memoryKiB
        self.passes = passes
        self.salt = salt
        self.sealed = sealed
    }

    /// - Parameter context: what the secret is for; it opens for nothing else.
    package static func seal(
        _ secret: [UInt8], pin: String, context: [UInt8], memoryKiB: Int = memoryKiBDefault,
        passes: Int = passesDefault
    ) throws(Failure) -> PinSealed {
        let salt = SecureRandom.bytes(saltBytes)
        let key = try key(pin, salt, memoryKiB, passes)
        guard
            let sealed = PinSealed(
                memoryKiB: memoryKiB, passes: passes, salt: salt,
                sealed: Sealing.seal(secret, key, context: context))
        else { preconditionFailure("the costs are ours") }
        return sealed
    }

    package func open(pin: String, context: [UInt8]) throws(Failure) -> [UInt8] {
        let key = try Self.key(pin, salt, memoryKiB, passes)
        do throws(SealingError) {
            return try Sealing.open(sealed[...], key, context: context)
        } catch { throw .pinIncorrect }
    }

    package enum Failure: Error, Equatable {
        /// Or what was sealed is not what it was.
        case pinIncorrect
        /// Argon2 fails only when it gets no memory.
        case outOfMemory
    }

    private static func key(
        _ pin: String, _ salt: [UInt8], _ memoryKiB: Int, _ passes: Int
    ) throws(Failure) -> Secret {
        var status: Int32 = -1
        let bytes = unsafe Sodium.bytes(Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)) { key in
            unsafe key.initialize(
                repeating: 0, count: Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES))
            status = unsafe crypto_pwhash(
                key, UInt64(crypto_aead_xchacha20poly1305_ietf_KEYBYTES), pin,
                UInt64(pin.utf8.count), salt, UInt64(passes), memoryKiB * 1024,
                crypto_pwhash_ALG_ARGON2ID13)
        }
        guard status == 0 else { throw .outOfMemory }
        return Secret(bytes)
    }
}
