/// A random key of one person or one purpose, which is itself stored sealed: destroying that one
/// row makes everything under it unreadable, and a rotation of master keys touches nothing else.
package struct DataKey: Sendable {
    package static let bytesCount = 32
    /// What a sealed value is longer than the plain one.
    package static let overheadBytes = 1 + Sealing.overheadBytes
    /// The first byte of everything sealed, so that another scheme can follow this one.
    private static let version: UInt8 = 1

    private final class Key: Sendable {
        let secret: Secret

        init(_ bytes: [UInt8]) { secret = Secret(bytes) }
    }

    private let key: Key

    package static func generate() -> (key: DataKey, bytes: [UInt8]) {
        let bytes = SecureRandom.bytes(bytesCount)
        return (DataKey(Key(bytes)), bytes)
    }

    package init(bytes: [UInt8]) throws(SealingError) {
        guard bytes.count == Self.bytesCount else { throw .damaged }
        key = Key(bytes)
    }

    private init(_ key: Key) { self.key = key }

    package func seal(_ plain: [UInt8], context: String) -> [UInt8] {
        [Self.version] + Sealing.seal(plain, key.secret, context: Array(context.utf8))
    }

    package func open(_ sealed: [UInt8], context: String) throws(SealingError) -> [UInt8] {
        guard let version = sealed.first else { throw .damaged }
        guard version == Self.version else { throw .unknownVersion }
        return try Sealing.open(
            sealed.dropFirst(), key.secret, context: Array(context.utf8))
    }

    /// Finds equal texts without storing them: a keyed hash of 32 bytes, useless without the key.
    package func blindIndex(_ text: String) -> [UInt8] { BlindIndex.make(text, key.secret) }
}
