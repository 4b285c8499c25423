internal import Ledger
internal import Postgres

/// Bulk import: large batches, some of them on their way at any time.
struct ImportBench: Sendable {
    private let accounts: Int
    private let load: BenchLoad

    init(_ arguments: Arguments, countMax: Int64) throws {
        accounts = Int(try arguments.integer("accounts", in: 2...countMax) ?? 10_000)
        load = try BenchLoad(
            transfers: Int(try arguments.integer("transfers", in: 1...countMax) ?? 500_000),
            batch: Int(try arguments.integer("batch", in: 1...countMax) ?? 5_000),
            inFlight: Int(try arguments.integer("in-flight", in: 1...countMax) ?? 4))
    }

    func run(on server: ConnectionSettings) async throws -> Int32 {
        try await BenchLedger.with(accounts: accounts, batches: .importing, on: server) { bench in
            try await bench.fund()
            let cost = try await bench.pay(load)
            Program.say("transfers \(load.transfers)")
            Program.say("batch \(load.batch)")
            Program.say("in_flight \(load.inFlight)")
            Program.say("nanoseconds_per_transfer \(cost.nanosecondsEach)")
            Program.say("transfers_per_second \(cost.perSecond)")
            let isClean = try await bench.audit(expecting: accounts + load.transfers)
            return isClean ? 0 : 1
        }
    }
}
