import HTTP
import Postgres
import TestSupport
import Testing

/// A server with an admin who came from the terminal, and who makes staff of others.
struct Office: Sendable {
    let server: FlorinServer
    let database: TestDatabase
    let admin: Person

    var api: Api { server.api }

    init(_ settings: [String: String] = [:]) async throws {
        database = try await TestPostgres.database()
        server = try await FlorinServer.start(database: database, settings)
        admin = try await Person.signUp(server.api)
        try admin.letWork(by: database.connection())
        let granted = try await server.run(
            "grant-role", admin.username, "admin", "--reason", "She founded it.")
        try #require(granted.ending == .exited(0), "\(granted.program.complaints)")
        try await admin.stepUpByPassword()
    }

    func give(_ role: String, to person: Person, by giver: Person) async throws -> Reply {
        try await giver.reply(
            .put, "/v1/staff/people/\(person.id)/role",
            ["role": .string(role), "reason": "As agreed."])
    }

    /// Somebody to whom the admin gave that role.
    func hire(_ role: String) async throws -> Person {
        let person = try await Person.signUp(api)
        try person.letWork(by: database.connection())
        try #require(try await give(role, to: person, by: admin).status == 200)
        try await person.stepUpByPassword()
        return person
    }

    /// The acts of a kind, oldest first, as an auditor finds them.
    func acts(_ kind: String) async throws -> [JSON] {
        try await admin.get("/v1/audit_acts?limit=200&kind=\(kind)").rows.reversed()
    }

    func hands() throws -> Connection { try Connection.open(database.settings) }
}
