import HTTP
import Postgres
import TestSupport
import Testing

/// More work than the ledger can do is refused early, and nothing of it was begun.
@Suite("Overload", .timeLimit(.minutes(2)))
struct OverloadTests {
    /// Together more than the ledger lets wait.
    private static let batches = 5
    private static let transfersPerBatch = 5000
    private static let residentMegabytesMax = 512

    /// While another session holds the head, one payment waits for it, batches for that, and what
    /// comes then finds no room.
    @Test func aFullQueueRefusesAtOnce() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let rich = try await Person.signUp(server.api, money: 1000)
        let poor = try await Person.signUp(server.api)
        try await rich.send(1, to: poor)
        try await poor.stepUp()
        let body = Self.batch(to: rich)
        let keys = (0..<20).map { _ in Api.newKey() }
        let pay = { @Sendable (number: Int) in
            try await rich.reply(
                .post, "/v1/transfers", .send(1, to: poor.username), key: keys[number])
        }

        let other = try Connection.open(database.settings)
        try other.run(unprepared: "BEGIN; SELECT 1 FROM ledger.head FOR UPDATE")
        async let stuck = rich.reply(.post, "/v1/transfers", .send(1, to: poor.username))
        try await Self.waitUntilSomeoneWaits(in: database)
        let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in 0..<Self.batches {
                group.addTask {
                    try await poor.reply(.post, "/v1/transfer_batches", body, key: "b-\(number)")
                }
            }
            // Only who found no room is answered while nothing is written.
            let first = try await #require(group.next())
            Self.expectOverloaded(first)
            for reply in try await together(keys.count, pay) { Self.expectOverloaded(reply) }
            #expect(try Self.residentMegabytes(of: server) < Self.residentMegabytesMax)
            try other.run(unprepared: "COMMIT")
            return try await group.reduce(into: [first]) { $0.append($1) }
        }
        let isPaid = try await stuck.status == 201
        #expect(replies.contains { $0.status == 200 })
        for reply in replies where reply.status != 200 { Self.expectOverloaded(reply) }

        // After the peak the same keys do it, each once.
        for number in keys.indices {
            var reply = try await pay(number)
            while reply.status == 503 {
                try await Task.yieldUnlessCancelled()
                reply = try await pay(number)
            }
            #expect(reply.status == 201 && !reply.isReplay, "\(reply.text)")
        }
        let paid: Int64 = isPaid ? 22 : 21
        #expect(try await rich.available() == 1000 - paid)
        #expect(try await poor.available() == paid)
        #expect(try await server.run("audit").ending == .exited(0))
        #expect(try await server.stop() == .exited(0))
    }

    private static func waitUntilSomeoneWaits(in database: TestDatabase) async throws {
        let looking = try database.connection()
        while try looking.query(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ).isEmpty { try await Task.yieldUnlessCancelled() }
    }

    /// Payments that the payer has no money for: they wait like others, and are soon decided.
    private static func batch(to friend: Person) -> JSON {
        let transfer: JSON = ["to": .string(friend.username), "amount": 100_000]
        return [
            "mode": "independent",
            "transfers": .array(Array(repeating: transfer, count: transfersPerBatch)),
        ]
    }

    private static func expectOverloaded(_ reply: Reply) {
        reply.expectProblem(503, "overloaded")
        #expect(reply.header("Retry-After") == "1")
    }

    private static func residentMegabytes(of server: FlorinServer) throws -> Int {
        let status = try #require(TestFolder.read("/proc/\(server.current.pid)/status"))
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber))) / 1024
    }
}
