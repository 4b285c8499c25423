import Postgres
import TestSupport
import Testing
import Values

@Suite struct SmokeTests {
    @Test func selectsOne() async throws {
        let database = try await TestPostgres.database()
        let pool = database.pool()
        let one: Int64 = try await pool.read { transaction in
            try transaction.first("SELECT \(Int64(1)) + 1")![0]
        }
        #expect(one == 2)
        await pool.close()
    }
}
