import Postgres
import TestSupport
import Testing

@Suite("The audit log", .timeLimit(.minutes(1)))
struct AuditLogTests {
    @Test func whatAPersonDidStandsThereInOrderAndCannotBeChanged() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let connection = try Connection.open(database.settings)

        let acts = try connection.query(
            "SELECT position, kind, subject::text FROM identity.acts ORDER BY position LIMIT 3")
        #expect(
            try acts.map { try $0[1] as String } == ["signed_up", "code_sent", "phone_verified"])
        #expect(try acts.map { try $0[0] as Int64 } == [1, 2, 3])
        #expect(try acts.allSatisfy { try $0[2] as String == person.id })

        for statement: SQL in [
            "UPDATE identity.acts SET reason = 'other'", "DELETE FROM identity.acts",
            "TRUNCATE identity.acts",
        ] {
            #expect(throws: DatabaseError.self) { try connection.query(statement) }
        }
    }
}
