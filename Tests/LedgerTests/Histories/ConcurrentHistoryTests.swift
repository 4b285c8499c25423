import FoundationEssentials
import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// Many clients of two writers on one database. Whatever they were told, there is one order of all
/// things that explains it.
///
/// `FLORIN_HISTORY_OPERATIONS` makes each client ask for more.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ConcurrentHistoryTests {
    private static let clients = 12
    private static let operations =
        ProcessInfo.processInfo.environment["FLORIN_HISTORY_OPERATIONS"].flatMap { Int($0) } ?? 150
    private static let walletMoney: Int64 = 300
    private static let walletsOfACurrency = 5

    @Test func twoWritersMakeOneHistory() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            try await Self.history(of: [world, neighbour]) {}
            await neighbour.end()
        }
    }

    /// Writers lose their connections all the time; nobody may notice.
    @Test func lostConnectionsDoNotBreakTheHistory() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            try await Self.history(of: [world, neighbour]) {
                try world.run(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = \(World.writerName)
                    """)
            }
            await neighbour.end()
        }
    }

    /// One of the writers is the usual one, and the other forwards to it.
    @Test func forwardingMakesOneHistory() async throws {
        try await Self.forward { _ in }
    }

    /// Terms end all the time, as if processes died or stalled: what was forwarded and not answered
    /// is asked for again.
    @Test func termsThatEndDoNotBreakTheHistory() async throws {
        try await Self.forward { world in try world.endTerm() }
    }

    /// Both lose their connections too, the usual writer included.
    @Test func termsAndConnectionsThatEndDoNotBreakTheHistory() async throws {
        try await Self.forward { world in
            try world.endTerm()
            try world.run(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = \(World.writerName)
                """)
        }
    }

    // MARK: Steps

    private static func forward(
        disturb: @escaping @Sendable (World) throws -> Void
    ) async throws {
        try await World.run { world in
            let colleagues = [world.colleague(), world.colleague()]
            try await colleagues[0].meet(colleagues[1])
            try await Self.history(of: colleagues) { try disturb(world) }
            for colleague in colleagues { await colleague.end() }
        }
    }

    private static func history(
        of worlds: [World], disturb: @escaping @Sendable () throws -> Void
    ) async throws {
        let branch = try await branch(worlds[0])
        let opening = try await opening(worlds[0], branch)
        let seed = UInt64.random(in: .min ... .max)
        try await withThrowingTaskGroup { group in
            for number in 1...clients {
                group.addTask {
                    let order = number.isMultiple(of: 2) ? worlds : worlds.reversed()
                    var client = HistoryClient(
                        number: number, worlds: order, branch: branch, seed: seed)
                    let steps = number == 1 ? 10 : nil
                    try await client.run(operations: operations, disturbing: steps, disturb)
                }
            }
            try await group.waitForAll()
        }
        let events = branch.recorder.events
        let journal = try await journal(worlds[0], after: opening.place)
        let violations = HistoryChecker.violations(in: events, journal: journal, opening: opening)
        #expect(violations.isEmpty, "seed \(seed)")
        expectVariety(events)
    }

    private static func branch(_ world: World) async throws -> HistoryBranch {
        var circles: [[AccountID]] = []
        for code in ["KES", "USD"] {
            let currency = Currency(code)!
            var circle = [try await world.open(currency)]
            for _ in 0..<walletsOfACurrency {
                let wallet = try await world.open(currency, floor: 0)
                _ = try await world.ledger.submit(
                    .pay(circle[0], wallet, walletMoney, currency))
                circle.append(wallet)
            }
            circles.append(circle)
        }
        return HistoryBranch(circles: circles)
    }

    private static func opening(
        _ world: World, _ branch: HistoryBranch
    ) async throws -> HistoryOpening {
        let balances = try await world.ledger.balances(of: branch.accounts)
        var accounts: [Int64: HistoryOpening.Account] = [:]
        for (currency, circle) in zip(["KES", "USD"], branch.circles) {
            for (place, account) in circle.enumerated() {
                accounts[account.number] = HistoryOpening.Account(
                    currency: currency, floor: place == 0 ? nil : 0,
                    figures: Figures(balances[account]!))
            }
        }
        return HistoryOpening(accounts: accounts, place: try lastPlace(world))
    }

    private static func lastPlace(_ world: World) throws -> Int64 {
        try world.number("SELECT last_transfer FROM ledger.head")
    }

    private static func journal(
        _ world: World, after place: Int64
    ) async throws -> [HistoryCommand] {
        let places = place + 1...max(place + 1, try lastPlace(world))
        let lines = try await world.ledger.transfers(places.map { TransferID($0) })
            .sorted { $0.id < $1.id }
        var commands: [HistoryCommand] = []
        var next = lines.startIndex
        while next < lines.endIndex {
            let end = next + Int(lines[next].legs)
            commands.append(
                HistoryCommand(
                    name: lines[next].key?.name, lines: lines[next..<end].map { HistoryLine($0) }))
            next = end
        }
        return commands
    }

    /// A history in which nobody was refused, or nobody was ever in another's way, proves little.
    private static func expectVariety(_ events: [HistoryEvent]) {
        let answers = events.answers
        print("A concurrent history of \(events.count) events: \(answers)")
        for answer in [
            "done", "replayed", "read", "insufficient_funds", "hold_already_ended",
            "transfer_already_reversed", "amount_exceeds_hold",
        ] {
            #expect(answers[answer, default: 0] > 0, "no \(answer)")
        }
    }
}
