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

    private var masterKeyPath: String { path + "/master.key" }

    /// The operator's master key, from `FLORIN_MASTER_KEY` or from a file that is made once.
    ///
    /// Everything sealed in the database needs it: keep it with the backups, but not in them.
    func masterKey(_ environment: [String: String]) throws -> [UInt8] {
        if let text = environment["FLORIN_MASTER_KEY"], !text.isEmpty {
            return try Self.key(text, named: "FLORIN_MASTER_KEY")
        }
        if let stored = try storedKey() { return stored }
        try makeKey()
        // Another process may have been first; then its key is the one.
        guard let stored = try storedKey() else { throw unusable(ENOENT) }
        return stored
    }

    /// Nil only when there is no such file: a key that cannot be read must never be replaced.
    private func storedKey() throws -> [UInt8]? {
        let file = unsafe open(masterKeyPath, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            guard errno == ENOENT else { throw unusable(errno) }
            return nil
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4 * SealingKey.masterBytes)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count >= 0 else { throw unusable(errno) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        return try Self.key(String(text.prefix { !$0.isNewline }), named: masterKeyPath)
    }

    /// Writes a key beside its place and links it there, so that nobody finds half of it, and of
    /// two processes that start at once only one gives the key.
    private func makeKey() throws {
        let draft = masterKeyPath + ".\(getpid())"
        unsafe unlink(draft)
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw unusable(errno) }
        defer { unsafe unlink(draft) }
        let text = Array((Hex.encode(SecureRandom.bytes(SealingKey.masterBytes)) + "\n").utf8)
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

    private static func key(_ text: String, named name: String) throws -> [UInt8] {
        guard let key = Hex.decode(text), key.count == SealingKey.masterBytes else {
            throw ConfigurationError(
                name: name, reason: "must be \(2 * SealingKey.masterBytes) hexadecimal digits")
        }
        return key
    }
}
