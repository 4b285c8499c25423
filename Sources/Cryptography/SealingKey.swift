import CSodium

/// Encrypts at rest, each purpose with its own keys derived from the operator's master keys.
package struct SealingKey: Sendable {
    /// The first byte of everything sealed, so that another scheme can follow this one.
    private static let version: UInt8 = 2
    /// Of values that do not name their key: each is tried.
    private static let versionUnnamed: UInt8 = 1
    private static let headBytes = 1 + KeyRing.Name.bytesCount
    /// What a sealed value is longer than the plain one.
    package static let overheadBytes = headBytes + Sealing.overheadBytes

    private final class Keys: Sendable {
        let name: KeyRing.Name
        let sealing: Secret
        let indexing: Secret

        init(_ master: [UInt8], _ purpose: String) {
            name = KeyRing.name(of: master)
            sealing = Secret(KeyRing.subkey(of: master, "florin seal 1 " + purpose))
            indexing = Secret(KeyRing.subkey(of: master, "florin index 1 " + purpose))
        }
    }

    /// The first seals, all of them open.
    private let keys: [Keys]

    init(masters: [[UInt8]], purpose: String) {
        keys = masters.map { Keys($0, purpose) }
    }

    /// Version, the key's name, nonce, ciphertext and tag.
    package func seal(_ plain: [UInt8], context: [UInt8]) -> [UInt8] {
        head + Sealing.seal(plain, keys[0].sealing, context: context)
    }

    /// Gives back what was sealed, or throws when a byte, the context or the key is not the same.
    package func open(_ sealed: [UInt8], context: [UInt8]) throws(SealingError) -> [UInt8] {
        guard let version = sealed.first else { throw .damaged }
        switch version {
        case Self.version:
            let name = KeyRing.Name(bytes: Array(sealed.dropFirst().prefix(Self.headBytes - 1)))
            guard let key = keys.first(where: { $0.name == name }) else { throw .damaged }
            return try Sealing.open(
                sealed.dropFirst(Self.headBytes), key.sealing, context: context)
        case Self.versionUnnamed:
            return try openUnnamed(sealed.dropFirst(), context: context)
        default: throw .unknownVersion
        }
    }

    private func openUnnamed(
        _ sealed: ArraySlice<UInt8>, context: [UInt8]
    ) throws(SealingError) -> [UInt8] {
        for key in keys.dropLast() {
            do { return try Sealing.open(sealed, key.sealing, context: context) } catch { continue }
        }
        return try Sealing.open(sealed, keys[keys.count - 1].sealing, context: context)
    }

    /// What everything begins with that the first key sealed: a query finds the rest by it.
    package var head: [UInt8] { [Self.version] + keys[0].name.bytes }

    /// Finds equal texts without storing them: a keyed hash of 32 bytes, useless without the key.
    package func blindIndex(_ text: String) -> [UInt8] { Self.index(text, keys[0]) }

    /// The index under each key: until a rotation is over, a row may have any of them.
    package func blindIndexes(_ text: String) -> [[UInt8]] { keys.map { Self.index(text, $0) } }

    private static func index(_ text: String, _ keys: Keys) -> [UInt8] {
        BlindIndex.make(text, keys.indexing)
    }
}

/// A keyed hash (HMAC-SHA256): equal texts have equal ones, and without the key it tells nothing.
enum BlindIndex {
    static func make(_ text: String, _ key: borrowing Secret) -> [UInt8] {
        let text = Array(text.utf8)
        return unsafe Sodium.bytes(Hash.bytesCount) { tag in
            unsafe key.withUnsafeBytes { key in
                unsafe _ = crypto_auth_hmacsha256(
                    tag, text, UInt64(text.count), key.bindMemory(to: UInt8.self).baseAddress!)
            }
        }
    }
}
