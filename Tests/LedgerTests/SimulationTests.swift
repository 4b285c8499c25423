import FoundationEssentials
import Ledger
import Testing

/// A long random history, checked step by step against the reference.
///
/// `FLORIN_SIMULATION_OPERATIONS` makes it longer; `FLORIN_SIMULATION_SEED` plays a failed one
/// again.
@Suite struct SimulationTests {
    /// Operations in one database; more of them go on in another, with the next seed.
    private static let operationsPerWorld = 100_000

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func agreesWithTheReference() async throws {
        let wanted = Self.number("FLORIN_SIMULATION_OPERATIONS").map { Int($0) }
        let first = Self.number("FLORIN_SIMULATION_SEED") ?? .random(in: 0..<1_000_000_000)
        let operations = wanted ?? Self.operationsPerWorld
        let worlds = (operations + Self.operationsPerWorld - 1) / Self.operationsPerWorld
        for place in 0..<worlds {
            let seed = first + UInt64(place)
            print("The ledger's simulation: FLORIN_SIMULATION_SEED=\(seed)")
            let part = min(Self.operationsPerWorld, operations - place * Self.operationsPerWorld)
            try await World.run { world in try await Self.run(world, seed, part) }
        }
    }

    /// A reference that is wrong in one way stands for a ledger that is: the two disagree, and what
    /// is told is enough to find out why.
    @Test(arguments: ReferenceLedger.Mistake.allCases)
    func tellsWhatLedToADisagreement(_ mistake: ReferenceLedger.Mistake) async throws {
        try await World.run { world in
            var simulation = try await Simulation(world: world, seed: 20, mistake: mistake)
            let failure = try await #require(throws: Simulation.Failure.self) {
                try await simulation.run(operations: 20_000)
            }
            let lines = "\(failure)".split(separator: "\n")
            #expect(lines[0] == "FLORIN_SIMULATION_SEED=20")
            let steps = try #require(lines.firstIndex { $0 == Simulation.stepsTitle })
            let balances = try #require(lines.firstIndex { $0 == Simulation.balancesTitle })
            #expect(lines[1..<steps].joined().contains("the reference"))
            #expect(balances - steps - 1 == 40)
            #expect(lines[balances - 1].contains(" → "))
            let told = lines[(balances + 1)...]
            #expect(told.count == simulation.accounts.count)
            #expect(told.allSatisfy { $0.contains(/ledger posted .* reference posted .* held/) })
        }
    }

    private static func run(_ world: World, _ seed: UInt64, _ operations: Int) async throws {
        var simulation = try await Simulation(world: world, seed: seed)
        do {
            try await simulation.run(operations: operations)
        } catch let failure as Simulation.Failure {
            Issue.record("\(failure)")
            return
        }
        let outcomes = simulation.outcomes.sorted { $0.value > $1.value }
        print(outcomes.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        expectVariety(simulation.outcomes, seed)
    }

    /// A simulation in which hardly anything is refused, or everything is, proves little.
    private static func expectVariety(_ outcomes: [String: Int], _ seed: UInt64) {
        let total = outcomes.values.reduce(0, +)
        guard total > 10_000 else { return }
        #expect(outcomes["done", default: 0] * 3 > total, "seed \(seed): \(outcomes)")
        for rejection in LedgerRejection.allCases where rejection != .idempotencyMismatch {
            #expect(outcomes[rejection.rawValue, default: 0] > 0, "seed \(seed): no \(rejection)")
        }
        for field in [
            "operation", "from", "to", "currency", "amount", "expires_in", "hold", "transfer",
        ] {
            let name = "idempotency_mismatch \(field)"
            #expect(outcomes[name, default: 0] > 0, "seed \(seed): no \(name)")
        }
    }
}
