import Postgres
import TestSupport
import Testing
import Values

@Suite struct MigratorTests {
    private let one = Migration(
        slice: "a", number: 1, name: "things", sql: "CREATE TABLE things (id bigint)")
    private let two = Migration(
        slice: "a", number: 2, name: "more",
        sql: "ALTER TABLE things ADD COLUMN name text; INSERT INTO things VALUES (1, 'x;y')")
    private let other = Migration(
        slice: "b", number: 1, name: "others", sql: "CREATE TABLE others AS SELECT * FROM things")

    /// The words of the refusal, which must tell a person what to do.
    private func refusal(_ migrations: [Migration], on database: TestDatabase) -> String {
        let error = #expect(throws: DatabaseError.self) {
            try Migrator.run(migrations, on: database.settings)
        }
        guard case .configuration(let words) = error else { return "\(String(describing: error))" }
        return words
    }

    @Test func runsWhatIsMissing() async throws {
        let database = try await TestPostgres.database()
        #expect(try Migrator.run([], on: database.settings) == 0)
        #expect(try Migrator.run([one], on: database.settings) == 1)
        #expect(try Migrator.run([one, two, other], on: database.settings) == 2)
        #expect(try Migrator.run([one, two, other], on: database.settings) == 0)
        let row = try database.connection().first("SELECT name FROM others")
        #expect(try row?[0] == "x;y")
    }

    @Test func refusesGapsAndDisorder() async throws {
        let database = try await TestPostgres.database()
        #expect(refusal([two], on: database).contains("a 1 was expected"))
        #expect(refusal([one, one], on: database).contains("a 2 was expected"))
        #expect(try Migrator.run([one], on: database.settings) == 1)
    }

    @Test func refusesChangedText() async throws {
        let database = try await TestPostgres.database()
        try Migrator.run([one], on: database.settings)
        let changed = Migration(
            slice: "a", number: 1, name: "things", sql: "CREATE TABLE things (id  bigint)")
        #expect(refusal([changed, two], on: database).contains("changed after it was run"))
    }

    @Test func refusesANewerDatabase() async throws {
        let database = try await TestPostgres.database()
        try Migrator.run([one, two, other], on: database.settings)
        #expect(refusal([one, two], on: database).contains("newer than this program"))
        #expect(refusal([one], on: database).contains("a 2"))
    }

    @Test func refusesAHoleInTheTable() async throws {
        let database = try await TestPostgres.database()
        try Migrator.run([one, two], on: database.settings)
        try database.connection().execute("DELETE FROM florin.migrations WHERE number = 1")
        #expect(refusal([one, two], on: database).contains("changed by hand"))
    }

    @Test func aFailureLeavesTheStepsBeforeIt() async throws {
        let database = try await TestPostgres.database()
        let bad = Migration(
            slice: "a", number: 2, name: "bad",
            sql: "CREATE TABLE half (id bigint); SELECT nonsense FROM things")
        #expect(refusal([one, bad], on: database).contains("nonsense"))
        let connection = try database.connection()
        #expect(try connection.first("SELECT to_regclass('half') IS NULL")?[0] == true)
        #expect(try Migrator.run([one, two], on: database.settings) == 1)
    }

    @Test func twoAtOnceRunEachStepOnce() async throws {
        let database = try await TestPostgres.database()
        let migrations = [one, two, other]
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { try Migrator.run(migrations, on: database.settings) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts.sorted() == [0, 0, 0, 3])
    }
}
