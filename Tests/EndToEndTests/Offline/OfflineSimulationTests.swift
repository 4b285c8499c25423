import HTTP
import OfflineProtocol
import Postgres
import TestSupport
import Testing

@Suite("Offline simulation", .timeLimit(.minutes(4)))
struct OfflineSimulationTests {
    private static let people = 12
    private static let cheats = 3
    private static let steps = 400
    private static let fund: Int64 = 1_000_000

    /// One day offline is shown to two copies of the same server, in two orders, by anybody, again
    /// and again, with damage on the way: both come to what the plain sum says.
    @Test func anyOrderGivesTheSameBooks() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix64(seed: seed)
        let key = ["FLORIN_MASTER_KEY": String(repeating: "5a", count: 32)]
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, key)
        let world = OfflineWorld(server: server, database: database)
        try await world.fill(Self.fund)
        var village = try await Village(
            Self.people, cheats: Self.cheats, in: world, seed: random.next())
        village.live(Self.steps)
        try #require(village.taken.count > 50, "seed \(seed)")
        _ = try await server.stop()
        let copy = try await TestPostgres.copy(of: database)

        try await server.restart()
        let other = OfflineWorld(
            server: try await FlorinServer.start(database: copy, key), database: copy)
        for place in [world, other] {
            try await show(village, to: place, &random, "seed \(seed)")
            try await settleEverything(in: place)
            try await compare(village, in: place, "seed \(seed)")
            try await place.check()
        }
    }

    private func show(
        _ village: Village, to world: OfflineWorld, _ random: inout SplitMix64,
        _ seed: String
    ) async throws {
        let people = village.people.map { $0.at(world.server) }
        var rest = village.objects(using: &random)[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Int.random(in: 1...12, using: &random)))
            rest = rest.dropFirst(some.count)
            let person = people[Int.random(in: people.indices, using: &random)]
            var sent = some
            let damaged = random.chance(20) ? damage(some[0], &random) : nil
            if let damaged { sent.append(damaged) }
            let results = try await person.post(
                "/v1/offline/objects", ["objects": .objects(sent)], status: 200)["results"]
            for result in results?.array ?? [] {
                let place = result["object"]?.integer ?? 0
                let isRejected = result.status == "rejected"
                if Int(place) < some.count {
                    #expect(!isRejected, "\(result) \(seed)")
                }
            }
        }
    }

    /// One bit of it is another, or its end is missing.
    private func damage(_ object: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var object = object
        if random.chance(30) { return object.dropLast() }
        object[Int.random(in: object.indices, using: &random)] ^=
            1 << UInt8.random(in: 0..<8, using: &random)
        return object
    }

    /// Long enough for every certificate, claim and bucket, then once more for those who owe.
    private func settleEverything(in world: OfflineWorld) async throws {
        let hands = try world.database.connection()
        try await world.api.advanceClock(seconds: 12 * OfflineWorld.day)
        try await eventually("the books come to it") {
            let open: Int64 = try hands.query(
                """
                SELECT (SELECT count(*) FROM offline.records
                        WHERE state <> 'settled' OR closed_at IS NULL)
                    + (SELECT count(*) FROM offline.wallets WHERE status <> 'retired')
                """)[0][0]
            return open == 0
        }
        try await world.api.advanceClock(seconds: 61)
        try await eventually("the books come to it") {
            let due: Int64 = try hands.query(
                """
                SELECT count(*) FROM offline.claims c
                    JOIN offline.wallets w ON w.user_id = c.debtor
                    JOIN ledger.accounts a ON a.id = w.online
                WHERE c.remaining > 0 AND a.posted > 0
                """)[0][0]
            return due == 0
        }
    }

    private func compare(
        _ village: Village, in world: OfflineWorld, _ seed: String
    ) async throws {
        let hands = try world.database.connection()
        let positions = village.positions
        for (index, person) in village.people.enumerated() {
            let online: Int64 = try hands.query(
                """
                SELECT a.posted FROM offline.wallets w JOIN ledger.accounts a ON a.id = w.online
                WHERE w.wid = \(Int64(bitPattern: village.devices[index][0].id.number))
                """)[0][0]
            #expect(online == max(0, positions[index]), "\(person.username) \(seed)")
        }
        let owed = positions.reduce(Int64(0)) { $0 + max(0, -$1) }
        let fund: Int64 = try hands.query(
            """
            SELECT a.posted FROM offline.funds f JOIN ledger.accounts a ON a.id = f.fund
            """)[0][0]
        #expect(fund == Self.fund - owed, "\(seed)")

        let accused = try hands.query("SELECT wid FROM offline.cases").map {
            UInt64(bitPattern: try $0[0] as Int64)
        }
        for (index, phones) in village.devices.enumerated() {
            let isAccused = accused.contains(phones[0].id.number)
            if !village.isCheat(index) { #expect(!isAccused, "\(seed)") }
            if positions[index] < 0 { #expect(isAccused, "\(seed)") }
        }
    }
}
