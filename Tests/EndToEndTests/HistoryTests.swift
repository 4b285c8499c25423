import Postgres
import TestSupport
import Testing

/// The bank test, with two programs on one database: whatever clients were told by either, there is
/// one order of all things that explains it.
@Suite("Concurrent histories", .serialized, .timeLimit(.minutes(2)))
struct HistoryTests {
    private static let people = 8
    private static let clients = 12
    private static let operations = 50

    @Test(arguments: [false, true])
    func twoServersMakeOneHistory(oneIsKilled: Bool) async throws {
        let made = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(
            on: made, ["FLORIN_SEND_FEE": "fixed=\(Bank.fee),basis_points=0,min=0,max=10"])
        let database = made.pool(connections: 4)
        let bank = try await Bank(servers, database, people: Self.people)
        try await Self.load(bank, killing: oneIsKilled ? servers[1] : nil)

        let (events, journal) = (bank.recorder.events, try await bank.journal())
        let violations = HistoryChecker.violations(
            in: events, journal: journal, opening: bank.opening)
        #expect(violations.isEmpty)
        let answers = events.answers
        print("A history of two servers, \(events.count) events: \(answers)")
        if oneIsKilled { #expect(answers["unknown", default: 0] > 0) }
        for answer in ["done", "replayed", "read", "insufficient_funds", "hold_already_ended"] {
            #expect(answers[answer, default: 0] > 0, "no \(answer)")
        }
        for server in servers { #expect(try await server.stop() == .exited(0)) }
        let audit = try await servers[0].run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        await database.close()
    }

    private static func load(_ bank: Bank, killing victim: FlorinServer?) async throws {
        _ = try await together(clients) { number in
            var client = BankClient(number: number, bank: bank)
            try await client.run(operations: operations / 2)
            if number == 0, let victim {
                try await victim.crash()
                try await victim.restart()
            }
            try await client.run(operations: operations / 2)
        }
    }
}
