import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Roles", .timeLimit(.minutes(1)))
struct RoleTests {
    private struct Office {
        let server: FlorinServer
        let database: TestDatabase
        let admin: Person

        var api: Api { server.api }

        init() async throws {
            database = try await TestPostgres.database()
            server = try await FlorinServer.start(database: database)
            admin = try await Person.signUp(server.api)
            let granted = try await server.run(
                "grant-role", admin.username, "admin", "--reason", "She founded it.")
            try #require(granted.ending == .exited(0))
        }

        func give(_ role: String, to person: Person, by giver: Person) async throws -> Reply {
            try await giver.reply(
                .put, "/v1/people/\(person.id)/role",
                ["role": .string(role), "reason": "As agreed."])
        }
    }

    @Test func theFirstAdminComesFromTheTerminalAndGivesRoles() async throws {
        let office = try await Office()
        let clerk = try await Person.signUp(office.api)
        try await clerk.refused(403, "forbidden", .get, Self.report)
        #expect(try await office.give("finance", to: clerk, by: office.admin).status == 200)
        _ = try await clerk.get(Self.report)
        #expect(try await office.give("customer", to: clerk, by: office.admin).status == 200)
        try await clerk.refused(403, "forbidden", .get, Self.report)

        let acts = try office.database.connection().query(
            """
            SELECT actor::text, reason FROM identity.acts WHERE kind = 'role_given'
            ORDER BY position
            """)
        #expect(acts.count == 3)
        #expect(try acts[0][0] as String? == nil)
        #expect(try (acts[0][1] as String).hasSuffix("She founded it."))
        #expect(try acts[1][0] as String? == office.admin.id)
    }

    private static let report = "/api/reports/transactions?startDate=2026-01-01&endDate=2026-01-02"

    @Test func nobodyChangesTheirOwnAndTheLastAdminStays() async throws {
        let office = try await Office()
        let clerk = try await Person.signUp(office.api)
        #expect(try await office.give("customer", to: office.admin, by: office.admin).code == "own_role")
        #expect(try await office.give("admin", to: office.admin, by: clerk).code == "forbidden")
        let deposed = try await office.server.run(
            "grant-role", office.admin.username, "customer", "--reason", "By mistake.")
        #expect(deposed.ending == .exited(1))
        #expect(try await office.give("admin", to: clerk, by: office.admin).status == 200)
    }

    @Test func ofTwoWhoDeposeEachOtherOneStays() async throws {
        let office = try await Office()
        let other = try await Person.signUp(office.api)
        #expect(try await office.give("admin", to: other, by: office.admin).status == 200)
        let codes = try await together(2) { number in
            let (giver, taker) = number == 0 ? (office.admin, other) : (other, office.admin)
            return try await office.give("customer", to: taker, by: giver).status
        }
        #expect(codes.sorted() == [200, 403])
        let admins: Int64 = try office.database.connection().query(
            "SELECT count(*) FROM identity.users WHERE role = 'admin'")[0][0]
        #expect(admins == 1)
    }

    @Test func theDatabaseKeepsTheLastAdminToo() async throws {
        let office = try await Office()
        let hands = try office.database.connection()
        #expect(throws: DatabaseError.self) {
            try hands.execute("UPDATE identity.users SET role = 'customer' WHERE role = 'admin'")
        }
    }
}
