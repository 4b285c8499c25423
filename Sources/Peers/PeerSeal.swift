internal import Cryptography

/// How the messages of one connection are sealed.
///
/// Both sides greet with 32 random bytes. What is sealed is bound to both greetings, the direction,
/// and its place in the order: it opens nowhere else.
struct PeerSeal: Sendable {
    /// What a greeting begins with: the name of the protocol and the number of its version, which
    /// moves with every change of what messages say.
    private static let magic = Array("florin 1".utf8)
    private static let nonceBytes = 32
    static let lengthBytes = 4
    static let overheadBytes = SealingKey.overheadBytes

    private enum Direction: UInt8 { case toServer = 1, toClient }

    private let key: SealingKey
    private let session: [UInt8]
    private let isClient: Bool

    init(_ key: SealingKey, client: [UInt8], server: [UInt8], isClient: Bool) {
        self.key = key
        session = Self.magic + client + server
        self.isClient = isClient
    }

    static func greeting() -> (nonce: [UInt8], bytes: [UInt8]) {
        let nonce = SecureRandom.bytes(nonceBytes)
        return (nonce, magic + nonce)
    }

    /// The other side's random bytes, if it speaks the same version.
    static func nonce(in greeting: [UInt8]) -> [UInt8]? {
        greeting.starts(with: magic) ? Array(greeting.dropFirst(magic.count)) : nil
    }

    /// The sealed message after its length.
    func frame(_ message: [UInt8], place: UInt64) -> [UInt8] {
        let sealed = key.seal(
            message, context: context(isClient ? .toServer : .toClient, place))
        return Self.bytes(of: UInt32(sealed.count)) + sealed
    }

    func open(_ sealed: [UInt8], place: UInt64) -> [UInt8]? {
        do {
            return try key.open(sealed, context: context(isClient ? .toClient : .toServer, place))
        } catch {
            return nil
        }
    }

    private func context(_ direction: Direction, _ place: UInt64) -> [UInt8] {
        session + [direction.rawValue] + Self.bytes(of: place)
    }

    private static func bytes(of number: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
        (0..<number.bitWidth / 8).reversed().map {
            UInt8(truncatingIfNeeded: number >> ($0 * 8))
        }
    }
}
