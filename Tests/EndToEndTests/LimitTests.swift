import FlorinClient
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Limits, plans and tiers", .timeLimit(.minutes(2)))
struct LimitTests {
    private static let path = "/v1/transfers"

    /// Small enough to be met.
    private static let settings = [
        "FLORIN_LIMIT_TRANSFER": "", "FLORIN_LIMIT_DAY": "", "FLORIN_LIMIT_MONTH": "",
        "FLORIN_LIMITS": """
        FREE.0 transfer=100,day=200,month=250,hour_count=3,day_count=5,balance=500; \
        FREE.1 transfer=150,day=300,month=900,hour_count=6,day_count=9,balance=800; \
        FREE.2 transfer=none,day=none,month=none,hour_count=none,day_count=none,balance=none; \
        PREMIUM.0 transfer=200,day=400,month=900,hour_count=8,day_count=9,balance=900; \
        PREMIUM.0.USD transfer=7,balance=none
        """,
        "FLORIN_SEND_FEE": "fixed=100", "FLORIN_SEND_FEE_PREMIUM": "fixed=10",
    ]

    // MARK: What is left

    @Test func whatIsLeftIsToldAndRefusedAlike() async throws {
        let api = try await World.own(Self.settings).api
        let friend = try await Person.signUp(api)
        var payer = try await Person.signUp(api, money: 40_000)
        try await api.goToNextDay()
        payer = try await payer.again()
        #expect(try await payer.left("per_transfer") == 10_000)
        #expect(try await payer.left("payments_per_hour") == 3)
        #expect(try await payer.left("balance") == 10_000)
        try await payer.send(9_000, to: friend)
        try await payer.send(9_000, to: friend)

        let limits = try await payer.limits()
        #expect(
            limits.map { $0["limit"]?.string } == [
                "per_transfer", "payments_per_hour", "payments_per_day", "per_day", "per_month",
                "balance",
            ])
        #expect(limits.map { $0["max"]?.integer } == [10_000, 3, 5, 20_000, 25_000, 50_000])
        // The fee is no payment, and takes nothing from a limit but from the balance.
        #expect(limits.map { $0["used"]?.integer } == [0, 2, 2, 18_000, 18_000, 21_800])
        #expect(limits.map { $0["remaining"]?.integer } == [10_000, 1, 3, 2_000, 7_000, 28_200])
        #expect(limits.map { $0["unit"]?.string }.filter { $0 == "payments" }.count == 2)

