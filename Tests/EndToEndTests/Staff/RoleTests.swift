import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Roles", .timeLimit(.minutes(1)))
struct RoleTests {
    private static let report = "/v1/audit_acts"

    @Test func theFirstAdminComesFromTheTerminalAndGivesRolesThatSessionsSeeAtOnce() async throws {
        let office = try await Office()
        let clerk = try await Person.signUp(office.api)
        try clerk.letWork(by: office.hands())
        try await clerk.refused(403, "forbidden", .get, Self.report)
        let given = try await office.give("auditor", to: clerk, by: office.admin)
        #expect(given.json["role"]?.string == "auditor")
        #expect(given.json["username"]?.string == clerk.username)
        _ = try await clerk.get(Self.report)
        // The same once more is no act.
        #expect(try await office.give("auditor", to: clerk, by: office.admin).status == 200)
        #expect(try await office.give("customer", to: clerk, by: office.admin).status == 200)
        try await clerk.refused(403, "forbidden", .get, Self.report)

        let acts = try await office.acts("role_given")
        #expect(acts.map { $0[at: "after", "role"]?.string } == ["admin", "auditor", "customer"])
        #expect(
            acts.map { $0[at: "before", "role"]?.string } == ["customer", "customer", "auditor"])
        try #require(acts.count == 3)
        #expect(acts[0]["actor"] == nil)
        #expect(acts[0]["reason"]?.string?.hasSuffix(": She founded it.") == true)
        #expect(acts[1][at: "actor", "id"]?.string == office.admin.id)
        #expect(acts[1]["reason"]?.string == "As agreed.")
    }

    @Test func anotherProcessSeesItAtOnceToo() async throws {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database)
        let admin = try await Person.staff("admin", at: servers[0], database)
        let clerk = try await Person.signUp(servers[1].api)
        try clerk.letWork(by: database.connection())
        try await clerk.refused(403, "forbidden", .get, Self.report)
        for (role, status) in [("auditor", 200), ("customer", 403), ("auditor", 200)] {
            _ = try await admin.reply(
                .put, "/v1/staff/people/\(clerk.id)/role",
                ["role": .string(role), "reason": "A shift."])
            // What was committed is told to the other process, which may need a moment to hear it.
            while try await clerk.reply(.get, Self.report).status != status {
                try await Task.yieldUnlessCancelled()
            }
        }
    }

    @Test func nobodyChangesTheirOwnAndOnlyAdminsGive() async throws {
        let office = try await Office()
        let address = "/v1/staff/people/\(office.admin.id)/role"
        let body: JSON = ["role": "customer", "reason": "Tired."]
        try await office.admin.refused(403, "own_role", .put, address, body)
        for role in ["customer", "worker", "merchant", "support", "finance", "auditor"] {
            let other = try await office.hire(role)
            try await other.refused(403, "forbidden", .put, address, body)
            try await other.refused(
                403, "forbidden", .put, "/v1/staff/people/\(other.id)/role",
                ["role": "admin", "reason": "I want to."])
        }
        try await office.admin.refused(
            404, "user_not_found", .put,
            "/v1/staff/people/00000000-0000-7000-8000-000000000000/role", body)
        for (body, field) in [
            (["role": "customer"], "/reason"), (["role": "owner", "reason": "x"], "/role"),
            (["role": "customer", "reason": ""], "/reason"),
        ] as [(JSON, String)] {
            let problem = try await office.admin.refused(
                400, "invalid_request", .put, address, body)
            #expect(problem["field"]?.string == field)
        }
    }

    @Test func theLastAdminStaysForTheTerminalAndTheDatabaseToo() async throws {
        let office = try await Office()
        let deposed = try await office.server.run(
            "grant-role", office.admin.username, "customer", "--reason", "By mistake.")
        #expect(deposed.ending == .exited(1))
        #expect(deposed.program.complaints.contains("This is the last admin"))
        let hands = try office.hands()
        for statement: SQL in [
            "UPDATE identity.users SET role = 'customer' WHERE role = 'admin'",
            "UPDATE identity.users SET role = 'auditor' WHERE role = 'admin'",
        ] {
            #expect(throws: DatabaseError.self) { try hands.execute(statement) }
        }
        let second = try await office.hire("admin")
        #expect(try await office.give("customer", to: office.admin, by: second).status == 200)
        #expect(try await office.give("customer", to: second, by: office.admin).code == "forbidden")
        #expect(throws: DatabaseError.self) {
            try hands.execute("UPDATE identity.users SET role = 'worker' WHERE role = 'admin'")
        }
    }

    @Test func ofTwoWhoDeposeEachOtherOneStays() async throws {
        let office = try await Office()
        let other = try await office.hire("admin")
        let codes = try await together(2) { number in
            let (giver, taker) = number == 0 ? (office.admin, other) : (other, office.admin)
            return try await office.give("customer", to: taker, by: giver).status
        }
        #expect(codes.sorted() == [200, 403])
        let admins: Int64 = try office.hands().query(
            "SELECT count(*) FROM identity.users WHERE role = 'admin'")[0][0]
        #expect(admins == 1)
    }

    @Test func theTerminalKnowsPeopleAndRoles() async throws {
        let office = try await Office()
        for words in [
            ["nobody_here", "admin", "--reason", "x"], [office.admin.username, "owner"],
            [office.admin.username, "owner", "--reason", "x"], [office.admin.username, "finance"],
        ] {
            let (program, ending) = try await FlorinServer.run(
                ["grant-role"] + words, office.server.environment)
            #expect(ending == .exited(2), "\(words): \(program.complaints)")
        }
    }
}
