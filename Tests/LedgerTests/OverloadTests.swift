import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// More work than can be done: what is refused was never begun.
@Suite(.serialized, .timeLimit(.minutes(2))) struct OverloadTests {
    /// While the head is held, a queue fills up to its limit, and no further.
    @Test func aFullQueueRefusesAtOnce() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let jam = try Jam(world)
            let groups = (0..<60).map { group in
                (0..<500).map { Command.pay(float, alice, 1, key: .test(group * 500 + $0)) }
            }
            let outcomes = try await withThrowingTaskGroup(of: Outcomes.self) { tasks in
                for (group, commands) in groups.enumerated() {
                    tasks.addTask { try await Self.submit(commands, as: group, to: world) }
                }
                // The first to be heard of are those for whom there was no room.
                let first = try await tasks.next()
                #expect(first?.refused == groups[0].count)
                try jam.end()
                return try await tasks.reduce(into: [first].compactMap { $0 }) { $0.append($1) }
            }
            let refused = outcomes.reduce(0) { $0 + $1.refused }
            let done = outcomes.reduce(0) { $0 + $1.done }
            #expect(refused + done == 30_000)
            #expect(try world.number("SELECT count(*) FROM ledger.transfers") == Int64(done))
            for outcome in outcomes where outcome.refused > 0 {
                // After the peak the same keys do it, and each once.
                let again = try await Self.submit(groups[outcome.group], as: 0, to: world)
                #expect(again.done == outcome.refused && again.replayed == outcome.done)
            }
            #expect(try await world.balance(alice).posted == 30_000)
        }
    }

    /// Whoever waited too long for a turn is refused when it comes, and nothing was done.
    @Test func whatWaitedTooLongIsNotBegun() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            var settings = world.settings
            // The first batch is given up after its last attempt, later than anyone may wait.
            settings.lockTimeoutMilliseconds = 600
            let writer = world.neighbour(writing: settings)
            let commands = (1...2).map { Command.pay(float, alice, 1, key: .test($0)) }
            let jam = try Jam(world)
            async let first = writer.ledger.submit([commands[0]])[0]
            try await jam.waitUntilSomeoneWaits()
            async let second = writer.ledger.submit([commands[1]])[0]

            let stuck = try await first
            let error = #expect(throws: DatabaseError.self) { try stuck.get() }
            #expect(error?.sqlState == SQLState.lockNotAvailable)
            #expect(try await second.refusal == "overloaded")
            try jam.end()
            #expect(try world.number("SELECT count(*) FROM ledger.transfers") == 0)
            for outcome in try await writer.ledger.submit(commands) {
                #expect(try !outcome.get().isReplay)
            }
            #expect(try await world.balance(alice).posted == 2)
            await writer.end()
        }
    }

    // MARK: Steps

    private struct Outcomes {
        let group: Int
        var done = 0
        var replayed = 0
        var refused = 0
    }

    /// What became of the commands: all of a submission that finds no room are refused.
    private static func submit(
        _ commands: [Command], as group: Int, to world: World
    ) async throws -> Outcomes {
        var outcomes = Outcomes(group: group)
        do {
            for outcome in try await world.ledger.submit(commands) {
                if let receipt = outcome.receipt {
                    if receipt.isReplay { outcomes.replayed += 1 } else { outcomes.done += 1 }
                } else {
                    #expect(outcome.refusal == "overloaded", "\(outcome)")
                    outcomes.refused += 1
                }
            }
        } catch is LedgerOverloaded { outcomes.refused = commands.count }
        return outcomes
    }
}

/// A session that holds the head, so that nothing is written.
private struct Jam {
    private let connection: Connection
    private let looking: Connection

    init(_ world: World) throws {
        connection = try Connection.open(world.settings)
        looking = try Connection.open(world.settings)
        try connection.run(unprepared: "BEGIN; SELECT 1 FROM ledger.head FOR UPDATE")
    }

    func waitUntilSomeoneWaits() async throws {
        while try looking.query(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ).isEmpty { try await Task.yieldUnlessCancelled() }
    }

    func end() throws { try connection.run(unprepared: "COMMIT") }
}
