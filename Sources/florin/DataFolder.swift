internal import Cryptography
internal import FoundationEssentials
internal import Glibc

/// The folder in which one installation keeps what is its own.
struct DataFolder: Sendable {
    let path: String

    init(path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ConfigurationError(
                name: "FLORIN_DATA",
                reason: "\(path) is no folder and cannot be made one; check the folder above it")
        }
    }

    /// A line for each key, with room to spare.
    private static let fileBytesMax = KeyRing.keysMax * 128

    private var masterKeyPath: String { path + "/master.key" }

    /// The operator's master keys, from `FLORIN_MASTER_KEY` or from a file that is made once. The
    /// first seals, the others open what they sealed before.
    ///
    /// Everything sealed in the database needs them: keep them with the backups, but not in them.
    func keyRing(_ environment: [String: String]) throws -> KeyRing {
        if let text = environment["FLORIN_MASTER_KEY"], !text.isEmpty {
            return try Self.ring(text.split(separator: ","), named: "FLORIN_MASTER_KEY")
        }
        if let stored = try storedRing() { return stored }
        try makeKey()
        // Another process may have been first; then its key is the one.
        guard let stored = try storedRing() else { throw unusable(ENOENT) }
        return stored
    }

    /// Nil only when there is no such file: a key that cannot be read must never be replaced.
    private func storedRing() throws -> KeyRing? {
        let file = unsafe open(masterKeyPath, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            guard errno == ENOENT else { throw unusable(errno) }
            return nil
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.fileBytesMax)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count >= 0 else { throw unusable(errno) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        return try Self.ring(text.split(whereSeparator: \.isNewline), named: masterKeyPath)
    }

    /// Writes a key beside its place and links it there, so that nobody finds half of it, and of
    /// two processes that start at once only one gives the key.
    private func makeKey() throws {
        let draft = masterKeyPath + ".\(getpid())"
        unsafe unlink(draft)
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw unusable(errno) }
        defer { unsafe unlink(draft) }
        let text = Array((Hex.encode(SecureRandom.bytes(KeyRing.keyBytes)) + "\n").utf8)
        let isWritten = unsafe write(file, text, text.count) == text.count && fsync(file) == 0
        let fault = errno
        close(file)
        guard isWritten else { throw unusable(fault) }
        guard unsafe link(draft, masterKeyPath) == 0 || errno == EEXIST else {
            throw unusable(errno)
        }
    }

    private func unusable(_ fault: Int32) -> ConfigurationError {
        ConfigurationError(
            name: masterKeyPath,
            reason: unsafe String(cString: strerror(fault))
                + "; check who owns the folder, or choose another with FLORIN_DATA")
    }

    private static func ring(_ texts: [Substring], named name: String) throws -> KeyRing {
        let keys = try texts.map { text in
            guard let key = Hex.decode(String(text).trimmed), key.count == KeyRing.keyBytes else {
                throw ConfigurationError(
                    name: name,
                    reason: "each key must be \(2 * KeyRing.keyBytes) hexadecimal digits")
            }
            return key
        }
        guard (1...KeyRing.keysMax).contains(keys.count), Set(keys).count == keys.count else {
            throw ConfigurationError(
                name: name, reason: "must be 1 to \(KeyRing.keysMax) keys, each another")
        }
        return KeyRing(keys)
    }
}
