internal import Postgres

/// `florin bench ledger`: how fast the ledger moves money inside one process, without HTTP.
///
/// It works on databases that it makes on the installation's server and drops again; the books of
/// the installation are never opened. Figures are whole numbers, one `name value` a line, so that a
/// person and a script read the same.
enum BenchCommand {
    /// More would not fit the server's memory or anyone's patience.
    private static let countMax: Int64 = 100_000_000
    private static let roundsMax: Int64 = 100

    /// What a program that a signal ended exits with.
    private static let interrupted: Int32 = 130

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(
            words,
            .init(
                options: [
                    "accounts", "transfers", "batch", "in-flight", "rounds", "measured", "server",
                    "tokens", "wallets", "syncs",
                ],
                flags: ["grown"], words: 1...1))
        if arguments[0] == "offline" {
            let bench = try OfflineBench(arguments, countMax: countMax)
            return try await untilSignal { try await bench.run() }
        }
        guard arguments[0] == "ledger" else {
            throw Arguments.Misunderstood(
                reason: "`florin bench` measures the `ledger`, or a server's `offline` payments")
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
            return try await group.next().flatMap(\.self) ?? interrupted
        }
    }
}
