import FlorinClient
import HTTP
import OfflineProtocol
import Postgres
import TestSupport
import Testing

@Suite("Crashes while offline payments settle", .timeLimit(.minutes(3)))
struct OfflineCrashTests {
    private static let crashes = 6
    private static let clients = 6

    /// Killed between storing and settling, or anywhere else: nothing is lost, nothing is doubled.
    @Test func whatWasShownIsSettledExactlyOnce() async throws {
        let world = try await OfflineWorld.start(fund: 1_000_000)
        var village = try await Village(8, cheats: 2, in: world, seed: 7)
        village.live(250)
        var random = SplitMix64(seed: 11)
        let objects = village.objects(using: &random)
        let people = village.people
        let shown = Tally()
        async let crashing: Void = crash(world.server, after: shown, of: objects.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<Self.clients {
                let own = objects.indices.filter { $0 % Self.clients == client }
                group.addTask {
                    for index in own {
                        try await Self.insist(objects[index], people[client])
                        shown.add()
                    }
                }
            }
            try await group.waitForAll()
        }
        try await crashing

        let hands = try world.database.connection()
        func number(_ sql: SQL) throws -> Int64 { try hands.query(sql)[0][0] }
        // The schedule finds what no upload has finished.
        try await world.api.advanceClock(seconds: 61)
        try await eventually("the books come to it") {
            try number("SELECT count(*) FROM offline.records WHERE state <> 'settled'") == 0
        }
        let records = Set(
            village.taken.flatMap { $0.payment.records.map { $0.id } }
        ).count
        #expect(
            try number("SELECT count(*) FROM offline.records")
                == Int64(records + Set(village.returned).count))
        #expect(
            try number(
                """
                SELECT count(*) FROM offline.records r WHERE r.paid > 0 AND r.paid <> coalesce(
                    (SELECT sum(t.amount) FROM ledger.transfers k JOIN ledger.transfers t
                        ON t.id >= k.id AND t.id < k.id + k.legs
                        WHERE k.key = r.id AND t.code IN (31, 32)), 0)
                """) == 0)
        try await world.check()
    }

    private func crash(_ server: FlorinServer, after shown: Tally, of count: Int) async throws {
        for crash in 1...Self.crashes {
            let mark = count * crash / (Self.crashes + 1)
            while shown.count < mark { try await Task.yieldUnlessCancelled() }
            try await server.crash()
            try await server.restart()
        }
    }

    /// Shows it until an answer comes: an upload may be repeated whatever became of it.
    private static func insist(_ object: [UInt8], _ person: Person) async throws {
        while true {
            do throws(OutboundError) {
                let reply = try await person.api.reply(
                    .post, "/v1/offline/objects", ["objects": .objects([object])],
                    token: person.token)
                if reply.status == 200 { return }
            } catch {
                // The server is away.
            }
            try await Task.yieldUnlessCancelled()
        }
    }
}
