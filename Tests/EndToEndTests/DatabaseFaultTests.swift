import FoundationEssentials
import HTTP
import Postgres
import TestSupport
import Testing

/// What a client sees of a database that fails, and what it finds when it asks again.
@Suite("A failing database", .serialized, .timeLimit(.minutes(2)))
struct DatabaseFaultTests {
    /// A server that reaches its database over a wire, and two people.
    private struct Setting {
        let database: TestDatabase
        let proxy: DatabaseProxy
        let server: FlorinServer
        let payer: Person
        let friend: Person

        static let money: Int64 = 10_000

        init() async throws {
            database = try await TestPostgres.database()
            proxy = DatabaseProxy(to: database.settings)
            server = try await FlorinServer.start(database: proxy.database(database))
            payer = try await Person.signUp(server.api, money: Self.money)
            friend = try await Person.signUp(server.api)
            try await payer.send(1, to: friend)
        }

        func pay(_ key: String, note: String? = nil) async throws -> Reply {
            try await payer.reply(
                .post, "/v1/transfers", .send(1, to: friend.username, note: note), key: key)
        }

        /// Asks with one key until the answer is yes.
        func insist(_ key: String, note: String? = nil) async throws -> Reply {
            while true {
                let reply = try await pay(key, note: note)
                guard reply.status == 503 else {
                    #expect(reply.status == 201, "\(reply.text)")
                    return reply
                }
                try await Task.yieldUnlessCancelled()
            }
        }

        /// So much was paid, nothing else happened, and the books are in order.
        func end(paid: Int64) async throws {
            #expect(try await payer.available() == Self.money - paid)
            #expect(try await friend.available() == paid)
            let audit = try await server.run("audit")
            #expect(audit.ending == .exited(0), "\(audit.program.output)")
            #expect(try await server.stop() == .exited(0))
            proxy.end()
        }

        func begin(_ sql: String) throws -> Connection {
            let connection = try Connection.open(database.settings)
            try connection.run(unprepared: "BEGIN; \(sql)")
            return connection
        }
    }

    private static func expectUnavailable(_ reply: Reply, _ code: String = "unavailable") {
        reply.expectProblem(503, code)
        #expect(reply.header("Retry-After") == "1")
    }

    // MARK: Lost connections

    @Test func aDatabaseThatIsAwayIsSaid() async throws {
        let setting = try await Setting()
        setting.proxy.goAway()
        let keys = (0..<20).map { _ in Api.newKey() }
        let replies = try await together(keys.count) { try await setting.pay(keys[$0]) }
        for reply in replies { Self.expectUnavailable(reply) }
        for path in ["/v1/wallets", "/health/ready"] {
            Self.expectUnavailable(try await setting.payer.reply(.get, path))
        }
        #expect(try await setting.payer.reply(.get, "/health/live").status == 200)
        setting.proxy.mend()
        for key in keys { #expect(try await !setting.insist(key).isReplay) }
        try await setting.end(paid: 21)
    }

    /// The connection is lost in the very commit and stays so: only then does nobody know.
    @Test(arguments: DatabaseProxy.Place.allCases)
    func aCommitInDoubtIsSaid(_ place: DatabaseProxy.Place) async throws {
        let setting = try await Setting()
        let (key, note) = (Api.newKey(), "note-" + Api.newKey())
        setting.proxy.cut(place, after: [note, "COMMIT"], staysAway: true)
        let reply = try await setting.pay(key, note: note)
        Self.expectUnavailable(reply, "outcome_unknown")
        #expect(!setting.proxy.mend())
        #expect(
            try await setting.insist(key, note: note).isReplay == (place == .beforeItsAnswer))
        try await setting.end(paid: 2)
    }

    /// When the database is there again at once, the server finds out by itself.
    @Test(arguments: DatabaseProxy.Place.allCases)
    func aCommitInDoubtIsLookedUp(_ place: DatabaseProxy.Place) async throws {
        let setting = try await Setting()
        let (key, note) = (Api.newKey(), "note-" + Api.newKey())
        setting.proxy.cut(place, after: [note, "COMMIT"], staysAway: false)
        let reply = try await setting.pay(key, note: note)
        #expect(reply.status == 201 && !reply.isReplay, "\(reply.text)")
        #expect(!setting.proxy.mend())
        try await setting.end(paid: 2)
    }

