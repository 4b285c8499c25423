import CSodium

/// The operator's master keys: the first seals, and every one of them opens.
///
/// A new key is first added behind the one that seals, in every process, and then put before it:
/// so no process ever meets what it cannot open.
package struct KeyRing: Sendable {
    package static let keyBytes = 32
    /// A key that seals, the one before it, the one before that: more were never needed at once.
    package static let keysMax = 8

    /// The name of a key, which stands in everything that it sealed. Tells nothing of the key.
    package struct Name: Sendable, Hashable, CustomStringConvertible {
        package static let bytesCount = 4

        let bytes: [UInt8]

        package var description: String { Hex.encode(bytes) }
    }

    private let masters: [[UInt8]]

    /// - Parameter masters: 32 random bytes each, kept outside the database; the first seals.
    package init(_ masters: [[UInt8]]) {
        precondition((1...Self.keysMax).contains(masters.count), "a ring has a key and not many")
        precondition(masters.allSatisfy { $0.count == Self.keyBytes }, "a master key has 32 bytes")
        self.masters = masters
    }

    /// The keys of one purpose, such as `identity`; purposes share no key.
    package func sealingKey(_ purpose: String) -> SealingKey {
        SealingKey(masters: masters, purpose: purpose)
    }

    /// The same ring with the first key alone: opens what no longer needs the others.
    package var current: KeyRing { KeyRing([masters[0]]) }

    /// The name of the key that seals.
    package var name: Name { Self.name(of: masters[0]) }
    /// Whether there are keys that only open.
    package var hasOthers: Bool { masters.count > 1 }

    static func name(of master: [UInt8]) -> Name {
        Name(bytes: Array(subkey(of: master, "florin key name 1").prefix(Name.bytesCount)))
    }

    /// Keyed BLAKE2b of the label: a pseudo-random function, so sub-keys tell nothing of each
    /// other.
    static func subkey(of master: [UInt8], _ label: String) -> [UInt8] {
        let label = Array(label.utf8)
        return unsafe Sodium.bytes(keyBytes) { output in
            unsafe _ = crypto_generichash(
                output, keyBytes, label, UInt64(label.count), master, master.count)
        }
    }
}
