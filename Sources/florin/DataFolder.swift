internal import Cryptography
internal import FoundationEssentials
internal import Glibc

/// The folder in which one installation keeps what is its own.
struct DataFolder: Sendable {
    let path: String

    init(path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    private var masterKeyPath: String { path + "/master.key" }

    /// The operator's master key, from `FLORIN_MASTER_KEY` or from a file that is made once.
    ///
    /// Everything sealed in the database needs it: keep it with the backups, but not in them.
    func masterKey(_ environment: [String: String]) throws -> [UInt8] {
        if let text = environment["FLORIN_MASTER_KEY"], !text.isEmpty {
            return try Self.key(text, named: "FLORIN_MASTER_KEY")
        }
        if let stored = try storedMasterKey() { return stored }
        try makeMasterKey()
        guard let made = try storedMasterKey() else { throw cannotBeWritten }
        return made
    }

    private func storedMasterKey() throws -> [UInt8]? {
        guard let stored = FileManager.default.contents(atPath: masterKeyPath) else { return nil }
        let text = String(decoding: stored, as: UTF8.self)
        return try Self.key(String(text.prefix { !$0.isNewline }), named: masterKeyPath)
    }

    /// Written aside and linked into place: of several processes that start at once, one makes the
    /// key and all read it, and a key that was cut short by a crash is never seen.
    private func makeMasterKey() throws {
        let draft = masterKeyPath + ".\(getpid())"
        let key = Hex.encode(SecureRandom.bytes(SealingKey.masterBytes))
        let isWritten = FileManager.default.createFile(
            atPath: draft, contents: Data((key + "\n").utf8), attributes: [.posixPermissions: 0o600]
        )
        defer { unsafe unlink(draft) }
        guard isWritten, unsafe link(draft, masterKeyPath) == 0 || errno == EEXIST else {
            throw cannotBeWritten
        }
    }

    private var cannotBeWritten: ConfigurationError {
        ConfigurationError(
            name: masterKeyPath, reason: "cannot be written; check the folder's owner")
    }

    private static func key(_ text: String, named name: String) throws -> [UInt8] {
        guard let key = Hex.decode(text), key.count == SealingKey.masterBytes else {
            throw ConfigurationError(
                name: name, reason: "must be \(2 * SealingKey.masterBytes) hexadecimal digits")
        }
        return key
    }
}
