import HTTP
import OfflineProtocol
import Postgres
import TestSupport
import Testing

/// A server of a test's own, whose clock it moves, with a fund for offline payments.
struct OfflineWorld: Sendable {
    let server: FlorinServer
    let database: TestDatabase

    static let day: Int64 = 86_400

    static func start(fund: Int64 = 0) async throws -> OfflineWorld {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let world = OfflineWorld(server: server, database: database)
        if fund > 0 { try await world.fill(fund) }
        return world
    }

    var api: Api { server.api }

    /// A member of finance puts money aside.
    func fill(_ amount: Int64) async throws {
        let finance = try await staff("finance")
        _ = try await finance.post(
            "/v1/staff/offline/fund",
            ["currency": "KES", "amount": .integer(amount), "reason": "The guarantee."])
    }

    /// The role is given before the first request, so nobody has looked it up yet.
    func staff(_ role: String) async throws -> Person {
        let person = try await Person.signUp(api)
        try database.connection().execute(
            "UPDATE identity.users SET role = \(role) WHERE username = \(person.username)")
        try person.letWork(by: database.connection())
        return person
    }

    func device(money: Int64 = 0, own: Int64 = 0, isReceiveOnly: Bool = false) async throws
        -> Device
    {
        try await Device.enrol(
            Person.signUp(api, money: money), own: own, isReceiveOnly: isReceiveOnly)
    }

    /// Moves the clock. Sessions end meanwhile, so whoever goes on logs in again.
    func pass(days: Int64, _ devices: inout [Device]) async throws {
        try await api.advanceClock(seconds: days * Self.day)
        for index in devices.indices { try await devices[index].logInAgain() }
    }

    func exposure() async throws -> JSON {
        let finance = try await staff("finance")
        let all = try await finance.get("/v1/staff/offline/exposure").rows
        return try #require(all.first { $0["currency"]?.string == "KES" })
    }

    /// What the books of this world must be like whatever was done.
    func check(at location: SourceLocation = #_sourceLocation) async throws {
        let hands = try database.connection()
        func number(_ sql: SQL) throws -> Int64 { try hands.query(sql)[0][0] }
        #expect(
            try number("SELECT sum(posted)::bigint FROM ledger.accounts") == 0,
            sourceLocation: location)
        // Debts stand twice: what one person owes, and to whom.
        #expect(
            try number(
                """
                SELECT count(*) FROM offline.funds f
                JOIN ledger.accounts a ON a.id = f.owed_to_fund
                JOIN ledger.accounts b ON b.id = f.owed_to_payees
                WHERE a.posted <> (SELECT coalesce(sum(remaining), 0) FROM offline.claims c
                        WHERE c.currency = f.currency AND c.record IS NULL)
                    OR b.posted <> (SELECT coalesce(sum(remaining), 0) FROM offline.claims c
                        WHERE c.currency = f.currency AND c.record IS NOT NULL)
                """) == 0, sourceLocation: location)
        #expect(
            try number(
                """
                SELECT count(*) FROM offline.debtors d JOIN ledger.accounts a ON a.id = d.debt
                WHERE -a.posted <> (SELECT coalesce(sum(remaining), 0) FROM offline.claims c
                    WHERE c.debtor = d.user_id AND c.currency = d.currency)
                """) == 0, sourceLocation: location)
        // A bucket holds what was paid for its record and has not gone on.
        #expect(
            try number(
                """
                SELECT count(*) FROM offline.records r JOIN ledger.accounts a ON a.id = r.bucket
                WHERE a.posted > r.paid OR a.posted < 0
                    OR (r.closed_at IS NOT NULL AND a.posted <> 0)
                """) == 0, sourceLocation: location)
        // Whoever overspent left two records that prove it.
        #expect(
            try number(
                """
                SELECT count(*) FROM offline.cases c WHERE c.overspent > 0 AND NOT EXISTS (
                    SELECT FROM offline.conflicts p WHERE p.wid = c.wid)
                """) == 0, sourceLocation: location)
        let audit = try await server.run("audit")
        #expect(
            audit.ending == .exited(0), "\(audit.program.output)", sourceLocation: location)
    }
}
