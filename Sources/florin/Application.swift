internal import Channels
internal import Cryptography
internal import Dispatch
internal import HTTP
internal import Identity
internal import Jobs
internal import Ledger
internal import Notifications
internal import Offline
internal import Payments
internal import Postgres
internal import Rails
internal import Redis
internal import Telemetry
internal import Values

/// The composition root: every slice made once, in the order of the targets.
struct Application: Sendable {
    let configuration: Configuration
    let database: Database
    let settings: ConnectionSettings
    let clock: Clock
    let redis: Redis?
    let limiter: RateLimiter
    let events: Events
    let worker: Worker
    let ledger: Ledger
    let moneyOut: MoneyOut
    let commitments: Commitments
    let actCommitments: ActCommitments
    let notifications: Notifications
    let identity: Identity
    let payments: Payments
    let rails: Rails
    let offline: Offline
    let simple: SimpleTransfers
    let export: PersonalExport
    let erasures: Erasures

    /// How often each slice removes what is no longer of use.
    private static let tidySeconds: Int64 = 3600
    /// How often it is looked whether a day is over and not committed.
    private static let commitSeconds: Int64 = 60
    /// How often strict sessions that lie unused are ended.
    private static let idleSeconds: Int64 = 60
    /// How often it is looked whether somebody is to be erased.
    private static let eraseSeconds: Int64 = 60

    static let migrations: [Migration] =
        JobsSchema.migrations + LedgerSchema.migrations + NotificationsSchema.migrations
        + IdentitySchema.migrations + PaymentsSchema.migrations + RailsSchema.migrations
        + OfflineSchema.migrations

    /// Migrates, loads the signing keys, and composes.
    static func start(
        _ configuration: Configuration, settings: ConnectionSettings, ring: KeyRing
    ) async throws -> Application {
        _ = try Migrator.run(migrations, on: settings)
        let clock = Clock()
        let database = Database(
            settings: settings, connections: configuration.databaseConnections,
            queueMax: Configuration.databaseQueueMax)
        let vault = try await Vault.load(
            from: database, wrapping: ring.sealingKey(Vault.purpose), now: clock.now)
        let tokens = try await TokenMint.load(
            from: database, vault: vault, seconds: configuration.accessTokenSeconds,
            now: clock.now)
        let bookKeys = try await BookKeys.load(
            from: database, sealing: ring.sealingKey(BookKeys.purpose),
            now: clock.now)
        let breached = try configuration.breachedPasswords.map { try BreachedPasswords(path: $0) }
        let application = Application(
            configuration, database, settings, clock, ring: ring, vault, tokens,
            bookKeys, breached)
        if configuration.isSandbox { try await application.resumeClock() }
        return application
    }

    /// A sandbox's clock goes on from where it was moved to before the program stopped: what was
    /// written then would otherwise lie in the future, and holds and schedules wait for it.
    private func resumeClock() async throws {
        guard let tick = try await worker.nextTick() else { return }
        clock.advance(seconds: clock.now.seconds(until: tick))
    }