        let over = try await payer.refused(
            409, "limit_exceeded", .post, Self.path, .send(2_001, to: friend.username))
        let day = try #require(limits.first { $0["limit"]?.string == "per_day" })
        #expect(over["limit"] == day["limit"])
        #expect(over["limit_amount"] == day["max"])
        #expect(over["remaining"] == day["remaining"])
        #expect(over["resets_at"] == day["resets_at"])
        #expect(over["resets_at"]?.string?.isEmpty == false)
    }

    @Test func limitsBeginAgainWithTheirHourDayAndMonth() async throws {
        let api = try await World.own(Self.settings).api
        let friend = try await Person.signUp(api)
        var payer = try await Person.signUp(api, money: 50_000)
        try await api.goToNextDay()
        payer = try await payer.again()
        for _ in 0..<3 { try await payer.send(1, to: friend) }
        let hour = try await payer.refused(
            409, "limit_exceeded", .post, Self.path, .send(1, to: friend.username))
        #expect(hour["limit"]?.string == "payments_per_hour")
        #expect(hour["limit_count"]?.integer == 3)
        #expect(hour["limit_amount"] == nil)
        #expect(hour["remaining"]?.integer == 0)

        try await api.advanceClock(seconds: 3600)
        payer = try await payer.again()
        for _ in 0..<2 { try await payer.send(1, to: friend) }
        let day = try await payer.refused(
            409, "limit_exceeded", .post, Self.path, .send(1, to: friend.username))
        #expect(day["limit"]?.string == "payments_per_day")
        #expect(try await payer.left("payments_per_hour") == 1)

        try await api.goToNextDay()
        payer = try await payer.again()
        #expect(try await payer.left("payments_per_day") == 5)
        try await payer.send(10_000, to: friend)
        try await payer.send(10_000, to: friend)
        #expect(try await payer.left("per_day") == 0)
        // Longer than any month.
        try await api.advanceClock(seconds: 32 * 86_400)
        payer = try await payer.again()
        #expect(try await payer.left("per_month") == 25_000)
        #expect(try await payer.left("per_day") == 20_000)
    }

    // MARK: The ceiling

    @Test func whoPaysIsNotToldWhatTheRecipientHas() async throws {
        let api = try await World.own(Self.settings).api
        let (payer, friend) = (
            try await Person.signUp(api, money: 50_000), try await Person.signUp(api, money: 49_000)
        )
        let refusal = try await payer.refused(
            409, "recipient_cannot_receive", .post, Self.path,
            .send(1_001, to: friend.username))
        let names = refusal.object?.members.map(\.name)
        #expect(names == ["type", "title", "status", "code", "detail", "request_id"])
        try await payer.send(1_000, to: friend)
        #expect(try await friend.available() == 50_000)

        // Of one's own wallet one is told.
        let own = try await friend.refused(
            409, "limit_exceeded", .post, "/sandbox/topups",
            ["amount": 1, "currency": "KES"])
        #expect(own["limit"]?.string == "balance")
        #expect(own["limit_amount"]?.integer == 50_000)
        #expect(own["remaining"]?.integer == 0)
    }

    @Test func whatComesBackIsNeverTooMuch() async throws {
        let api = try await World.own(Self.settings).api
        let (payer, friend) = (
            try await Person.signUp(api, money: 50_000), try await Person.signUp(api)
        )
        let done = try await payer.send(9_000, to: friend)
        try await payer.topUp(9_000)
        _ = try await friend.post("\(Self.path)/\(done.id)/reversals")
        #expect(try await payer.available() == 59_000)
        #expect(try await payer.left("balance") == 0)
    }

    // MARK: Plans and tiers

    @Test func staffPutsAPersonOnAPlanAndAllWalletsFollow() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, Self.settings)
        let api = server.api
        let person = try await Person.signUp(api, money: 40_000)
        let staff = try await Person.staff("finance", api, database)
        let plan: JSON = ["plan": "PREMIUM", "reason": "Paid by bank on Monday."]
        let address = "/v1/staff/users/\(person.id)/plan"
        try await person.refused(403, "forbidden", .put, address, plan)
        try await staff.refused(
            404, "user_not_found", .put,
            "/v1/staff/users/00000000-0000-7000-8000-000000000000/plan",
            plan)

        _ = try await person.post("/v1/wallets", ["currency": "EUR"])
        let changed = try await api.expect(200, .put, address, plan, token: staff.token)
        #expect(changed["plan"]?.string == "PREMIUM")
        #expect(changed["kyc_tier"]?.integer == 0)
        for currency in ["KES", "EUR"] {
            #expect(try await person.left("per_transfer", currency) == 20_000)
        }
        // What is opened afterwards, and in another currency, has its own.
        _ = try await person.post("/v1/wallets", ["currency": "USD"])
        #expect(try await person.left("per_transfer", "USD") == 700)
        #expect(try await person.left("per_day", "USD") == 40_000)
        #expect(try await person.left("balance", "USD") == nil)
        #expect(try await person.get("/v1/me")["plan"]?.string == "PREMIUM")

        let acts = try Connection.open(database.settings).query(
            """
            SELECT actor::text, subject::text, reason FROM identity.acts
            WHERE kind = 'plan_changed'
            """)
        #expect(acts.count == 1)
        #expect(try acts[0][0] as String == staff.id)
        #expect(try acts[0][1] as String == person.id)
        #expect(try acts[0][2] as String == "Paid by bank on Monday.")
    }

    @Test func feesAreOfThePayersPlan() async throws {
        let database = try await TestPostgres.database()
        let api = try await FlorinServer.start(database: database, Self.settings).api
        let (payer, friend) = (
            try await Person.signUp(api, money: 40_000), try await Person.signUp(api)
        )
        let body = JSON.send(1_000, to: friend.username)
        for (plan, fee) in [("FREE", Int64(100)), ("PREMIUM", 10)] {
            _ = try await api.expect(
                200, .put, "/sandbox/standing", ["plan": .string(plan)], token: payer.token)
            let quote = try await payer.post(Self.path + "/preview", body, status: 200)
            #expect(quote["fee"]?.integer == fee)
            #expect(try await payer.post(Self.path, body)["fee"]?.integer == fee)
        }
        #expect(try await payer.available() == 40_000 - 2_000 - 110)
    }

    @Test func aTierIsTakenAwayByStaffAndGivenByNoOneAlone() async throws {
        let database = try await TestPostgres.database()
        let api = try await FlorinServer.start(database: database, Self.settings).api
        let person = try await Person.signUp(api, money: 40_000)
        let staff = try await Person.staff("admin", api, database)
        let address = "/v1/staff/users/\(person.id)/kyc_tier"
        let (one, none): (JSON, JSON) = (
            ["kyc_tier": 1, "reason": "Seen"], ["kyc_tier": 0, "reason": "The passport is false."]
        )
        try await staff.refused(409, "tier_needs_approval", .put, address, one)
        try await person.refused(403, "forbidden", .put, address, none)
        for role in ["support", "auditor"] {
            let other = try await Person.staff(role, api, database)
            try await other.refused(403, "forbidden", .put, address, none)
        }
        _ = try await api.expect(
            200, .put, "/sandbox/standing", ["kyc_tier": 1], token: person.token)
        #expect(try await person.left("per_transfer") == 15_000)
        _ = try await api.expect(200, .put, address, none, token: staff.token)
        #expect(try await person.left("per_transfer") == 10_000)
        // At 400 of 500 it keeps what it has.
        #expect(try await person.available() == 40_000)
        // Without limits there is nothing to tell.
        _ = try await api.expect(
            200, .put, "/sandbox/standing", ["kyc_tier": 2], token: person.token)
        #expect(try await person.limits().isEmpty)
    }

    @Test func aChangeInOneProcessIsObeyedByTheOtherAtOnce() async throws {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database, Self.settings)
        let here = servers[0].api
        let (payer, friend) = (
            try await Person.signUp(here, money: 50_000), try await Person.signUp(here)
        )
        let away = payer.at(servers[1])
        // Both writers know the wallets now.
        for each in [payer, away] { try await each.send(1, to: friend) }
        for (plan, limit) in [("PREMIUM", Int64(20_000)), ("FREE", 10_000), ("PREMIUM", 20_000)] {
            _ = try await here.expect(
                200, .put, "/sandbox/standing", ["plan": .string(plan)], token: payer.token)
            let refusal = try await away.refused(
                409, "limit_exceeded", .post, Self.path, .send(limit + 1, to: friend.username))
            #expect(refusal["limit_amount"]?.integer == limit)
            #expect(try await away.left("per_transfer") == limit)
        }
        try await away.send(20_000 - 2, to: friend)
    }

    @Test func otherSettingsReachTheWalletsThatExist() async throws {
        let server = try await World.own(Self.settings)
        let person = try await Person.signUp(server.api, money: 100)
        try await server.stop()
        let changed = Self.settings.merging(
            ["FLORIN_LIMITS": "*.* transfer=12", "PATH": "/usr/bin:/bin"]
        ) { _, new in new }
        let environment = server.environment.merging(changed) { _, new in new }
        let applied = try await FlorinServer.run(["apply-limits"], environment)
        #expect(applied.ending == .exited(0))
        try await server.restart()
        #expect(try await person.left("per_transfer") == 1_200)
        #expect(try await person.left("payments_per_hour") == 30)
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0))
    }

    @Test(arguments: [
        "FREE.0", "FREE transfer=1", "FREE.3 transfer=1", "GOLD.0 transfer=1",
        "FREE.0.XXX transfer=1", "FREE.0 transfer=-1", "FREE.0 speed=1", "FREE.0 transfer=",
        "FREE.0 transfer=1 day=2",
    ])
    func aTableThatDoesNotReadKeepsTheServerFromStarting(_ table: String) async throws {
        let (program, ending) = try await FlorinServer.run(
            ["serve"], ["FLORIN_LIMITS": table, "FLORIN_DATA": "/nonexistent"])
        #expect(ending == .exited(1))
        #expect(program.complaints.contains("FLORIN_LIMITS: such as"))
    }
}

