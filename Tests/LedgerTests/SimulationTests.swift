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

    private static func run(_ world: World, _ seed: UInt64, _ operations: Int) async throws {
        var simulation = try await Simulation(world: world, seed: seed)
        do {
            try await simulation.run(operations: operations)
        } catch let failure as Simulation.Failure {
            Issue.record("FLORIN_SIMULATION_SEED=\(seed)\n\(failure)")
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
        let others: [LedgerRejection] = [.idempotencyMismatch, .moneyOutStopped]
        for rejection in LedgerRejection.allCases where !others.contains(rejection) {
            #expect(outcomes[rejection.rawValue, default: 0] > 0, "seed \(seed): no \(rejection)")
        }
    }
}
