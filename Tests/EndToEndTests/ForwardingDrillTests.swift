import FoundationEssentials
import Glibc
import HTTP
import Postgres
import TestSupport
import Testing

/// Two programs of which one writes for both; one or the other dies or stands still under load.
///
/// `FLORIN_CRASH_ROUNDS` makes it longer; `FLORIN_CRASH_SEED` chooses the same blows and moments
/// again.
@Suite("Forwarding drills", .timeLimit(.minutes(30)))
struct ForwardingDrillTests {
    enum Blow: String, CaseIterable {
        case writerKilled, forwarderKilled, writerStalled, forwarderStalled
    }

    /// Payments before a blow, at most, and while a program stands still.
    private static let paymentsMax = 300
    private static let paymentsMeanwhile = 60

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func whatIsAcknowledgedIsThereOnceWhicheverFails() async throws {
        let rounds = Self.number("FLORIN_CRASH_ROUNDS").map { Int($0) } ?? Blow.allCases.count
        let seed = Self.number("FLORIN_CRASH_SEED") ?? .random(in: 0..<1_000_000_000)
        print("Forwarding drills: FLORIN_CRASH_SEED=\(seed) FLORIN_CRASH_ROUNDS=\(rounds)")
        var random = SplitMix64(seed: seed)
        let pair = try await Pair()
        var blows: [Blow] = []
        for round in 0..<rounds {
            if blows.isEmpty { blows = Blow.allCases.shuffled(using: &random) }
            let blow = blows.removeLast()
            let moment = Int(random.number(0...Int64(Self.paymentsMax)))
            try await pair.round(blow, after: moment)
            let figures = pair.figures
            print(
                "round \(round + 1), \(blow): \(figures.words), "
                    + "\(figures.replayedAtOnce) replayed at once")
        }
        try await pair.end()
    }

    /// Two programs on one database, and people who come to either.
    private final class Pair {
        private let servers: [FlorinServer]
        private let database: ConnectionSettings
        private let drill: Drill
        private(set) var figures = Drill.Figures()

        private static let names = ["drill-one", "drill-two"]

        init() async throws {
            let made = try await TestPostgres.database()
            database = made.settings
            let named = try await together(Self.names.count) { number in
                let name = Self.names[number]
                // The sessions of each can be told apart.
                let url = made.connectionString + " application_name=\(name)"
                return (name, try await FlorinServer.colleague(on: made, ["DATABASE_URL": url]))
            }
            servers = named.sorted { $0.0 < $1.0 }.map(\.1)
            drill = try await Drill(at: servers.map(\.api), database, mayBeForwarded: true)
        }

        func round(_ blow: Blow, after count: Int) async throws {
            let (servers, gate, database) = (servers, drill.gate, database)
            let entries = try await drill.pay(count) {
                let (writer, forwarder) = try await Self.roles(of: servers)
                switch blow {
                case .writerKilled: try await writer.crash()
                case .forwarderKilled: try await forwarder.crash()
                case .writerStalled:
                    let term = try Self.term(in: database)
                    writer.current.send(SIGSTOP)
                    while try Self.term(in: database) == term {
                        try await Task.yieldUnlessCancelled()
                    }
                    // It wakes up as one whose term is over, with a batch in its hands.
                    await gate.waitForMore(paymentsMeanwhile)
                    writer.current.send(SIGCONT)
                case .forwarderStalled:
                    forwarder.current.send(SIGSTOP)
                    await gate.waitForMore(paymentsMeanwhile)
                    forwarder.current.send(SIGCONT)
                }
            }
            for (name, server) in zip(Self.names, servers) where server.current.hasEnded {
                try await Self.waitUntilGone(name, from: database)
                try await server.restart()
            }
            try await drill.settle(entries, into: &figures)
            let audit = try await servers[0].run("audit")
            #expect(audit.ending == .exited(0), "\(audit.program.output)")
        }

        /// What the histories say at the end, and that nothing else was written.
        func end() async throws {
            let connection = try Connection.open(database)
            let lines: Int64? = try connection.first("SELECT count(*) FROM ledger.transfers")?[0]
            #expect(lines == Int64(figures.posted + drill.people.count))
            var entries = 0
            for person in drill.people { entries += try await person.history().count }
            #expect(entries == 2 * figures.posted + drill.people.count)
            for server in servers { #expect(try await server.stop() == .exited(0)) }
        }

        /// Who forwards under the load of this moment, and to whom.
        private static func roles(
            of servers: [FlorinServer]
        ) async throws -> (writer: FlorinServer, forwarder: FlorinServer) {
            let before = try await forwarded(by: servers)
            while true {
                try await Task.yieldUnlessCancelled()
                let now = try await forwarded(by: servers)
                if let index = now.indices.first(where: { now[$0] > before[$0] }) {
                    return (servers[1 - index], servers[index])
                }
            }
        }

        private static func forwarded(by servers: [FlorinServer]) async throws -> [Int] {
            var counts: [Int] = []
            for server in servers {
                let text = try await server.api.reply(.get, "/metrics").text
                let line = text.split(separator: "\n").first {
                    $0.hasPrefix("florin_ledger_forwarded_total ")
                }
                counts.append(line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0)
            }
            return counts
        }

        private static func term(in database: ConnectionSettings) throws -> Int64? {
            try Connection.open(database).first("SELECT term FROM ledger.head")?[0]
        }

        /// Returns when the sessions of a dead program have finished what they were sent.
        private static func waitUntilGone(
            _ name: String, from database: ConnectionSettings
        ) async throws {
            let connection = try Connection.open(database)
            while true {
                let count: Int64? = try connection.first(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = \(name)")?[0]
                if count == 0 { return }
                try await Task.yieldUnlessCancelled()
            }
        }
    }
}
