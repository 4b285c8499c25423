/// One step of a slice's schema, written once and never changed.
package struct Migration: Sendable {
    package let slice: StaticString
    /// From 1, without gaps, within the slice.
    package let number: Int
    package let name: StaticString
    /// One or more commands without transaction control.
    package let sql: StaticString

    package init(slice: StaticString, number: Int, name: StaticString, sql: StaticString) {
        self.slice = slice
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// Brings a database to the schema this program was built for.
package struct Migrator {
    /// The advisory lock under which one migrator at a time works; the letters of "florin".
    private static let lock: Int64 = 0x666C_6F72_696E
    /// How long to wait for another migrator or for locks on tables in use.
    private static let lockTimeoutMilliseconds = 60_000

    /// What the database says was done.
    private struct Applied {
        let slice: String
        let number: Int
        let name: String
        let checksum: String
    }

    private let connection: Connection

    /// Runs the migrations that are missing, in the order given, each in its own transaction.
    ///
    /// Refuses with `.configuration`, and changes nothing, when a number is missing or out of
    /// order, when the text of a migration differs from what was run, and when the database holds
    /// migrations this program does not know. Returns how many were run.
    @discardableResult
    package static func run(
        _ migrations: [Migration], on settings: ConnectionSettings
    ) throws -> Int {
        try checkNumbers(migrations)
        var patient = settings
        patient.statementTimeoutMilliseconds = 0
        patient.lockTimeoutMilliseconds = lockTimeoutMilliseconds
        let migrator = Migrator(connection: try Connection.open(patient))
        // The lock belongs to the session and falls with it, whatever happens.
        try migrator.connection.execute("SELECT pg_advisory_lock(\(lock))")
        return try migrator.apply(migrations)
    }

    private static func checkNumbers(_ migrations: [Migration]) throws(DatabaseError) {
        var last: [String: Int] = [:]
        for migration in migrations {
            let expected = last[migration.slice.description, default: 0] + 1
            guard migration.number == expected else {
                throw .configuration(
                    "Migration \(migration.title) is out of order: \(migration.slice) "
                        + "\(expected) was expected.")
            }
            last[migration.slice.description] = expected
        }
    }

    private func apply(_ migrations: [Migration]) throws -> Int {
        try createTable()
        let checksums = try checksums(of: migrations)
        let applied = try applied()
        try Self.check(applied, against: migrations, checksums)
        let done = Set(applied.map { "\($0.slice) \($0.number)" })
        var count = 0
        for (migration, checksum) in zip(migrations, checksums) where !done.contains(migration.key)
        {
            try apply(migration, checksum)
            count += 1
        }
        return count
    }

    private func createTable() throws(DatabaseError) {
        try connection.run(
            unprepared: """
                CREATE SCHEMA IF NOT EXISTS florin;
                CREATE TABLE IF NOT EXISTS florin.migrations (
                    slice text NOT NULL,
                    number bigint NOT NULL CHECK (number > 0),
                    name text NOT NULL,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now(),
                    PRIMARY KEY (slice, number)
                )
                """)
    }

    /// SHA-256 in hexadecimal, by the server, which has it at hand.
    private func checksums(of migrations: [Migration]) throws(DatabaseError) -> [String] {
        let texts = migrations.map(\.sql.description)
        var checksums: [String] = []
        for row in try connection.query(
            """
            SELECT encode(sha256(convert_to(text, 'UTF8')), 'hex')
            FROM unnest(\(texts)) WITH ORDINALITY AS migration (text, place) ORDER BY place
            """)
        {
            checksums.append(try row[0])
        }
        return checksums
    }

    private func applied() throws(DatabaseError) -> [Applied] {
        var applied: [Applied] = []
        for row in try connection.query(
            "SELECT slice, number, name, checksum FROM florin.migrations ORDER BY slice, number")
        {
            applied.append(
                Applied(
                    slice: try row[0], number: try row[1], name: try row[2], checksum: try row[3]))
        }
        return applied
    }

    private static func check(
        _ applied: [Applied], against migrations: [Migration], _ checksums: [String]
    ) throws(DatabaseError) {
        let known = Dictionary(uniqueKeysWithValues: zip(migrations.map(\.key), checksums))
        var last: [String: Int] = [:]
        for row in applied {
            guard let checksum = known["\(row.slice) \(row.number)"] else {
                throw .configuration(
                    "The database is newer than this program: it holds migration \(row.slice) "
                        + "\(row.number) (\(row.name)). Start the newer program.")
            }
            guard row.checksum == checksum else {
                throw .configuration(
                    "Migration \(row.slice) \(row.number) (\(row.name)) was changed after it was "
                        + "run. Restore its text and write a new migration instead.")
            }
            guard row.number == last[row.slice, default: 0] + 1 else {
                throw .configuration(
                    "The database lacks a migration before \(row.slice) \(row.number) "
                        + "(\(row.name)). Its table florin.migrations was changed by hand.")
            }
            last[row.slice] = row.number
        }
    }

    private func apply(_ migration: Migration, _ checksum: String) throws {
        do {
            try connection.transaction { transaction in
                try transaction.run(unprepared: migration.sql)
                try transaction.execute(
                    """
                    INSERT INTO florin.migrations (slice, number, name, checksum)
                    VALUES (\(migration.slice.description), \(migration.number),
                        \(migration.name.description), \(checksum))
                    """)
            }
        } catch let DatabaseError.server(error) {
            // A migration holds no data, so the server's full words may be shown.
            throw DatabaseError.configuration(
                "Migration \(migration.title) failed: \(error.message) "
                    + "(SQLSTATE \(error.sqlState)).")
        }
    }
}

extension Migration {
    fileprivate var key: String { "\(slice) \(number)" }
    fileprivate var title: String { "\(key) (\(name))" }
}

extension Transaction {
    /// Several commands at once, in the simple protocol; they must leave the transaction open.
    fileprivate func run(unprepared text: StaticString) throws(DatabaseError) {
        try connection.runInTransaction(unprepared: text.description)
    }
}