    @Test func sessionsThatAreEndedAreReplaced() async throws {
        let setting = try await Setting()
        let looking = try Connection.open(setting.database.settings)
        for _ in 0..<10 {
            let keys = (0..<10).map { _ in Api.newKey() }
            async let paid = together(keys.count) { (keys[$0], try await setting.pay(keys[$0])) }
            _ = try looking.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """)
            // Who was cut off while connecting is told to try again.
            for (key, reply) in try await paid where reply.status != 201 {
                Self.expectUnavailable(reply, reply.code ?? "")
                let isReplay = try await setting.insist(key).isReplay
                #expect(!isReplay || reply.code == "outcome_unknown")
            }
        }
        try await setting.end(paid: 101)
    }

    /// A database that says nothing at all, for as long as the server bears it. Only in a long run.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["FLORIN_CRASH_ROUNDS"] != nil,
            "it takes the server's whole patience"))
    func aSilentDatabaseIsGivenUp() async throws {
        let setting = try await Setting()
        setting.proxy.hold(newOnes: true)
        let keys = (0..<20).map { _ in Api.newKey() }
        let replies = try await together(keys.count) { try await setting.pay(keys[$0]) }
        for reply in replies { Self.expectUnavailable(reply, reply.code ?? "") }
        setting.proxy.mend()
        _ = try await together(keys.count) { try await setting.insist(keys[$0]) }
        try await setting.end(paid: 21)
    }

    // MARK: Locks

    /// A request that another session holds is refused to who accepts it; nobody else waits for it.
    @Test func aHeldRowHoldsUpNobodyElse() async throws {
        let setting = try await Setting()
        let asked = try await setting.friend.post(
            "/v1/requests",
            ["from": .string(setting.payer.username), "amount": 5, "currency": "KES"])
        let (path, key) = ("/v1/requests/\(asked.id)/acceptances", Api.newKey())
        let other = try setting.begin("SELECT 1 FROM payments.requests FOR UPDATE")
        async let acceptance = setting.payer.reply(.post, path, key: key)
        let others = try await together(30) { try await setting.pay("\($0)", note: "n") }
        for reply in others { #expect(reply.status == 201, "\(reply.text)") }
        Self.expectUnavailable(try await acceptance)
        try other.run(unprepared: "COMMIT")
        let accepted = try await setting.payer.reply(.post, path, key: key)
        #expect(accepted.status == 201 && !accepted.isReplay, "\(accepted.text)")
        try await setting.end(paid: 36)
    }

    @Test func aHeadThatIsHeldForAMomentIsWaitedFor() async throws {
        let setting = try await Setting()
        let other = try setting.begin("SELECT 1 FROM ledger.head FOR UPDATE")
        async let paid = together(30) { _ in try await setting.pay(Api.newKey()) }
        let looking = try Connection.open(setting.database.settings)
        while try looking.query(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ).isEmpty { try await Task.yieldUnlessCancelled() }
        try other.run(unprepared: "COMMIT")
        for reply in try await paid { #expect(reply.status == 201, "\(reply.text)") }
        try await setting.end(paid: 31)
    }

    // MARK: No room

    @Test(.enabled(if: SmallDisk.isPermitted, "only root may mount a small disk"))
    func aFullDiskIsSaid() async throws {
        let setting = try await Setting()
        let small = try await SmallTablespace(setting.database.name, setting.database.settings)
        small.disk.fill()
        var paid: Int64 = 1
        var refused: String?
        while refused == nil {
            let keys = (0..<50).map { _ in Api.newKey() }
            let replies = try await together(keys.count) { ($0, try await setting.pay(keys[$0])) }
            for (index, reply) in replies {
                if reply.status == 201 {
                    paid += 1
                } else {
                    Self.expectUnavailable(reply)
                    refused = keys[index]
                }
            }
        }
        small.disk.makeRoom()
        let key = try #require(refused)
        #expect(try await !setting.insist(key).isReplay)
        try await small.end()
        try await setting.end(paid: paid + 1)
    }

    /// No room for the write-ahead log either: PostgreSQL gives up, and is started again until it
    /// stays.
    @Test(.enabled(if: SmallDisk.isPermitted, "only root may mount a small disk"))
    func aDiskWithoutRoomForTheLogIsSurvived() async throws {
        let disk = SmallDisk(bytes: 192 << 20)
        let server = try await FlorinServer.start(
            database: nil, ["FLORIN_DATA": disk.folder.path + "/data"])
        let payer = try await Person.signUp(server.api, money: 10_000)
        let friend = try await Person.signUp(server.api)
        let told = try await server.run("database-url").program.output
        let database = ConnectionSettings(url: String(told.prefix { $0 != "\n" }))
        disk.fill()
        let connection = try Connection.open(database)
        var (acknowledged, open) = (0, "")
        while open.isEmpty {
            // What is left of the log's files is soon used up.
            do { try connection.run(unprepared: "SELECT pg_switch_wal()") } catch {}
            let key = Api.newKey()
            let reply = try await payer.reply(
                .post, "/v1/transfers", .send(1, to: friend.username), key: key)
            if reply.status == 201 { acknowledged += 1 } else { open = key }
        }
        disk.makeRoom()
        try await server.waitUntilReady()
        var reply = try await payer.reply(
            .post, "/v1/transfers", .send(1, to: friend.username), key: open)
        while reply.status == 503 {
            try await Task.yieldUnlessCancelled()
            reply = try await payer.reply(
                .post, "/v1/transfers", .send(1, to: friend.username), key: open)
        }
        #expect(reply.status == 201, "\(reply.text)")
        #expect(try await friend.available() == Int64(acknowledged + 1))
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        #expect(try await server.stop() == .exited(0))
        disk.end()
    }
}
