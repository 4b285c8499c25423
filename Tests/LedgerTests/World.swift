import Cryptography
import Dispatch
import Ledger
import Peers
import Postgres
import TestSupport
import Testing
import Values

/// A ledger of a test's own: a fresh database, a clock, and one writer.
struct World: Sendable {
    let settings: ConnectionSettings
    let database: Database
    let clock: Clock
    let ledger: Ledger

    static let kes = Currency("KES")!

    /// Runs `body` in a new world; whatever it did, the books must be in order afterwards.
    static func run(_ body: (World) async throws -> Void) async throws {
        let world = try await World()
        do {
            try await body(world)
            let report = try await world.audit()
            #expect(report.findings == [])
        } catch {
            await world.end()
            throw error
        }
        await world.end()
    }

    /// Runs `body` in a new world that it may leave in any state.
    static func spoil(_ body: (World) async throws -> Void) async throws {
        let world = try await World()
        do {
            try await body(world)
        } catch {
            await world.end()
            throw error
        }
        await world.end()
    }

    init() async throws {
        let made = try await TestPostgres.database(migrations: LedgerSchema.migrations)
        self.init(settings: made.settings, clock: World.nightClock())
    }

    /// A world on a database that is there already.
    init(settings: ConnectionSettings) { self.init(settings: settings, clock: Self.nightClock()) }

    private init(
        settings: ConnectionSettings, clock: Clock, writing: ConnectionSettings? = nil,
        forwarding: Forwarding? = nil
    ) {
        self.settings = settings
        self.clock = clock
        database = Database(settings: settings, connections: 1, queueMax: 1000)
        var writing = writing ?? settings
        writing.applicationName = Self.writerName
        ledger = Ledger(
            database: database, settings: writing, clock: clock, forwarding: forwarding)
    }

    /// What the writer's own connection is called in `pg_stat_activity`.
    static let writerName = "florin-writer"

    /// A second process on the same database: its own writer, cache and connections.
    func neighbour() -> World { World(settings: settings, clock: clock) }

    /// The same on a machine with another clock.
    func neighbour(clock: Clock) -> World { World(settings: settings, clock: clock) }

    /// The same whose writer reaches the database in another way, or has less patience with it.
    func neighbour(writing settings: ConnectionSettings) -> World {
        World(settings: self.settings, clock: clock, writing: settings)
    }

    /// A second process that forwards to the usual writer, and may be it.
    func colleague(key: SealingKey = World.peerKey) -> World {
        World(
            settings: settings, clock: clock,
            forwarding: Forwarding(address: .loopback, key: key))
    }

    static let peerKey = KeyRing([[UInt8](repeating: 7, count: KeyRing.keyBytes)])
        .sealingKey(Forwarding.purpose)

    /// Stops the writer and closes the connections.
    func end() async {
        let ledger = ledger
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                ledger.stop()
                continuation.resume()
            }
        }
        await database.close()
    }

    /// An hour after the next midnight: no day, and so no limit, begins while a test runs.
    private static func nightClock() -> Clock {
        let clock = Clock()
        let midnight = Timestamp(day: clock.now.day + 1)
        clock.advance(seconds: clock.now.seconds(until: midnight) + 3600)
        return clock
    }
}

// MARK: What tests ask of it

extension World {
    func audit(_ trust: Auditor.Trust = World.trust) async throws -> Auditor.Report {
        try await Auditor(database: database, trust: trust).run()
    }

    /// Knows the key with which the keys of the books are sealed.
    static var trust: Auditor.Trust {
        var trust = Auditor.Trust()
        trust.sealing = sealing
        return trust
    }

    private static let sealing = KeyRing([[UInt8](repeating: 7, count: KeyRing.keyBytes)])
        .sealingKey(BookKeys.purpose)

    /// What signs the days of this world, with the key that its database holds.
    var commitments: Commitments {
        get async throws {
            let keys = try await BookKeys.load(
                from: database, sealing: Self.sealing, now: clock.now)
            return Commitments(database: database, keys: keys, clock: clock)
        }
    }

    func open(
        _ currency: Currency = kes, floor: Int64? = nil, limits: AccountLimits = .none
    ) async throws -> AccountID {
        let ledger = ledger
        return try await database.transaction { transaction in
            try ledger.openAccount(.wallet, currency, floor: floor, limits: limits, in: transaction)
        }
    }

    func setLimits(_ limits: AccountLimits, of account: AccountID) async throws {
        let ledger = ledger
        try await database.transaction { transaction in
            try ledger.setLimits([account: limits], in: transaction)
        }
    }

    func balance(_ account: AccountID) async throws -> Balance {
        try await ledger.balances(of: [account])[account]!
    }

    /// Runs one statement on a connection of its own.
    @discardableResult
    func run(_ sql: SQL) throws -> Int { try Connection.open(settings).execute(sql) }

    /// As the fail-safe does it: the version is the fence of every writer.
    func setMoneyOut(isStopped: Bool) throws {
        try run(
            """
            UPDATE ledger.head SET version = version + 1,
                stopped_at = CASE WHEN \(isStopped) THEN now() END
            """)
    }

    func number(_ sql: SQL) throws -> Int64 {
        try Connection.open(settings).query(sql)[0][0]
    }

    func databaseName() throws -> String {
        try Connection.open(settings).query("SELECT current_database()::text")[0][0]
    }

    /// Lines that the key has written: 1 or 0 for a payment.
    func lines(of key: CommandKey) throws -> Int64 {
        try number(
            """
            SELECT count(*) FROM ledger.transfers
            WHERE key = ANY(\(SQLValue.uuids([(key.high, key.low)])))
            """)
    }
}
