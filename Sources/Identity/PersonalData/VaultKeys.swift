package import Cryptography
package import Postgres
package import Values

extension Vault {
    private static let indexName = "index"
    private static let logName = "log"

    /// Unwraps the keys of all processes from the database; the first process of all makes them.
    package static func load(
        from database: Database, wrapping: SealingKey, now: Timestamp
    ) async throws -> Vault {
        try await database.transaction { transaction in
            try transaction.execute("LOCK TABLE identity.vault_keys IN SHARE ROW EXCLUSIVE MODE")
            let stored = try transaction.query("SELECT name, wrapped FROM identity.vault_keys")
            if !stored.isEmpty {
                let vault = try open(stored, wrapping)
                // A database of before has none yet.
                if vault.peppers.isEmpty {
                    _ = try vault.makePepper(now, transaction)
                    vault.peppers.use(try vault.storedKeys(transaction))
                }
                return vault
            }
            let (indexing, index) = DataKey.generate()
            let (log, logBytes) = DataKey.generate()
            let vault = Vault(
                wrapping: wrapping, indexing: indexing, log: log, peppers: Peppers([:]))
            try vault.store(index, named: indexName, now, transaction)
            try vault.store(logBytes, named: logName, now, transaction)
            _ = try vault.makePepper(now, transaction)
            vault.peppers.use(try vault.storedKeys(transaction))
            try vault.giveKeys(now, transaction)
            return vault
        }
    }

    /// The same for who only reads; nil when nothing was ever written.
    package static func stored(
        in database: Database, wrapping: SealingKey
    ) async throws -> Vault? {
        try await database.read { transaction in
            let stored = try transaction.query("SELECT name, wrapped FROM identity.vault_keys")
            return stored.isEmpty ? nil : try open(stored, wrapping)
        }
    }

    private static func open(_ stored: [Row], _ wrapping: SealingKey) throws -> Vault {
        var keys: [String: DataKey] = [:]
        for row in stored {
            let name: String = try row[0]
            do {
                keys[name] = try DataKey(
                    bytes: wrapping.open(try row[1], context: context(of: name)))
            } catch is SealingError { throw ForeignMasterKey() }
        }
        guard let index = keys[indexName], let log = keys[logName] else {
            throw ForeignMasterKey()
        }
        return Vault(wrapping: wrapping, indexing: index, log: log, peppers: Peppers(keys))
    }

    /// All of them, by name, as they are stored now.
    func storedKeys(_ transaction: borrowing Transaction) throws -> [String: DataKey] {
        var keys: [String: DataKey] = [:]
        for row in try transaction.query("SELECT name, wrapped FROM identity.vault_keys") {
            let name: String = try row[0]
            keys[name] = try unwrap(try row[1], named: name)
        }
        return keys
    }

    /// - Returns: the version of the pepper that was made.
    func makePepper(_ now: Timestamp, _ transaction: borrowing Transaction) throws -> Int {
        // Of twins, one waits and then counts the other's.
        try transaction.execute("LOCK TABLE identity.vault_keys IN SHARE ROW EXCLUSIVE MODE")
        let version = (Peppers(try storedKeys(transaction)).newest ?? 0) + 1
        try store(
            DataKey.generate().bytes, named: Peppers.namePrefix + "\(version)", now, transaction)
        return version
    }

    private func store(
        _ key: [UInt8], named name: String, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.vault_keys (name, wrapped, created_at)
            VALUES (\(name), \(wrap(key, named: name)), \(now))
            """)
    }

    static func context(of name: String) -> [UInt8] { Array("key of all \(name)".utf8) }

    // MARK: People of before

    /// People who signed up before each had a key of their own were sealed and indexed by the
    /// master key itself.
    private func giveKeys(_ now: Timestamp, _ transaction: borrowing Transaction) throws {
        let people = try transaction.query(
            "SELECT id, phone_sealed, email_sealed FROM identity.users")
        for row in people {
            let user: ID<User> = try row[0]
            let phone = try opened(try row[1], of: user).flatMap { PhoneNumber($0) }
            let email = try opened(try row[2], of: user).flatMap { EmailAddress($0) }
            let (key, wrapped) = newKey(of: user)
            try transaction.execute(
                """
                INSERT INTO identity.person_keys (user_id, wrapped, created_at)
                VALUES (\(user), \(wrapped), \(now))
                """)
            try transaction.execute(
                """
                UPDATE identity.users SET phone_index = \(phone.map { index($0) }),
                    phone_sealed = \(phone.map { key.seal($0.e164, .phone) }),
                    email_index = \(email.map { index($0) }),
                    email_sealed = \(email.map { key.seal($0.text, .email) })
                WHERE id = \(user)
                """)
        }
    }

    private func opened(_ sealed: [UInt8]?, of user: ID<User>) throws -> String? {
        guard let sealed else { return nil }
        do {
            return String(decoding: try open(sealed, named: "\(user)"), as: UTF8.self)
        } catch is SealingError { throw ForeignMasterKey() }
    }
}
