import Postgres
import TestSupport
import Testing
import Values

@Suite struct GatheredReadTests {
    private static let schema = [
        Migration(
            slice: "tests", number: 1, name: "words",
            sql: """
                CREATE TABLE words (number bigint NOT NULL, word text NOT NULL);
                INSERT INTO words SELECT n, 'a' || n FROM generate_series(1, 50) AS n;
                INSERT INTO words SELECT n, 'b' || n FROM generate_series(1, 50, 2) AS n
                """)
    ]

    /// The words of numbers, and how many statements asked for them.
    private struct Words {
        let pool: Database
        let statements = Tally()
        let read: GatheredRead<Int64, String>

        init(_ database: TestDatabase, connections: Int = 2) {
            pool = database.pool(connections: connections)
            let statements = statements
            read = GatheredRead(pool) { askers, numbers in
                statements.add()
                return """
                    SELECT w.word, q.asker FROM unnest(\(askers), \(numbers)) AS q(asker, number)
                    JOIN words w USING (number) ORDER BY w.word
                    """
            } decode: { row in
                try row[0]
            }
        }
    }

    private func words(connections: Int = 2) async throws -> Words {
        Words(try await TestPostgres.database(migrations: Self.schema), connections: connections)
    }

    @Test func everyoneGetsTheirOwnAnswers() async throws {
        let words = try await words()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in Int64(1)...200 {
                group.addTask {
                    let expected =
                        number > 50
                        ? [] : number % 2 == 1 ? ["a\(number)", "b\(number)"] : ["a\(number)"]
                    let answer = try await words.read.ask([number])
                    #expect(answer == expected)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await words.read.ask([2, 4, 2]) == ["a2", "a2", "a4"])
        #expect(try await words.read.ask([]).isEmpty)
        #expect(words.statements.count <= 201)
    }

    /// Tasks of one actor run one after the other, so that all have asked when the last one runs.
    @MainActor @Test func whatComesMeanwhileIsAskedTogether() async throws {
        let words = try await words(connections: 1)
        let (isBusy, mayGoOn) = (AsyncStream<Void>.makeStream(), Barrier())
        let blocking = Task {
            try await words.pool.read { _ in
                isBusy.continuation.finish()
                mayGoOn.wait()
            }
        }
        for await _ in isBusy.stream {}
        let asking = (Int64(1)...40).map { number in
            Task { try await words.read.ask([number]).first }
        }
        await Task {}.value
        mayGoOn.open()
        try await blocking.value
        for (number, task) in zip(1..., asking) { #expect(try await task.value == "a\(number)") }
        #expect(words.statements.count == 1)
    }

    @Test func oneSeesWhatWasCommittedBeforeOneAsked() async throws {
        let database = try await TestPostgres.database(migrations: Self.schema)
        let words = Words(database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in Int64(1000)..<1040 {
                group.addTask {
                    try await words.pool.transaction { transaction in
                        try transaction.execute(
                            "INSERT INTO words VALUES (\(number), \("c\(number)"))")
                    }
                    let answer = try await words.read.ask([number])
                    #expect(answer == ["c\(number)"])
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func aFaultIsToldToAllAndThenForgotten() async throws {
        let database = try await TestPostgres.database(migrations: Self.schema)
        let words = Words(database)
        try database.connection().execute("ALTER TABLE words RENAME TO others")
        await withTaskGroup(of: Void.self) { group in
            for number in Int64(1)...20 {
                group.addTask {
                    await #expect(throws: DatabaseError.self) { try await words.read.ask([number]) }
                }
            }
        }
        try database.connection().execute("ALTER TABLE others RENAME TO words")
        #expect(try await words.read.ask([2]) == ["a2"])
    }

    @Test func aLostConnectionIsReplaced() async throws {
        let database = try await TestPostgres.database(migrations: Self.schema)
        let words = Words(database, connections: 1)
        let ended: GatheredRead<Int64, Bool> = GatheredRead(words.pool) { askers, _ in
            """
            SELECT pg_terminate_backend(a.pid), q.asker FROM unnest(\(askers)) AS q(asker)
            JOIN pg_stat_activity a ON a.pid = pg_backend_pid()
            """
        } decode: { row in
            try row[0]
        }
        await #expect(throws: DatabaseError.self) { try await ended.ask([1]) }
        #expect(try await words.read.ask([2]) == ["a2"])
        await words.pool.close()
        await #expect(throws: DatabaseError.self) { try await words.read.ask([2]) }
    }
}
