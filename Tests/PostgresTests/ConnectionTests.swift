import Postgres
import TestSupport
import Testing
import Values

@Suite struct ConnectionTests {
    private struct Mine: Error {}

    private func table() async throws -> (TestDatabase, Connection) {
        let database = try await TestPostgres.database()
        let connection = try database.connection()
        try connection.execute(
            "CREATE TABLE notes (id bigint PRIMARY KEY, body text CHECK (body <> 'bad'))")
        return (database, connection)
    }

    private func count(_ connection: Connection) throws -> Int64 {
        try connection.first("SELECT count(*) FROM notes")![0]
    }

    @Test func everyStatementCommitsByItself() async throws {
        let (database, connection) = try await table()
        #expect(try connection.execute("INSERT INTO notes VALUES (1, \("a")), (2, NULL)") == 2)
        #expect(try count(database.connection()) == 2)
    }

    @Test func aTransactionIsAllOrNothing() async throws {
        let (_, connection) = try await table()
        try connection.transaction { try $0.execute("INSERT INTO notes VALUES (1, 'a')") }
        #expect(throws: Mine.self) {
            try connection.transaction { transaction in
                try transaction.execute("INSERT INTO notes VALUES (2, 'b')")
                throw Mine()
            }
        }
        #expect(try count(connection) == 1)
    }

    @Test func aSwallowedRefusalStillUndoesTheTransaction() async throws {
        let (_, connection) = try await table()
        let error = #expect(throws: DatabaseError.self) {
            try connection.transaction { transaction in
                try transaction.execute("INSERT INTO notes VALUES (1, 'a')")
                do { try transaction.execute("INSERT INTO notes VALUES (1, 'b')") } catch {}
            }
        }
        #expect(error?.isUniqueViolation("notes_pkey") == true)
        #expect(try count(connection) == 0)
    }

    @Test func refusalsNameTheirConstraintAndNoValue() async throws {
        let (_, connection) = try await table()
        let secret = "bad"
        let error = #expect(throws: DatabaseError.self) {
            try connection.execute("INSERT INTO notes VALUES (3, \(secret))")
        }
        #expect(error?.sqlState == SQLState.checkViolation)
        #expect(error?.constraint == "notes_body_check")
        let invalid = #expect(throws: DatabaseError.self) {
            try connection.execute("SELECT \("+254700000001")::text::uuid")
        }
        #expect(invalid.map { "\($0)".contains("254") } == false)
    }

    @Test func aReaderCannotWrite() async throws {
        let (_, connection) = try await table()
        let error = #expect(throws: DatabaseError.self) {
            try connection.read { try $0.execute("INSERT INTO notes VALUES (1, 'a')") }
        }
        #expect(error?.sqlState == "25006")
        #expect(try count(connection) == 0)
    }

    @Test func pipelinesAnswerInOrder() async throws {
        let (_, connection) = try await table()
        let inserts = (1...50).map { "INSERT INTO notes VALUES (\(Int64($0)), 'x')" as SQL }
        let results = try connection.transaction { transaction in
            try transaction.pipeline(inserts + ["SELECT max(id) FROM notes"])
        }
        #expect(results.count == 51)
        #expect(results.prefix(50).allSatisfy { $0.affected == 1 })
        #expect(try results[50].first?[0] == Int64(50))
        #expect(try connection.pipeline([]).isEmpty)
    }

    @Test func aPipelineOutsideATransactionIsOneTransaction() async throws {
        let (_, connection) = try await table()
        let error = #expect(throws: DatabaseError.self) {
            try connection.pipeline([
                "INSERT INTO notes VALUES (1, 'a')", "INSERT INTO notes VALUES (1, 'b')",
                "SELECT \("never prepared")",
            ])
        }
        #expect(error?.isUniqueViolation == true)
        #expect(try count(connection) == 0)
        #expect(try connection.first("SELECT \("never prepared")")?[0] == "never prepared")
    }

    @Test func moreStatementsThanTheServerShouldKeep() async throws {
        let (_, connection) = try await table()
        for round in 0..<2 {
            for length in 0..<300 {
                let list = (0...length).map { "\(Int64($0))" as SQL }.joined(separator: ",")
                let sql: SQL = "SELECT (ARRAY[\(list)])[1] + \(Int64(round))"
                let row = try connection.first(sql)
                #expect(try row?[0] == Int64(round))
            }
        }
        let kept = try connection.first("SELECT count(*) FROM pg_prepared_statements")
        #expect(try #require(kept)[0] <= Int64(257))
    }

    @Test func forgottenStatementsArePreparedAgain() async throws {
        let (_, connection) = try await table()
        #expect(try count(connection) == 0)
        try connection.run(unprepared: "DISCARD ALL")
        #expect(try count(connection) == 0)
    }

    @Test func statementsFollowAChangedTable() async throws {
        let (_, connection) = try await table()
        #expect(try connection.query("SELECT * FROM notes").isEmpty)
        try connection.execute("ALTER TABLE notes ADD COLUMN more bigint DEFAULT 9")
        try connection.execute("INSERT INTO notes VALUES (1, 'a')")
        #expect(try connection.first("SELECT * FROM notes")?[2] == Int64(9))
    }

    @Test func oneTextWithSeveralTypes() async throws {
        let connection = try await TestPostgres.database().connection()
        func echo(_ value: SQLValue) throws -> Row? { try connection.first("SELECT \(value)") }
        #expect(try echo(.int64(5))?[0] == Int64(5))
        #expect(try echo(.text("five"))?[0] == "five")
        #expect(try echo(.int16(5))?[0] == Int16(5))
        #expect(try echo(.null)?[0] == Int64?.none)
        #expect(try echo(.int64(6))?[0] == Int64(6))
    }

    @Test func aTypedNullNeedsNoCast() async throws {
        let connection = try await TestPostgres.database().connection()
        #expect(try connection.first("SELECT \(Int64?.none) IS NULL")?[0] == true)
        #expect(try connection.first("SELECT \(String?.none) IS NULL")?[0] == true)
    }

    @Test func slowStatementsAreCut() async throws {
        var settings = try await TestPostgres.database().settings
        settings.statementTimeoutMilliseconds = 20
        let connection = try Connection.open(settings)
        let error = #expect(throws: DatabaseError.self) {
            try connection.execute("SELECT pg_sleep(60)")
        }
        #expect(error?.sqlState == SQLState.queryCanceled)
        #expect(try connection.first("SELECT 1::bigint")?[0] == Int64(1))
    }

    @Test func waitingForALockIsCut() async throws {
        let (database, connection) = try await table()
        try connection.execute("INSERT INTO notes VALUES (1, 'a')")
        var settings = database.settings
        settings.lockTimeoutMilliseconds = 20
        let other = try Connection.open(settings)
        try connection.transaction { transaction in
            try transaction.execute("UPDATE notes SET body = 'b'")
            let error = #expect(throws: DatabaseError.self) {
                try other.execute("UPDATE notes SET body = 'c'")
            }
            #expect(error?.sqlState == SQLState.lockNotAvailable)
            #expect(error?.isTransient == true)
        }
    }

    @Test func aServerThatIsNotThereIsAnError() throws {
        let error = #expect(throws: DatabaseError.self) {
            try Connection.open(ConnectionSettings(url: "host=/nonexistent user=nobody"))
        }
        #expect(error?.isTransient == true)
        #expect(throws: DatabaseError.self) {
            try Connection.open(ConnectionSettings(url: "postgres://user:secret@host:port"))
        }
    }

    // MARK: Loss

    private func processID(_ connection: Connection) throws -> Int64 {
        try connection.first("SELECT pg_backend_pid()")![0]
    }

    private func end(_ process: Int64, through connection: Connection) throws {
        try connection.execute("SELECT pg_terminate_backend(\(process)::bigint::integer, 5000)")
    }

    @Test func aSessionEndedWhileIdleIsNoticedBeforeAsking() async throws {
        let (database, connection) = try await table()
        try end(processID(connection), through: database.connection())
        let error = #expect(throws: DatabaseError.self) {
            try connection.execute("INSERT INTO notes VALUES (1, 'a')")
        }
        guard case .connection = error else {
            Issue.record("nothing was sent, so nothing is in doubt: \(String(describing: error))")
            return
        }
        #expect(connection.isBroken)
        try connection.reconnect()
        #expect(!connection.isBroken)
        #expect(try count(connection) == 0)
    }

    @Test func aSessionEndedInsteadOfAnAnswerLeavesNoDoubt() async throws {
        let (_, connection) = try await table()
        let error = #expect(throws: DatabaseError.self) {
            try connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        }
        guard case .connection = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aSessionEndedDuringACommitLeavesDoubt() async throws {
        let (_, connection) = try await table()
        try connection.run(unprepared: Self.endAtCommit)
        let error = #expect(throws: DatabaseError.self) {
            try connection.transaction { try $0.execute("INSERT INTO notes VALUES (1, 'a')") }
        }
        guard case .commitUnknown = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.isTransient == false)
    }

    /// A trigger that runs when the transaction commits and ends its own session.
    private static let endAtCommit = """
        CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON notes
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_session()
        """
}
