internal import Dispatch
internal import Ledger
internal import Payments
internal import Postgres
internal import Values

/// A ledger that exists for a measurement: in a database made for it and dropped after it.
struct BenchLedger: Sendable {
    private let settings: ConnectionSettings
    private let database: Database
    private let ledger: Ledger
    private let commands: BenchCommands

    private static let connections = 4
    private static let accountsPerTransaction = 1_000
    private static let fundingBatch = 2_000
    private static let fundingInFlight = 4
    /// In minor units: met by no payment, but asked about for each.
    private static let limits = AccountLimits(
        perTransfer: 25_000_000, perDay: 100_000_000, perMonth: 1_000_000_000,
        paymentsPerHour: 1_000_000, paymentsPerDay: 10_000_000, ceiling: 1_000_000_000_000)

    // MARK: From beginning to end

    /// Makes a ledger of so many wallets, runs `body`, and drops everything whatever happens.
    static func with<R>(
        accounts: Int, batches: BatchSize = .serving, on server: ConnectionSettings,
        _ body: (BenchLedger) async throws -> R
    ) async throws -> R {
        let name = "florin_bench_" + String(UInt64.random(in: .min ... .max), radix: 36)
        try Connection.open(server).run(unprepared: "CREATE DATABASE \(name)")
        do {
            let value = try await use(server.database(name), accounts, batches, body)
            try drop(name, server)
            return value
        } catch {
            // Why the measurement ended is what matters; what is left behind is said beside it.
            do { try drop(name, server) } catch { Program.complain("\(name) is left: \(error)") }
            throw error
        }
    }

    private static func drop(_ name: String, _ server: ConnectionSettings) throws {
        var patient = server
        patient.statementTimeoutMilliseconds = 0
        try Connection.open(patient).run(unprepared: "DROP DATABASE \(name) WITH (FORCE)")
    }

    private static func use<R>(
        _ settings: ConnectionSettings, _ accounts: Int, _ batches: BatchSize,
        _ body: (BenchLedger) async throws -> R
    ) async throws -> R {
        try requireDurability(settings)
        try Migrator.run(LedgerSchema.migrations, on: settings)
        let database = Database(settings: settings, connections: connections, queueMax: 1_024)
        let ledger = Ledger(
            database: database, settings: settings, clock: Clock(), batches: batches)
        do {
            let bench = try await BenchLedger(settings, database, ledger, accounts: accounts)
            let value = try await body(bench)
            await close(ledger, database)
            return value
        } catch {
            await close(ledger, database)
            throw error
        }
    }

    private static func close(_ ledger: Ledger, _ database: Database) async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                ledger.stop()
                continuation.resume()
            }
        }
        await database.close()
    }

    /// A figure without durable commits would be one of another product.
    private static func requireDurability(_ settings: ConnectionSettings) throws {
        let row = try Connection.open(settings).query(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')")[0]
        let (fsync, commit): (String, String) = (try row[0], try row[1])
        guard fsync == "on", commit == "on" else { throw NotDurable(fsync: fsync, commit: commit) }
    }

    struct NotDurable: Error, CustomStringConvertible {
        let fsync: String
        let commit: String

        var description: String {
            "fsync is \(fsync) and synchronous_commit is \(commit); both must be on to measure"
        }
    }

    // MARK: Wallets

    private init(
        _ settings: ConnectionSettings, _ database: Database, _ ledger: Ledger, accounts: Int
    ) async throws {
        guard let currency = Currency("KES") else { preconditionFailure("a code of ISO 4217") }
        self.settings = settings
        self.database = database
        self.ledger = ledger
        let began = ContinuousClock.now
        let wallets = try await Self.open(accounts, currency, database, ledger)
        Program.complain("opened \(accounts) wallets in \(ContinuousClock.now - began)")
        commands = BenchCommands(
            float: try await ledger.systemAccount(.sandboxFloat, currency), wallets: wallets,
            currency: currency)
    }

    private static func open(
        _ count: Int, _ currency: Currency, _ database: Database, _ ledger: Ledger
    ) async throws -> [AccountID] {
        try await withThrowingTaskGroup(of: [AccountID].self) { group in
            for connection in 0..<connections {
                let share =
                    count * (connection + 1) / connections
                    - count * connection / connections
                group.addTask { try await openShare(share, currency, database, ledger) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func openShare(
        _ count: Int, _ currency: Currency, _ database: Database, _ ledger: Ledger
    ) async throws -> [AccountID] {
        var opened: [AccountID] = []
        while opened.count < count {
            let some = min(accountsPerTransaction, count - opened.count)
            opened += try await database.transaction { transaction in
                try (0..<some).map { _ in
                    try ledger.openAccount(
                        .wallet, currency, floor: 0, limits: limits, in: transaction)
                }
            }
        }
        return opened
    }

    // MARK: Moving money

    /// Gives every wallet money to spend.
    func fund() async throws {
        let load = try BenchLoad(
            transfers: commands.wallets.count, batch: Self.fundingBatch,
            inFlight: Self.fundingInFlight)
        try await submit(load) { [commands] in commands.funding($0, &$1) }
    }

    /// Payments between random wallets.
    func pay(_ load: BenchLoad) async throws -> BenchCost {
        let began = ContinuousClock.now
        try await submit(load) { [commands] in commands.payment(&$1) }
        return BenchCost(load.transfers, ContinuousClock.now - began)
    }

    private func submit(
        _ load: BenchLoad, _ command: @escaping @Sendable (Int, inout BenchDice) -> Command
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in load.shares {
                group.addTask { try await submit(share, load.batch, command) }
            }
            try await group.waitForAll()
        }
    }

    private func submit(
        _ share: Range<Int>, _ batch: Int, _ command: (Int, inout BenchDice) -> Command
    ) async throws {
        var dice = BenchDice()
        for start in stride(from: share.lowerBound, to: share.upperBound, by: batch) {
            try Task.checkCancellation()
            let commands = (start..<min(start + batch, share.upperBound)).map { number in
                command(number, &dice)
            }
            for outcome in try await ledger.submit(commands) {
                guard try !outcome.get().isReplay else { throw KeyMetTwice() }
            }
        }
    }

    /// A new command was answered with what another had done.
    struct KeyMetTwice: Error {}

    // MARK: Afterwards

    /// Lets the server tidy up behind what was written in a rush, so that the next figure is not
    /// charged for it.
    func rest() throws {
        var patient = settings
        patient.statementTimeoutMilliseconds = 0
        try Connection.open(patient).run(unprepared: "VACUUM (ANALYZE)")
    }

    /// Whether the journal explains every balance, and holds what was answered and no more.
    func audit(expecting transfers: Int) async throws -> Bool {
        let report = try await Auditor(database: database).run()
        for finding in report.findings { Program.say("WRONG \(finding)") }
        let isComplete = report.transfers == Int64(transfers)
        if !isComplete { Program.say("WRONG \(report.transfers) of \(transfers) transfers") }
        Program.say("audited_transfers \(report.transfers)")
        return report.isClean && isComplete
    }
}
