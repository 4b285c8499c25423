import FoundationEssentials
import Glibc
import HTTP
import Postgres
import TestSupport
import Testing

/// The program, its PostgreSQL, one session of it, or all of them die at random moments under load.
///
/// `FLORIN_CRASH_ROUNDS` makes it longer; `FLORIN_CRASH_SEED` chooses the same blows and moments
/// again.
@Suite("Crash matrix", .timeLimit(.minutes(30)))
struct CrashMatrixTests {
    /// What dies, and how.
    enum Blow: String, CaseIterable {
        /// SIGKILL of the program alone: the database goes on with what it was sent.
        case program
        /// An immediate shutdown of PostgreSQL, as `pg_ctl stop -m immediate`: recovery follows.
        case database
        /// SIGKILL of its first process: the others find out by themselves.
        case postmaster
        /// SIGKILL of any other of its processes, upon which PostgreSQL restarts itself.
        case session
        /// The program and an immediate shutdown, at once.
        case both
    }

    /// Payments before a blow, at most.
    private static let paymentsMax = 300

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func whatIsAcknowledgedSurvives() async throws {
        let rounds = Self.number("FLORIN_CRASH_ROUNDS").map { Int($0) } ?? Blow.allCases.count
        let seed = Self.number("FLORIN_CRASH_SEED") ?? .random(in: 0..<1_000_000_000)
        print("The crash matrix: FLORIN_CRASH_SEED=\(seed) FLORIN_CRASH_ROUNDS=\(rounds)")
        var random = SplitMix64(seed: seed)
        let matrix = try await Matrix()
        var blows: [Blow] = []
        for round in 0..<rounds {
            if blows.isEmpty { blows = Blow.allCases.shuffled(using: &random) }
            let blow = blows.removeLast()
            let moment = Int(random.number(0...Int64(Self.paymentsMax)))
            try await matrix.round(blow, after: moment, random.next())
            print("round \(round + 1), \(blow): \(matrix.figures.words)")
        }
        try await matrix.end()
    }

    /// The world of one matrix: a program with a PostgreSQL of its own that forces everything to
    /// disk, and the drill.
    private final class Matrix {
        private let server: FlorinServer
        private let database: ConnectionSettings
        private let drill: Drill
        private(set) var figures = Drill.Figures()

        init() async throws {
            server = try await FlorinServer.start(database: nil)
            let told = try await server.run("database-url").program.output
            database = ConnectionSettings(url: String(told.prefix { $0 != "\n" }))
            drill = try await Drill(server.api, database)
        }

        private var data: String { server.folder.path + "/data" }

        func round(_ blow: Blow, after count: Int, _ choice: UInt64) async throws {
            let (server, data) = (server, data)
            // It sees the database die; when it has, whatever answers is the next one.
            let witness = try Witness(database)
            let victim = try witness.process(choice)
            let entries = try await drill.pay(count) {
                switch blow {
                case .program: try await server.crash()
                case .database: TestFolder.endServer(in: data, with: SIGQUIT)
                case .postmaster: TestFolder.endServer(in: data, with: SIGKILL)
                case .session: kill(victim, SIGKILL)
                case .both:
                    TestFolder.endServer(in: data, with: SIGQUIT)
                    try await server.crash()
                }
            }
            if blow == .program {
                try await witness.waitUntilAlone()
            } else {
                try await witness.waitForTheEnd()
            }
            if blow == .program || blow == .both {
                try await server.restart()
            } else {
                try await server.waitUntilReady()
            }
            try await drill.settle(entries, into: &figures)
            try await audit()
        }

        private func audit() async throws {
            let audit = try await server.run("audit")
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
            #expect(try await server.stop() == .exited(0))
        }
    }

    /// A session of its own that is there when PostgreSQL ends.
    private struct Witness: @unchecked Sendable {
        // One test uses it, one step after the other.
        private let connection: Connection

        init(_ settings: ConnectionSettings) throws {
            connection = try Connection.open(settings)
        }

        /// One of PostgreSQL's processes, but for the first and this one.
        func process(_ choice: UInt64) throws -> pid_t {
            let rows = try connection.query(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() ORDER BY pid")
            return try rows[Int(choice % UInt64(rows.count))][0]
        }

        /// Returns when the sessions of a dead program have finished what they were sent.
        func waitUntilAlone() async throws {
            while count("client backend") > 1 { try await Task.yieldUnlessCancelled() }
        }

        func waitForTheEnd() async throws {
            while count("client backend") > 0 { try await Task.yieldUnlessCancelled() }
        }

        /// How many processes of a kind there are; none when the database has gone.
        private func count(_ kind: String) -> Int {
            do {
                return try connection.query(
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = \(kind)"
                ).count
            } catch { return 0 }
        }
    }
}

extension FlorinServer {
    /// Returns when it says that its database answers.
    func waitUntilReady() async throws {
        while try await api.reply(.get, "/health/ready").status != 200 {
            try await Task.yieldUnlessCancelled()
        }
    }
}
