internal import Postgres

/// What a payment costs in a ledger that has grown, beside what it costs in one that is new.
///
/// Both get the same load: single transfers from many at once, which the ledger gathers by itself.
/// They take turns, and each turn has a new ledger to compare with.
struct GrownBench: Sendable {
    private let accounts: Int
    private let transfers: Int
    private let rounds: Int
    private let measured: BenchLoad

    /// Wallets of the new ledger: as many as the other measurements pay between.
    private static let accountsWhenNew = 10_000
    private static let fillBatch = 2_000
    private static let fillInFlight = 4

    init(_ arguments: Arguments, countMax: Int64, roundsMax: Int64) throws {
        accounts = Int(try arguments.integer("accounts", in: 2...countMax) ?? 1_000_000)
        transfers = Int(try arguments.integer("transfers", in: 1...countMax) ?? 5_000_000)
        rounds = Int(try arguments.integer("rounds", in: 1...roundsMax) ?? 3)
        measured = try BenchLoad(
            transfers: Int(try arguments.integer("measured", in: 1...countMax) ?? 100_000),
            batch: Int(try arguments.integer("batch", in: 1...countMax) ?? 1),
            inFlight: Int(try arguments.integer("in-flight", in: 1...countMax) ?? 256))
    }

    func run(on server: ConnectionSettings) async throws -> Int32 {
        try await BenchLedger.with(accounts: accounts, on: server) { grown in
            try await fill(grown)
            var isClean = true
            for round in 1...rounds {
                Program.say("round \(round)")
                isClean = try await measureNew(on: server) && isClean
                let cost = try await grown.pay(measured)
                Program.say("grown_nanoseconds \(cost.nanosecondsEach)")
            }
            let all = max(transfers, accounts) + rounds * measured.transfers
            isClean = try await grown.audit(expecting: all) && isClean
            return isClean ? 0 : 1
        }
    }

    private func fill(_ bench: BenchLedger) async throws {
        try await bench.fund()
        let rest = transfers - accounts
        if rest > 0 {
            let cost = try await bench.pay(
                BenchLoad(transfers: rest, batch: Self.fillBatch, inFlight: Self.fillInFlight))
            Program.say("filled_per_second \(cost.perSecond)")
        }
        try bench.rest()
        Program.say("grown_accounts \(accounts)")
        Program.say("grown_transfers \(max(transfers, accounts))")
    }

    private func measureNew(on server: ConnectionSettings) async throws -> Bool {
        try await BenchLedger.with(accounts: Self.accountsWhenNew, on: server) { new in
            try await new.fund()
            try new.rest()
            let cost = try await new.pay(measured)
            Program.say("new_nanoseconds \(cost.nanosecondsEach)")
            return try await new.audit(
                expecting: Self.accountsWhenNew + measured.transfers)
        }
    }
}
