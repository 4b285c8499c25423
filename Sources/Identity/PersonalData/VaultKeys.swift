package import Cryptography
package import Postgres
package import Values

extension Vault {
    private enum KeyName: String {
        case index
        case log
    }

    /// Unwraps the keys of all processes from the database; the first process of all makes them.
    package static func load(
        from database: Database, wrapping: SealingKey, now: Timestamp
    ) async throws -> Vault {
        try await database.transaction { transaction in
            try transaction.execute("LOCK TABLE identity.vault_keys IN SHARE ROW EXCLUSIVE MODE")
            let stored = try transaction.query("SELECT name, wrapped FROM identity.vault_keys")
            if !stored.isEmpty { return try open(stored, wrapping) }
            let vault = Vault(
                wrapping: wrapping, indexing: try make(.index, wrapping, now, transaction),
                log: try make(.log, wrapping, now, transaction))
            try vault.giveKeys(now, transaction)
            return vault
        }
    }

    private static func open(_ stored: [Row], _ wrapping: SealingKey) throws -> Vault {
        var keys: [KeyName: DataKey] = [:]
        for row in stored {
            guard let name = KeyName(rawValue: try row[0]) else { continue }
            do {
                keys[name] = try DataKey(
                    bytes: wrapping.open(try row[1], context: context(of: name.rawValue)))
            } catch is SealingError { throw ForeignMasterKey() }
        }
        guard let index = keys[.index], let log = keys[.log] else { throw ForeignMasterKey() }
        return Vault(wrapping: wrapping, indexing: index, log: log)
    }

    private static func make(
        _ name: KeyName, _ wrapping: SealingKey, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> DataKey {
        let (key, bytes) = DataKey.generate()
        try transaction.execute(
            """
            INSERT INTO identity.vault_keys (name, wrapped, created_at)
            VALUES (\(name.rawValue), \(wrapping.seal(bytes, context: context(of: name.rawValue))),
                \(now))
            """)
        return key
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
