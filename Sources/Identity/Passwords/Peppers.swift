internal import Cryptography
internal import Postgres
internal import Synchronization
internal import Values

/// The secrets that go into passwords before these are hashed slowly, by version; the newest one is
/// used for new hashes, and those before it go on verifying.
///
/// They are stored as all keys of the vault are, wrapped by the operator's master keys: whoever has
/// the table of people, or the whole database, cannot even begin to guess.
final class Peppers: Sendable {
    static let namePrefix = "pepper-"

    private struct Pepper: Sendable {
        let version: Int
        let key: DataKey
    }

    private let peppers: Mutex<[Pepper]>

    /// - Parameter keys: of the vault, by name; those of other names are none of these.
    init(_ keys: [String: DataKey]) {
        peppers = Mutex(Self.sorted(keys))
    }

    var isEmpty: Bool { peppers.withLock { $0.isEmpty } }
    var newest: Int? { peppers.withLock { $0.last?.version } }

    func knows(_ version: Int) -> Bool {
        peppers.withLock { $0.contains { $0.version == version } }
    }

    /// Takes in what another process has made since.
    func use(_ keys: [String: DataKey]) {
        let sorted = Self.sorted(keys)
        peppers.withLock { $0 = sorted }
    }

    /// What is hashed in the place of the password; nil where that version is not known.
    func applied(_ version: Int, to password: String) -> String? {
        let key = peppers.withLock { $0.first { $0.version == version }?.key }
        return key.map { Base64URL.encode($0.blindIndex("password:" + password)) }
    }

    private static func sorted(_ keys: [String: DataKey]) -> [Pepper] {
        keys.compactMap { name, key in
            guard name.hasPrefix(namePrefix), let version = Int(name.dropFirst(namePrefix.count))
            else { return nil }
            return Pepper(version: version, key: key)
        }.sorted { $0.version < $1.version }
    }
}

/// A password's hash as it is stored: `p2$argon2id$…`, by the second pepper. Hashes of before, and
/// those that people bring from elsewhere, have none.
private struct StoredHash {
    let version: Int?
    let phc: String

    init(_ text: String) {
        let mark = text.prefix { $0 != "$" }
        version = mark.first == "p" ? Int(mark.dropFirst()) : nil
        phc = version == nil ? text : String(text.dropFirst(mark.count))
    }

    static func text(_ version: Int, _ phc: String) -> String { "p\(version)" + phc }
}

extension Identity {
    package func hash(password: String) async throws -> String {
        let peppers = vault.peppers
        guard let version = peppers.newest, let applied = peppers.applied(version, to: password)
        else { return try await passwords.hash(password) }
        return StoredHash.text(version, try await passwords.hash(applied))
    }

    func verify(_ password: String, against stored: String) async throws -> Bool {
        let hash = StoredHash(stored)
        guard let version = hash.version else {
            return try await passwords.verify(password, against: hash.phc)
        }
        if !vault.peppers.knows(version) { try await readPeppers() }
        guard let applied = vault.peppers.applied(version, to: password) else { return false }
        return try await passwords.verify(applied, against: hash.phc)
    }

    /// Whether the hash was made in another way than hashes are made now.
    func isOutdated(_ stored: String) -> Bool {
        let hash = StoredHash(stored)
        return hash.version != vault.peppers.newest || passwords.needsRehash(hash.phc)
    }

    /// Makes a new pepper for all hashes from now on; each person's is renewed at their next
    /// log-in.
    /// - Returns: its version.
    package func rotatePepper(because reason: String) async throws -> Int {
        let now = clock.now
        let version = try await database.transaction { transaction in
            let version = try vault.makePepper(now, transaction)
            try transaction.notify(channel: "florin_people", payload: Self.keysChanged)
            try audit.record(
                Act(
                    .pepperRotated, by: nil, of: nil, from: .program, reason: reason,
                    after: #"{"version":\#(version)}"#), in: transaction)
            return version
        }
        try await readPeppers()
        return version
    }

    /// Takes the peppers that the database has now.
    func readPeppers() async throws {
        let keys = try await database.read { try vault.storedKeys($0) }
        vault.peppers.use(keys)
    }
}

extension Act.Kind {
    static let pepperRotated = Act.Kind("pepper_rotated")
}
