import HTTP
import Postgres
import TestSupport
import Testing

@Suite("The audit log", .timeLimit(.minutes(2)))
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
            "TRUNCATE identity.acts CASCADE", "UPDATE identity.act_origins SET person = NULL",
            "TRUNCATE identity.act_origins", "DELETE FROM identity.acts_head",
            "TRUNCATE identity.act_commitments",
        ] {
            #expect(throws: DatabaseError.self) { try connection.query(statement) }
        }
    }

    @Test func auditorsFindActsAndOthersMayNotLook() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let (person, other) = (
            try await Person.signUp(server.api), try await Person.signUp(server.api)
        )
        let auditor = try await Person.staff("auditor", at: server, database)
        let found = try await auditor.get("/v1/audit_acts?subject=\(person.id)&kind=signed_up").rows
        try #require(found.count == 1)
        #expect(found[0][at: "actor", "username"]?.string == person.username)
        #expect(found[0]["address"]?.string == "127.0.0.1")
        #expect(found[0]["at"]?.string != nil && found[0]["before"] == nil)

        for (query, isFound) in [
            ("actor=\(person.id)", true), ("actor=\(other.id)", false),
            ("address=127.0.0.1", true), ("address=192.0.2.1", false),
            ("from=2020-01-01", true), ("to=2020-01-01", false), ("reason=nothing", false),
        ] {
            let rows = try await auditor.get("/v1/audit_acts?limit=200&\(query)").rows
            let ids = rows.map { $0[at: "subject", "id"]?.string }
            #expect(ids.contains(person.id) == isFound, "\(query)")
        }
        // Page by page is the same as at once.
        let whole = try await auditor.get("/v1/audit_acts?limit=200").rows
        var (paged, cursor) = ([JSON](), String?.none)
        repeat {
            let page = try await auditor.get(
                "/v1/audit_acts?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            paged += page.rows
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        #expect(paged == whole && whole.count >= 4)

        for refused in [person, try await Person.staff("support", at: server, database)] {
            try await refused.refused(403, "forbidden", .get, "/v1/audit_acts")
        }
        try await auditor.refused(400, "cursor_invalid", .get, "/v1/audit_acts?cursor=soon")
        try await server.api.refused(401, "session_invalid", .get, "/v1/audit_acts")
    }

    /// Each with the way by which somebody came in; the ones with more than a password are in
    /// `StaffFactorTests`.
    @Test func everyLogInIsAnActAlsoOnADeviceThatIsKnown() async throws {
        let database = try await TestPostgres.database()
        let api = try await FlorinServer.start(database: database).api
        let person = try await Person.signUp(api)
        for _ in 0..<3 { _ = try await api.logIn(person.username) }
        _ = try await api.expect(
            200, .post, "/api/users/login",
            [
                "email": .string(person.email), "password": .string(Person.password),
                "device": .string(KnownDevices.token(for: person.username) ?? ""),
            ])
        let opened = try await person.get("/v1/me/acts").rows
            .filter { $0["kind"]?.string == "session_opened" }
        #expect(opened.count == 5)
        #expect(opened.allSatisfy { $0["address"]?.string == "127.0.0.1" })
        let ways = try database.connection().query(
            "SELECT reason FROM identity.acts WHERE kind = 'session_opened'")
        #expect(try ways.map { try $0[0] as String } == Array(repeating: "password", count: 5))
        // Before it sends a second step there is no session, and no act that says so.
        _ = try await api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(person.username, isNewDevice: true))
        let after = try await person.get("/v1/me/acts").rows
        #expect(after.count { $0["kind"]?.string == "session_opened" } == 5)
    }

    @Test func everybodySeesTheirOwnActs() async throws {
        let api = try await World.api
        let (person, other) = (try await Person.signUp(api), try await Person.signUp(api))
        let acts = try await person.get("/v1/me/acts").rows
        #expect(
            acts.map { $0["kind"]?.string }.suffix(3)
                == ["phone_verified", "code_sent", "signed_up"])
        #expect(acts.allSatisfy { $0["by"]?.string == "you" })
        #expect(acts.allSatisfy { $0["address"]?.string == "127.0.0.1" })
        let others = try await other.get("/v1/me/acts").rows
        #expect(!others.contains { other in acts.contains { $0["position"] == other["position"] } })
    }

    /// Each column, each row, the end of the chain: whatever is changed past the program is named.
    @Test func whateverIsTamperedWithIsNamed() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        _ = try await Person.signUp(server.api)
        _ = try await Person.signUp(server.api)
        _ = try await server.run("stop-money-out", "--reason", "A drill.")
        #expect(try await audit(server).contains("the audit log is whole"))

        let hands = try Connection.open(database.settings)
        try hands.run(
            unprepared: """
                SET session_replication_role = replica;
                CREATE TABLE public.acts AS TABLE identity.acts;
                CREATE TABLE public.origins AS TABLE identity.act_origins;
                CREATE TABLE public.head AS TABLE identity.acts_head
                """)
        let changed = "act 2 is not as it was recorded"
        for (tampering, finding) in Self.tamperings(changed) {
            try hands.run(unprepared: tampering)
            let output = try await audit(server)
            #expect(output.contains("WRONG     " + finding), "\(tampering)\n\(output)")
            try hands.run(
                unprepared: """
                    DELETE FROM identity.acts; INSERT INTO identity.acts TABLE public.acts;
                    DELETE FROM identity.act_origins;
                    INSERT INTO identity.act_origins TABLE public.origins;
                    DELETE FROM identity.acts_head; INSERT INTO identity.acts_head TABLE public.head
                    """)
        }
        #expect(try await audit(server).contains("the audit log is whole"))
    }

    private static func tamperings(_ changed: String) -> [(String, String)] {
        let two = "WHERE position = 2"
        let origin = "where act 2 came from is not as it was recorded"
        return [
            ("UPDATE identity.acts SET at = at + '1 second' \(two)", changed),
            ("UPDATE identity.acts SET kind = 'logged_in' \(two)", changed),
            ("UPDATE identity.acts SET actor = NULL \(two)", changed),
            ("UPDATE identity.acts SET subject = gen_random_uuid() \(two)", changed),
            ("UPDATE identity.acts SET reason = 'because' \(two)", changed),
            ("UPDATE identity.acts SET origin_digest = NULL \(two)", changed),
            ("UPDATE identity.acts SET change_sealed = 'x' \(two)", changed),
            ("UPDATE identity.acts SET link = sha256('x') \(two)", changed),
            ("UPDATE identity.acts SET position = 99 \(two)", "act 2 is missing"),
            ("DELETE FROM identity.acts \(two)", "act 2 is missing"),
            ("UPDATE identity.act_origins SET sealed = sealed || 'x' \(two)", origin),
            ("UPDATE identity.act_origins SET address_index = sha256('x') \(two)", origin),
            ("UPDATE identity.act_origins SET person = NULL \(two)", origin),
            ("DELETE FROM identity.act_origins \(two)", "where act 2 came from is missing"),
            (
                "DELETE FROM identity.acts WHERE position = (SELECT max(position) "
                    + "FROM identity.acts)", "the audit log ends with act "
            ),
            ("UPDATE identity.acts_head SET position = 99", "the audit log ends with act "),
            ("UPDATE identity.acts_head SET link = sha256('x')", "the audit log ends with act "),
        ]
    }

    private func audit(_ server: FlorinServer) async throws -> String {
        let (program, ending) = try await server.run("audit")
        #expect(ending == .exited(program.output.contains("WRONG") ? 1 : 0))
        return program.output
    }

    @Test func aDayOfActsIsSignedAndWhoKeptTheStatementCanHoldTheLogToIt() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        _ = try await Person.signUp(server.api)
        #expect(try await server.api.expect(200, .get, "/v1/act_commitments").rows.isEmpty)
        try await server.api.advanceClock(seconds: 86_400 + 61)
        try await server.current.logLine(containing: "identity.acts_committed")
        let page = try await server.api.expect(200, .get, "/v1/act_commitments")
        try #require(page.rows.count == 1)
        #expect(page.rows[0]["previous"]?.string == String(repeating: "0", count: 64))
        let kept = server.folder.path + "/kept.json"
        TestFolder.write(page.text, to: kept)
        let whole = try await server.run("audit", "--commitments", kept)
        #expect(whole.ending == .exited(0), "\(whole.program.output)")

        // A log that was made anew in full, signatures left out: only who kept them can tell.
        let hands = try Connection.open(database.settings)
        try hands.run(
            unprepared: """
                SET session_replication_role = replica; DELETE FROM identity.act_commitments
                """)
        #expect(try await server.run("audit").ending == .exited(0))
        let told = try await server.run("audit", "--commitments", kept)
        #expect(told.ending == .exited(1))
        #expect(told.program.output.contains("a commitment of acts that was published is not"))
        try hands.run(
            unprepared: """
                INSERT INTO identity.act_commitments
                SELECT current_date, position, sha256('x'), sha256('y'), 'a.b.c'
                FROM identity.acts WHERE position = 1
                """)
        let forged = try await server.run("audit")
        #expect(forged.program.output.contains("is not what the log gives"))
    }

    @Test func fromWhereActsCameIsForgottenAfterAYearAndTheLogSaysSo() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        try await server.api.advanceClock(seconds: 366 * 86_400)
        let connection = try Connection.open(database.settings)
        let old: SQL = "SELECT position FROM identity.act_origins WHERE position = 1"
        while try !connection.query(old).isEmpty { try await Task.yieldUnlessCancelled() }
        let auditor = try await Person.staff("auditor", at: server, database)
        let acts = try await auditor.get("/v1/audit_acts?subject=\(person.id)&kind=signed_up").rows
        #expect(acts.count == 1 && acts[0]["address"] == nil)
        #expect(try await audit(server).contains("the audit log is whole"))
        let removed = try await auditor.get("/v1/audit_acts?kind=origins_removed").rows
        #expect((removed.first?[at: "after", "through"]?.integer ?? 0) >= 1)
    }

    @Test func aStopAndAResumeOfPaymentsAreActs() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        _ = try await server.run("stop-money-out", "--reason", "A leak in the cellar.")
        _ = try await server.run("resume", "--reason", "It was only water.")
        let auditor = try await Person.staff("auditor", at: server, database)
        let stops = try await auditor.get("/v1/audit_acts?kind=money_out_stopped").rows
        try #require(stops.count == 1)
        #expect(stops[0]["reason"]?.string == "A leak in the cellar.")
        #expect(stops[0][at: "before", "money_out"]?.string == "open")
        #expect(stops[0][at: "after", "money_out"]?.string == "stopped")
        #expect(stops[0][at: "after", "decided_by"]?.string?.isEmpty == false)
        #expect(try await auditor.get("/v1/audit_acts?reason=only%20WATER").rows.count == 1)
    }
}

extension Person {
    /// Somebody whom the operator has given a role.
    static func staff(
        _ role: String, at server: FlorinServer, _ database: TestDatabase
    ) async throws -> Person {
        let person = try await Person.signUp(server.api)
        try Connection.open(database.settings).execute(
            "UPDATE identity.users SET role = \(role) WHERE id = \(person.id)::uuid")
        let session = try await server.api.logIn(person.username)
        try person.letWork(by: Connection.open(database.settings))
        return Person(
            api: person.api, id: person.id, username: person.username, phone: person.phone,
            email: person.email, token: session["access_token"]?.string ?? "",
            refreshToken: session["refresh_token"]?.string ?? "")
    }
}
