import FoundationEssentials
import HTTP
import Postgres
import Simulators
import TestSupport
import Testing
import Values

/// The program is killed under load, again and again, in whichever gap it happens to be: before a
/// call, during it, after the provider acted, before it was booked.
@Suite("Money in and out through crashes", .timeLimit(.minutes(10)))
struct RailCrashTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["FLORIN_RAIL_CRASHES"].flatMap { Int($0) } ?? 3
    private static let people = 6
    private static let money: Int64 = 10_000_000

    @Test func aKilledServerPaysOnceAndLosesNothing() async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        var random = SplitMix64(seed: seed)
        // Answers take their time, so that there is always somebody who waits for one.
        let plan = FaultPlan(
            seed: seed,
            rules: [
                FaultPlan.Rule(.delay, perMille: 500, seconds: 1),
                FaultPlan.Rule(.dropCallback, perMille: 200),
                FaultPlan.Rule(.errorAfterActing, operation: "b2c", perMille: 100),
            ])
        let vendors = try Vendors(plan: plan) { _ in .approve }
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, vendors.settings)
        var people: [Person] = []
        for _ in 0..<Self.people {
            people.append(try await Person.signUp(server.api, money: Self.money))
        }
        let amounts = Tally()
        for _ in 0..<Self.rounds {
            let booked = vendors.daraja.books.count
            let goal = booked + Int(random.number(3...12))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for person in people { group.addTask { await Self.load(person, amounts) } }
                while vendors.daraja.books.count < goal { try await Task.yieldUnlessCancelled() }
                try await server.crash()
                try await group.waitForAll()
            }
            try await server.restart()
        }
        try await Self.untilNothingIsOpen(server, vendors, database)
        try await Self.expectAgreement(vendors, database, "seed \(seed)")
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
    }

    /// One payment after the other, each of an amount of its own, until nobody answers any more.
    private static func load(_ person: Person, _ amounts: Tally) async {
        while true {
            let number = amounts.add()
            let body: JSON = [
                "rail": "mpesa", "amount": .integer(Int64(1_000 + number * 100)),
                "currency": "KES",
            ]
            let path = number.isMultiple(of: 2) ? "/v1/topups" : "/v1/payouts"
            do { _ = try await person.reply(.post, path, body) } catch { return }
        }
    }

    /// Both clocks go on until each payment has an end, or waits for a person.
    private static func untilNothingIsOpen(
        _ server: FlorinServer, _ vendors: Vendors, _ database: TestDatabase
    ) async throws {
        let hands = try database.connection()
        while true {
            var open: Int64 = 0
            // The program needs real time between two moments to ask whoever is due.
            for _ in 0..<looksPerMoment {
                let row = try hands.query(
                    """
                    SELECT count(*) FILTER (
                            WHERE state IN ('created', 'held', 'calling', 'unknown')),
                        count(*) FILTER (WHERE state <> 'review' AND due_at IS NOT NULL)
                    FROM rails.payments
                    """)[0]
                open = try row[0]
                let due: Int64 = try row[1]
                if open == 0, due == 0 { return }
                try await Task.yieldUnlessCancelled()
            }
            vendors.world.clock.advance(seconds: 45)
            try await server.api.advanceClock(seconds: open > 0 ? 45 : 4_000)
        }
    }

    private static let looksPerMoment = 50

    /// Every amount is of one payment, so the provider's books tell whose each line is.
    private static func expectAgreement(
        _ vendors: Vendors, _ database: TestDatabase, _ what: String
    ) async throws {
        let lines = Dictionary(grouping: vendors.daraja.books, by: \.amount)
        let rows = try database.connection().query(
            "SELECT amount, state, hold IS NULL FROM rails.payments")
        #expect(!rows.isEmpty)
        for row in rows {
            let (amount, state, isFree): (Int64, String, Bool) = (
                try row[0], try row[1], try row[2]
            )
            let booked = lines[amount] ?? []
            #expect(booked.count <= 1, "\(what): \(amount) was done twice")
            switch state {
            case "settled": #expect(booked.count == 1, "\(what): \(amount) is settled here only")
            case "failed": #expect(booked.isEmpty, "\(what): \(amount) failed here only")
            default: #expect(state == "review", "\(what): \(amount) is \(state)")
            }
            #expect(isFree || state == "review", "\(what): \(amount) is \(state) and held")
        }
        let known = Set(try rows.map { row -> Int64 in try row[0] })
        #expect(known.isSuperset(of: lines.keys), "\(what): the provider did what nobody asked")
    }
}