    init(
        _ configuration: Configuration, _ database: Database, _ settings: ConnectionSettings,
        _ clock: Clock, ring: KeyRing, _ vault: Vault, _ tokens: TokenMint,
        _ bookKeys: BookKeys, _ breached: BreachedPasswords?
    ) {
        self.configuration = configuration
        self.database = database
        self.settings = settings
        self.clock = clock
        redis = configuration.redis.map { Redis($0) }
        let buckets = TokenBuckets(redis: redis)
        limiter = RateLimiter(
            limits: configuration.rateLimits, buckets: buckets, clock: clock)
        let jobs = Jobs(clock: clock)
        events = Events(database: database, clock: clock)
        ledger = Ledger(database: database, settings: settings, clock: clock)
        moneyOut = Self.moneyOut(database, clock, AuditLog(vault: vault, clock: clock))
        let commitments = Commitments(database: database, keys: bookKeys, clock: clock)
        self.commitments = commitments
        let actCommitments = ActCommitments(database: database, clock: clock) {
            bookKeys.sign($0, type: $1)
        }
        self.actCommitments = actCommitments
        let carrier: any MessageCarrier =
            configuration.isSandbox ? SandboxOutbox() : MissingCarrier()
        notifications = Notifications(
            database: database, jobs: jobs, clock: clock,
            key: ring.sealingKey(Notifications.purpose),
            carriers: [.sms: carrier, .email: carrier])
        let terms = configuration.paymentTerms
        let walletLimits = WalletLimits(ledger: ledger, terms: terms)
        identity = Identity(
            database: database, notifications: notifications, events: events, clock: clock,
            passwords: configuration.passwordHasher, pins: configuration.pinHasher,
            breached: breached, vault: vault, tokens: tokens,
            relyingParty: configuration.relyingParty, asksNewDevices: configuration.asksNewDevices,
            strictIdleSeconds: configuration.strictIdleSeconds,
            isSandbox: configuration.isSandbox,
            staffAddresses: configuration.staffAddresses,
            asksStaff: configuration.asksStaff, codeLimits: configuration.codeLimits,
            buckets: buckets,
            followStanding: { try walletLimits.follow($1, of: $0, in: $2) })
        let payments = Payments(
            database: database, ledger: ledger, moneyOut: moneyOut, identity: identity,
            events: events, clock: clock, terms: terms)
        self.payments = payments
        rails = Self.rails(
            database, ledger, payments, identity, events, jobs, clock, ring,
            configuration.rails)
        offline = Offline(
            payments: payments, ledger: ledger, identity: identity, events: events,
            database: database, clock: clock, keys: IssuerKeys(database: database, ring: ring),
            policy: OfflinePolicy(unitWorth: configuration.offlineUnits))
        simple = SimpleTransfers(
            identity: identity, payments: payments, ledger: ledger, database: database,
            terms: configuration.simpleTerms)
        export = PersonalExport(
            identity, payments.exportParts + rails.exportParts + offline.exportParts)
        let erasures = Erasures(
            identity, [offline.erasurePart, rails.erasurePart, payments.erasurePart],
            daysToThink: configuration.erasureDays)
        self.erasures = erasures
        worker = Worker(
            database: database, clock: clock,
            handlers: notifications.handlers + payments.handlers + rails.handlers,
            schedules: Self.schedules(
                payments, commitments, actCommitments,
                Retention(database: database, clock: clock), notifications, identity, erasures,
                signingKeyDays: configuration.signingKeyDays) + offline.schedules)
    }

    private static func rails(
        _ database: Database, _ ledger: Ledger, _ payments: Payments, _ identity: Identity,
        _ events: Events, _ jobs: Jobs, _ clock: Clock, _ ring: KeyRing, _ settings: RailSettings
    ) -> Rails {
        Rails(
            database: database, ledger: ledger, payments: payments, identity: identity,
            events: events, jobs: jobs, clock: clock, key: ring.sealingKey(Rails.purpose),
            terms: settings.terms(ring), providers: settings.connected(clock: clock))
    }

    /// What stops payments and lets them go on; staff are told by a job of the same transaction,
    /// and the audit log has it.
    static func moneyOut(_ database: Database, _ clock: Clock, _ audit: AuditLog) -> MoneyOut {
        let jobs = Jobs(clock: clock)
        return MoneyOut(database: database, clock: clock) { stop, transaction in
            try jobs.enqueue(Payments.tellStaff, "\(stop.id)", in: transaction)
            try audit.record(stop.act, in: transaction)
        }
    }

