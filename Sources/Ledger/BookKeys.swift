package import Cryptography
package import Postgres
package import Values

/// The keys that sign commitments, apart from those that sign people's sessions: who may read the
/// books for ever needs no reason to trust the latter.
package struct BookKeys: Sendable {
    let signing: SigningKey
    /// Newest first.
    package let all: [VerifyingKey]

    /// Newest last; the last signs.
    package init(_ keys: [SigningKey]) {
        precondition(!keys.isEmpty, "books that nobody can sign need no keys")
        signing = keys[keys.count - 1]
        all = keys.reversed().map(\.verifyingKey)
    }

    /// Signs a statement about something else that is chained, so that one set of published keys
    /// checks them all; its type keeps it from passing as one about the books.
    package func sign(_ payload: [UInt8], type: String) -> String {
        precondition(type != Commitment.type, "what is said of the books is made from the books")
        return JWS.sign(payload, type: type, with: signing)
    }

    /// What the sealing key of these keys is for.
    package static let purpose = "books"

    /// Loads the keys of all processes from the database; the first process of all makes one.
    package static func load(
        from database: Database, sealing: SealingKey, now: Timestamp
    ) async throws -> BookKeys {
        try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE ledger.commitment_keys IN SHARE ROW EXCLUSIVE MODE")
            let keys = try stored(transaction).map { row throws(ForeignBookKey) in
                guard let key = row.unsealed(with: sealing) else { throw ForeignBookKey() }
                return key
            }
            return BookKeys(
                keys.isEmpty ? [try make(in: transaction, sealing, now)] : keys)
        }
    }

    /// The public halves that the books hold, without opening or making any.
    package static func published(in database: Database) async throws -> [VerifyingKey] {
        try await database.read { try stored($0).compactMap(\.verifyingKey) }
    }

    private static func stored(
        _ transaction: borrowing Transaction
    ) throws -> [BookKeyRow] {
        let rows = try transaction.query(
            """
            SELECT number, kid, public_key, private_sealed, created_at
            FROM ledger.commitment_keys ORDER BY number
            """)
        return try rows.map { row in
            BookKeyRow(
                number: try row[0], kid: try row[1], publicKey: try row[2],
                privateSealed: try row[3], createdAt: try row[4])
        }
    }

    private static func make(
        in transaction: borrowing Transaction, _ sealing: SealingKey, _ now: Timestamp
    ) throws(DatabaseError) -> SigningKey {
        let key = SigningKey.generate()
        let context = BookKeyRow.context(number: 1, kid: key.kid, createdAt: now)
        try transaction.execute(
            """
            INSERT INTO ledger.commitment_keys (number, kid, public_key, private_sealed, created_at)
            VALUES (1, \(key.kid), \(key.publicKey),
                \(sealing.seal(key.privateKey, context: context)), \(now))
            """)
        return key
    }
}

/// The database holds a key of the books that another installation made.
package struct ForeignBookKey: Error, CustomStringConvertible {
    package let description = """
        FLORIN_MASTER_KEY: does not open the key that signs the books; set the one that this \
        database was made with, or bring back the file master.key of its data folder
        """
}

/// A key as it is stored.
struct BookKeyRow: BookRow {
    let number: Int64
    let kid: String
    let publicKey: [UInt8]
    let privateSealed: [UInt8]
    let createdAt: Timestamp

    static let table: StaticString = "ledger.commitment_keys"
    static let columns: [StaticString] = [
        "number", "kid", "public_key", "private_sealed", "created_at",
    ]

    init(
        number: Int64, kid: String, publicKey: [UInt8], privateSealed: [UInt8],
        createdAt: Timestamp
    ) {
        self.number = number
        self.kid = kid
        self.publicKey = publicKey
        self.privateSealed = privateSealed
        self.createdAt = createdAt
    }

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        self.init(
            number: try row.int64(), kid: try row.text(), publicKey: try row.bytes(),
            privateSealed: try row.bytes(), createdAt: try row.timestamp())
    }

    /// Sealed together with the private key, so that no part of the row can be changed alone.
    static func context(number: Int64, kid: String, createdAt: Timestamp) -> [UInt8] {
        Array("commitment key \(number) \(kid) \(createdAt.microseconds)".utf8)
    }

    /// Nil unless the whole row is as its installation made it.
    func unsealed(with sealing: SealingKey) -> SigningKey? {
        let context = Self.context(number: number, kid: kid, createdAt: createdAt)
        do {
            let key = try SigningKey(
                privateKey: sealing.open(privateSealed, context: context))
            return key.kid == kid && key.publicKey == publicKey ? key : nil
        } catch {
            return nil
        }
    }

    /// Nil when this is no key, or bears another's name.
    var verifyingKey: VerifyingKey? {
        do throws(KeyError) {
            let key = try VerifyingKey(x963: publicKey)
            return key.kid == kid ? key : nil
        } catch {
            return nil
        }
    }
}
