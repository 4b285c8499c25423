internal import Ledger
internal import Postgres
internal import Values

/// `florin bench ledger`: how fast the ledger moves money inside one process, without HTTP.
///
/// It works on databases that it makes on the installation's server and drops again; the books of
/// the installation are never opened. Figures are whole numbers, one `name value` a line, so that a
/// person and a script read the same.
enum BenchCommand {
    /// More would not fit the server's memory or anyone's patience.
    private static let countMax: Int64 = 100_000_000
    private static let roundsMax: Int64 = 100

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(
            words,
            .init(
                options: ["accounts", "transfers", "batch", "in-flight", "rounds", "measured"],
                flags: ["grown"], words: 1...1))
        guard arguments[0] == "ledger" else {
            throw Arguments.Misunderstood(reason: "`florin bench` measures the `ledger` only")
        }
        let bench = try bench(arguments)
        return try await untilSignal {
            try await Installation.with { installation in try await bench(installation.settings) }
        }
    }

    private typealias Bench = @Sendable (ConnectionSettings) async throws -> Int32

    private static func bench(_ arguments: Arguments) throws -> Bench {
        if arguments.flag("grown") {
            let bench = try GrownBench(arguments, countMax: countMax, roundsMax: roundsMax)
            return { try await bench.run(on: $0) }
        }
        let bench = try ImportBench(arguments, countMax: countMax)
        return { try await bench.run(on: $0) }
    }

    /// Runs `body` until it is done or the first SIGINT or SIGTERM cancels it, so that its
    /// databases are dropped in either case.
    private static func untilSignal(
        _ body: @escaping @Sendable () async throws -> Int32
    ) async throws -> Int32 {
        let ending = Ending()
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await ending.wait()
                return nil
            }
            defer { group.cancelAll() }
            guard let code = try await group.next() else { return 1 }
            if let code { return code }
            throw CancellationError()
        }
    }
}

/// Bulk import: large batches, some of them on their way at any time.
struct ImportBench: Sendable {
    private let accounts: Int
    private let load: BenchLoad

    init(_ arguments: Arguments, countMax: Int64) throws {
        accounts = Int(try arguments.integer("accounts", in: 2...countMax) ?? 10_000)
        load = try BenchLoad(
            transfers: Int(try arguments.integer("transfers", in: 1...countMax) ?? 500_000),
            batch: Int(try arguments.integer("batch", in: 1...countMax) ?? 2_000),
            inFlight: Int(try arguments.integer("in-flight", in: 1...countMax) ?? 4))
    }

    func run(on server: ConnectionSettings) async throws -> Int32 {
        try await BenchLedger.with(accounts: accounts, on: server) { bench in
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