    private static func schedules(
        _ payments: Payments, _ commitments: Commitments, _ actCommitments: ActCommitments,
        _ retention: Retention, _ notifications: Notifications, _ identity: Identity,
        _ erasures: Erasures, signingKeyDays: Int64
    ) -> [Schedule] {
        [
            Schedule("payments.expire_holds", everySeconds: 1) { try await payments.expireHolds() },
            Schedule("ledger.commit_days", everySeconds: commitSeconds) {
                try await commitments.commitDays()
            },
            Schedule("identity.commit_acts", everySeconds: commitSeconds) {
                try await actCommitments.commitDays()
            },
            Schedule("jobs.tidy", everySeconds: tidySeconds) { try await retention.tidy() },
            Schedule("notifications.tidy", everySeconds: tidySeconds) {
                try await notifications.tidy()
            },
            Schedule("identity.tidy", everySeconds: tidySeconds) { try await identity.tidy() },
            Schedule("identity.end_idle", everySeconds: idleSeconds) {
                try await identity.endIdle()
            },
            Schedule("identity.rotate_signing_keys", everySeconds: tidySeconds) {
                try await identity.rotateSigningKeys(olderThanDays: signingKeyDays)
            },
            Schedule("identity.erase_unproven", everySeconds: tidySeconds) {
                try await erasures.askForUnproven()
            },
            Schedule("identity.erase", everySeconds: eraseSeconds) {
                try await erasures.eraseDue()
            },
        ]
    }

    /// Everything that runs beside the server, until cancelled.
    func runBackground() async throws {
        let listener = try listen()
        defer { listener.stop() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            group.addTask { try await rails.run() }
            group.addTask { try await ledger.run() }
            group.addTask { try await watchBooks() }
            group.addTask { await events.run() }
            group.addTask { await payments.runLive() }
            try await group.waitForAll()
        }
    }

    private func watchBooks() async throws {
        var watch = Watch(
            database: database, moneyOut: moneyOut, everySeconds: configuration.watchSeconds)
        try await watch.run()
    }

    /// What other processes, and this one's transactions, tell through PostgreSQL.
    private func listen() throws -> Listener {
        var settings = settings
        settings.applicationName = "florin listener"
        return try Listener.start(
            settings,
            channels: [
                Jobs.channel, Events.channel, Identity.channel, Identity.erasedChannel,
            ],
            onNotify: { channel, payload in
                switch channel {
                case Events.channel:
                    guard let id = Int64(payload) else { return }
                    events.heard(id)
                case Identity.channel:
                    identity.forgetSessions(of: payload)
                    Task {
                        await identity.followKeys(payload)
                        await payments.hangUpEndedSessions(of: payload)
                    }
                case Identity.erasedChannel: payments.forgetNames(of: payload)
                default: worker.wake()
                }
            },
            onReconnect: {
                identity.forgetSessions(of: nil)
                payments.forgetNames(of: nil)
                Task {
                    await identity.followKeys(nil)
                    await payments.hangUpEndedSessions(of: nil)
                }
                worker.wake()
            },
            onHeard: { identity.trustSessions() },
            onLoss: { identity.distrustSessions() })
    }

    /// Finishes what was accepted, then lets go of the database.
    func stop() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                ledger.stop()
                continuation.resume()
            }
        }
        await database.close()
    }
}

extension Configuration {
    var passwordHasher: PasswordHasher {
        PasswordHasher(
            memoryKiB: argonMemoryKiB, passes: argonPasses, threads: Self.passwordThreads,
            queueMax: Self.passwordQueueMax, niceness: Self.passwordNiceness)
    }

    var pinHasher: PasswordHasher {
        PasswordHasher(
            memoryKiB: argonMemoryKiB, passes: argonPasses, threads: Self.pinThreads,
            queueMax: Self.pinQueueMax, niceness: Self.pinNiceness)
    }

    var paymentTerms: PaymentTerms {
        PaymentTerms(
            currencies: currencies, sendFees: sendFees, limits: limits,
            pinThresholds: PinThresholds(
                currencies, major: pinThresholds, others: pinThreshold))
    }

    var simpleTerms: SimpleTerms {
        let currency = currencies[0]
        return SimpleTerms(
            access: simpleAccess, currency: currency,
            demoBalance: isSandbox
                ? simpleBalance.map { $0 * currency.minorUnitsPerMajor } : nil,
            isSandbox: isSandbox,
            limits: simpleAccess == .open ? limits.ofPrograms(in: currency) : nil)
    }
}
