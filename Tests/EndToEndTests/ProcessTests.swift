import FlorinClient
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Several processes on one database", .timeLimit(.minutes(1)))
struct ProcessTests {
    private func pair() async throws -> (FlorinServer, FlorinServer, TestDatabase) {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database)
        return (servers[0], servers[1], database)
    }

    @Test func whatOneDoesTheOtherKnows() async throws {
        let (first, second, _) = try await pair()
        let payer = try await Person.signUp(first.api, money: 1000)
        let friend = try await Person.signUp(second.api)
        let log = EventLog(
            WalletClient(
                server: second.url,
                credentials: Credentials(
                    accessToken: friend.token, refreshToken: friend.refreshToken)))
        try await log.wait { $0 == .ready }
        // Paid at one, told at the other.
        let done = try await payer.send(300, to: friend)
        try await log.wait { event in
            if case .entry(_, let entry) = event { entry.id == done.id } else { false }
        }
        // Logged out at one, out at the other too.
        let out = try await first.api.reply(.delete, "/v1/sessions/current", token: friend.token)
        #expect(out.status == 204)
        try await log.wait { $0 == .interrupted }
        try await second.api.refused(401, "session_invalid", .get, "/v1/me", token: friend.token)
        for server in [first, second] { #expect(try await server.stop() == .exited(0)) }
    }

    @Test func bothMayWriteAtOnce() async throws {
        let (first, second, database) = try await pair()
        let apis = [first.api, second.api]
        let people = try await together(6) { try await Person.signUp(apis[$0 % 2], money: 1000) }
        let replies = try await together(120) { number in
            let (payer, payee) = (people[number % 6], people[(number + 1) % 6])
            // Every command is sent twice, once to each process.
            return try await apis[number % 2].reply(
                .post, "/v1/transfers", .send(Int64(1 + number / 12), to: payee.username),
                token: payer.token, key: "command-\(number / 12 * 6 + number % 6)")
        }
        #expect(replies.allSatisfy { $0.status == 201 })
        #expect(replies.count { !$0.isReplay } == 60)
        #expect(Set(replies.map(\.json.id)).count == 60)
        let lines: Int64? = try database.connection()
            .first("SELECT count(*) FROM ledger.transfers")?[0]
        #expect(lines == 66)
        let audit = try await first.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        for server in [first, second] { #expect(try await server.stop() == .exited(0)) }
    }
}

@Suite("Other commands", .timeLimit(.minutes(1)))
struct CommandTests {
    @Test func theySayWhatTheyDid() async throws {
        let server = try await World.server
        let migrated = try await server.run("migrate")
        #expect(migrated.ending == .exited(0))
        #expect(migrated.program.output == "the database is up to date\n")
        let address = try await server.run("database-url")
        #expect(address.program.output.contains("dbname="))
        for arguments in [["version"], ["help"], []] {
            let told = try await FlorinServer.run(arguments)
            #expect(told.ending == .exited(0))
            #expect(told.program.output.lowercased().hasPrefix("florin"))
        }
    }

    @Test func seededPeopleCanPayAndDoNotTire() async throws {
        let server = try await World.own(["FLORIN_LIMITS": "*.* hour_count=1,balance=0"])
        let file = server.folder.path + "/tokens"
        let seeded = try await server.run(
            "seed", "--people", "10", "--balance", "5000", "--currency", "KES", "--tokens", file)
        #expect(seeded.ending == .exited(0), "\(seeded.program.complaints)")
        let lines = try #require(TestFolder.read(file)).split(separator: "\n")
        #expect(lines.count == 10)
        let people = lines.map { $0.split(separator: " ").map(String.init) }
        for left in [Int64(3000), 1000] {
            let done = try await server.api.expect(
                201, .post, "/v1/transfers", .send(2000, to: people[1][0]), token: people[0][1])
            #expect(done[at: "balance", "available"]?.integer == left)
        }
        #expect(try await server.run("audit").ending == .exited(0))
        try await server.stop()
    }

    @Test func anAuditFindsWhatDoesNotMatch() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        _ = try await Person.signUp(server.api, money: 1000)
        try await server.stop()
        #expect(try await server.run("audit").ending == .exited(0))
        // Only who may switch triggers off can do this at all.
        try database.connection().run(
            unprepared: """
                ALTER TABLE ledger.accounts DISABLE TRIGGER ALL;
                UPDATE ledger.accounts SET posted = posted + 1 WHERE NOT is_system;
                """)
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(1))
        #expect(audit.program.output.contains("WRONG"))
    }

    @Test func staffMayWhatOthersMayNot() async throws {
        let server = try await FlorinServer.start(
            database: TestPostgres.database(), arguments: ["--demo"])
        let api = server.api
        let logIn = { (name: String, phone: String) in
            try await api.logIn(
                name, "try-florin-now", onNewDeviceOf: phone)["access_token"]?.string
        }
        let otieno = Person(
            api: api, id: "", username: "otieno", phone: "+254700000005", email: "",
            token: try await logIn("otieno", "+254700000005") ?? "", refreshToken: "")
        try await otieno.addApp(pin: "730518")
        let (staff, amina) = (otieno.token, try await logIn("amina", "+254700000001"))
        let done = try await api.expect(
            201, .post, "/v1/transfers", .send(100, to: "brian"), token: amina)
        _ = try await api.expect(200, .get, "/v1/transfers/\(done.id)", token: staff)
        let back = try await api.expect(
            201, .post, "/v1/staff/transfers/\(done.id)/reversals", ["reason": "Paid twice"],
            token: staff)
        #expect(back["to"]?.string == "amina")
        let report = "/api/reports/transactions?startDate=2020-01-01&endDate=2100-01-01"
        let everything = try await api.expect(200, .get, report, token: staff)
        #expect(everything["count"]?.integer ?? 0 >= 7)
        try await api.refused(403, "forbidden", .get, report, token: amina)
        try await server.stop()
    }
}
