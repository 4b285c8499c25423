import CCrypt
import CSodium

/// A bcrypt hash in the form of crypt(5), as other programs store it: `$2b$12$…`, 60 characters.
///
/// Florin makes none: people who come from elsewhere bring them, and a log-in replaces them.
package struct BcryptHash: Sendable {
    /// 2^15 rounds take seconds; a dearer hash would hold a thread for minutes.
    package static let costMax = 15
    private static let costMin = 4
    private static let charactersCount = 60
    /// `$2b$12$`, then 22 characters of salt and 31 of hash.
    private static let settingsCount = 7
    private static let alphabet = Set(
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    package let text: String
    /// The logarithm of the rounds.
    package let cost: Int

    /// Nil for what is no bcrypt hash, or one that is too dear to check.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.charactersCount,
            ["$2a$", "$2b$", "$2y$"].contains(String(text.prefix(4))),
            bytes[6] == UInt8(ascii: "$"),
            bytes[Self.settingsCount...].allSatisfy(Self.alphabet.contains),
            bytes[4...5].allSatisfy({ (0x30...0x39).contains($0) }),
            let cost = Int(String(decoding: bytes[4...5], as: UTF8.self)),
            (Self.costMin...Self.costMax).contains(cost)
        else { return nil }
        self.text = text
        self.cost = cost
    }

    /// Hashes the password with the same salt and compares. As everywhere, bcrypt sees the first
    /// 72 bytes only, and none after a NUL.
    func matches(_ password: String) -> Bool {
        guard let made = Self.crypt(password, setting: text) else { return false }
        return constantTimeEquals(made, Array(text.utf8))
    }

    /// A hash of a random password that nobody knows, with this cost.
    package static func decoy(cost: Int) -> String {
        precondition((costMin...costMax).contains(cost))
        let letters = Array(alphabet)
        let salt = SecureRandom.bytes(22 + 31).map { letters[Int($0) % letters.count] }
        return "$2b$\(cost < 10 ? "0" : "")\(cost)$" + String(decoding: salt, as: UTF8.self)
    }

    private static func crypt(_ password: String, setting: String) -> [UInt8]? {
        // 32 KiB, so on the heap, zeroed before as crypt_r(3) asks and wiped afterwards.
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe data.initialize(to: crypt_data())
        defer {
            unsafe wipe(data)
            unsafe data.deallocate()
        }
        guard let made = unsafe crypt_r(password, setting, data) else { return nil }
        return unsafe Array(String(cString: made).utf8)
    }

    private static func wipe(_ data: UnsafeMutablePointer<crypt_data>) {
        unsafe sodium_memzero(data, MemoryLayout<crypt_data>.size)
    }
}