extension Person {
    /// The limits of one wallet, as `GET /v1/limits` tells them.
    func limits(_ currency: String = "KES") async throws -> [JSON] {
        let wallets = try await get("/v1/limits").rows
        let wallet = try #require(wallets.first { $0["currency"]?.string == currency })
        return wallet["limits"]?.array ?? []
    }

    func left(_ limit: String, _ currency: String = "KES") async throws -> Int64? {
        try await limits(currency).first { $0["limit"]?.string == limit }?["remaining"]?.integer
    }

    /// Logged in anew: the clock has left the old session behind.
    func again() async throws -> Person {
        let session = try await api.logIn(username)
        return Person(
            api: api, id: id, username: username, phone: phone, email: email,
            token: session["access_token"]?.string ?? "",
            refreshToken: session["refresh_token"]?.string ?? "")
    }

    /// Someone whom the operator has given a role.
    static func staff(
        _ role: String, _ api: Api, _ database: TestDatabase
    ) async throws -> Person {
        let person = try await Person.signUp(api)
        try Connection.open(database.settings).execute(
            "UPDATE identity.users SET role = \(role) WHERE username = \(person.username)")
        try person.letWork(by: Connection.open(database.settings))
        return person
    }
}

extension Api {
    /// To an hour after the next midnight of UTC, as the server has it.
    func goToNextDay() async throws {
        let answer = try await expect(
            200, .post, "/sandbox/clock", ["advance_seconds": .integer(0)])
        let now = try #require(answer["now"]?.string)
        let clock = now.dropFirst(11).prefix(8).split(separator: ":").compactMap { Int64($0) }
        let seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
        try await advanceClock(seconds: 86_400 - seconds + 3600)
    }
}
