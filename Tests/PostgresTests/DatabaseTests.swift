import Postgres
import TestSupport
import Testing
import Values

@Suite struct DatabaseTests {
    private static let schema = [
        Migration(
            slice: "tests", number: 1, name: "accounts",
            sql: """
                CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
                INSERT INTO accounts SELECT id, 100 FROM generate_series(1, 10) AS id
                """)
    ]

    private func database() async throws -> TestDatabase {
        try await TestPostgres.database(migrations: Self.schema)
    }

    private func balance(_ id: Int64, _ pool: Database) async throws -> Int64 {
        try await pool.read { try $0.first("SELECT balance FROM accounts WHERE id = \(id)")![0] }
    }

    @Test func manyTransactionsAtOnce() async throws {
        let pool = try await database().pool(connections: 4, queueMax: 500)
        @Sendable func addOne() async throws {
            try await pool.transaction { transaction in
                try transaction.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { try await addOne() } }
            try await group.waitForAll()
        }
        #expect(try await balance(1, pool) == 300)
        await pool.close()
    }

    @Test func readersSeeOneState() async throws {
        let database = try await database()
        let pool = database.pool()
        let (before, after) = try await pool.read { transaction -> (Int64, Int64) in
            let before: Int64 = try transaction.first("SELECT sum(balance)::bigint FROM accounts")![
                0]
            try database.connection().execute("UPDATE accounts SET balance = 0")
            let after: Int64 = try transaction.first("SELECT sum(balance)::bigint FROM accounts")![
                0]
            return (before, after)
        }
        #expect(before == 1000 && after == 1000)
        #expect(try await balance(1, pool) == 0)
    }

    // MARK: Trying again

    @Test func aSerializationFailureIsTriedAgain() async throws {
        let database = try await database()
        let attempts = Tally()
        try await database.pool().transaction { transaction in
            let attempt = attempts.add()
            try transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            let row = try transaction.first("SELECT balance FROM accounts WHERE id = 1")
            let balance: Int64 = try row![0]
            if attempt < 3 {
                try database.connection().execute(
                    "UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            }
            try transaction.execute("UPDATE accounts SET balance = \(balance + 50) WHERE id = 1")
        }
        #expect(attempts.count == 3)
        #expect(try await balance(1, database.pool()) == 152)
    }

    @Test func tryingAgainEnds() async throws {
        let database = try await database()
        let attempts = Tally()
        let error = await #expect(throws: DatabaseError.self) {
            try await database.pool().transaction { transaction in
                attempts.add()
                try transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                try transaction.execute("SELECT 1")
                try database.connection().execute("UPDATE accounts SET balance = balance + 1")
                try transaction.execute("UPDATE accounts SET balance = 0")
            }
        }
        #expect(error?.sqlState == SQLState.serializationFailure)
        #expect(attempts.count == 5)
    }

    @Test func aDeadlockIsTriedAgain() async throws {
        let pool = try await database().pool()
        let attempts = Tally()
        let left = Barrier()
        let right = Barrier()

        @Sendable func move(
            _ first: Int64, _ second: Int64, mine: Barrier, theirs: Barrier
        ) async throws {
            try await pool.transaction { transaction in
                attempts.add()
                try transaction.execute("SET LOCAL deadlock_timeout = '10ms'")
                try transaction.execute(

                    "UPDATE accounts SET balance = balance - 1 WHERE id = \(first)")
                // Both have locked one row before either asks for the other's.
                mine.open()
                theirs.wait()
                try transaction.execute(

                    "UPDATE accounts SET balance = balance + 1 WHERE id = \(second)")
            }
        }
        async let one: Void = move(1, 2, mine: left, theirs: right)
        async let two: Void = move(2, 1, mine: right, theirs: left)
        _ = try await (one, two)
        #expect(attempts.count >= 3)
        #expect(try await balance(1, pool) == 100)
        #expect(try await balance(2, pool) == 100)
    }

    // MARK: Loss

    @Test func aSessionEndedInTheMiddleIsTriedAgainOnce() async throws {
        let database = try await database()
        let pool = database.pool(connections: 1)
        let attempts = Tally()
        try await pool.transaction { transaction in
            let attempt = attempts.add()
            try transaction.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            if attempt == 1 { try Self.endSession(of: transaction, through: database) }
            try transaction.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 2")
        }
        #expect(attempts.count == 2)
        #expect(try await balance(1, pool) == 101)
        #expect(try await balance(2, pool) == 101)
    }

    @Test func aSecondLossIsReportedAndThenForgotten() async throws {
        let database = try await database()
        let pool = database.pool(connections: 1)
        let error = await #expect(throws: DatabaseError.self) {
            try await pool.transaction { transaction in
                try Self.endSession(of: transaction, through: database)
                try transaction.execute("UPDATE accounts SET balance = 0")
            }
        }
        #expect(error?.isTransient == true)
        #expect(try await balance(1, pool) == 100)
    }

    @Test func aSessionLostJustBeforeTheCommitChangesNothingTwice() async throws {
        let database = try await database()
        let pool = database.pool(connections: 1)
        let attempts = Tally()
        try await pool.transaction { transaction in
            let attempt = attempts.add()
            try transaction.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            if attempt == 1 { try Self.endSession(of: transaction, through: database) }
        }
        #expect(attempts.count == 2)
        #expect(try await balance(1, pool) == 101)
    }

    private static func endSession(
        of transaction: borrowing Transaction, through database: TestDatabase
    ) throws {
        let process: Int64 = try transaction.first("SELECT pg_backend_pid()::bigint")![0]
        try database.connection().execute(
            "SELECT pg_terminate_backend(\(process)::integer, 5000)")
    }

    @Test func aServerThatIsAwayFailsWorkAtOnce() async throws {
        let pool = Database(
            settings: ConnectionSettings(url: "host=/nonexistent user=nobody"), connections: 2,
            queueMax: 100)
        for _ in 0..<20 {
            let error = await #expect(throws: DatabaseError.self) {
                try await pool.read { try $0.execute("SELECT 1") }
            }
            #expect(error?.isTransient == true)
        }
        await pool.close()
    }

    // MARK: Limits

    @Test func afterTheQueueIsFullWorkIsRefused() async throws {
        let pool = try await database().pool(connections: 1, queueMax: 1)
        let (started, isStarted) = AsyncStream<Void>.makeStream()
        let gate = Barrier()
        async let running: Void = pool.transaction { _ in
            isStarted.yield()
            gate.wait()
        }
        for await _ in started { break }
        // One more fits, whichever it is; then none does until the gate opens.
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do {
                        try await pool.transaction { _ in }
                        return true
                    } catch DatabaseError.overloaded {
                        gate.open()
                        return false
                    } catch {
                        return true
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try await running
        #expect(outcomes.filter { !$0 }.count == 1)
    }

    @Test func aClosedDatabaseFinishesWhatItHas() async throws {
        let database = try await database()
        let pool = database.pool(connections: 1)
        async let written: Int = pool.transaction {
            try $0.execute("UPDATE accounts SET balance = 7 WHERE id = 1")
        }
        _ = try await written
        await pool.close()
        await pool.close()
        await #expect(throws: DatabaseError.self) { try await pool.read { _ in } }
    }

    @Test func errorsOfTheBodyComeThrough() async throws {
        struct Mine: Error {}
        let pool = try await database().pool()
        await #expect(throws: Mine.self) {
            try await pool.transaction { transaction in
                try transaction.execute("UPDATE accounts SET balance = 0")
                throw Mine()
            }
        }
        #expect(try await balance(1, pool) == 100)
    }
}
