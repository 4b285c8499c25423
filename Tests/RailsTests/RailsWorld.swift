import Cryptography
import Dispatch
import HTTP
import Identity
import Jobs
import Ledger
import Notifications
import Payments
import Postgres
import Providers
import Rails
import Redis
import Simulators
import Synchronization
import TestSupport
import Testing
import Values

/// The real slices on a real PostgreSQL, a real adapter, and a simulated vendor in the same
/// process. Time is virtual: it moves when nothing else is left to do.
struct RailsWorld: Sendable {
    let settings: ConnectionSettings
    let database: Database
    let clock: Clock
    let ledger: Ledger
    let identity: Identity
    let payments: Payments
    let rails: Rails
    let vendor: any SimulatedVendor
    let simulated: SimulatedWorld
    let line: SimulatedLine
    let pair: ProviderPair

    static let kes = Currency("KES")!
    static let migrations =
        JobsSchema.migrations + LedgerSchema.migrations + NotificationsSchema.migrations
        + IdentitySchema.migrations + PaymentsSchema.migrations + RailsSchema.migrations

    init(
        _ pair: ProviderPair = .daraja, plan: FaultPlan = FaultPlan(),
        fee: FeeSchedule = .free
    ) async throws {
        let made = try await TestPostgres.database(migrations: Self.migrations)
        let (clock, ring) = (Clock(), KeyRing([[UInt8](repeating: 7, count: KeyRing.keyBytes)]))
        let database = Database(settings: made.settings, connections: 2, queueMax: 1000)
        settings = made.settings
        self.pair = pair
        self.database = database
        self.clock = clock
        ledger = Ledger(database: database, settings: made.settings, clock: clock)
        simulated = SimulatedWorld(clock: clock, plan: plan)
        vendor = pair.makeVendor()
        line = SimulatedLine(vendor: vendor, world: simulated)
        let events = Events(database: database, clock: clock)
        identity = try await Self.identity(database, clock, ring, events)
        let terms = PaymentTerms(
            currencies: [Self.kes], sendFees: [:], limits: LimitTable(),
            pinThresholds: PinThresholds([Self.kes], major: [:], others: 1_000_000))
        payments = Payments(
            database: database, ledger: ledger,
            moneyOut: MoneyOut(database: database, clock: clock) { _, _ in }, identity: identity,
            events: events, clock: clock, terms: terms)
        rails = Rails(
            database: database, ledger: ledger, payments: payments, identity: identity,
            events: events, jobs: Jobs(clock: clock), clock: clock,
            key: ring.sealingKey(Rails.purpose),
            terms: RailTerms(
                publicURL: "http://florin.test", payoutFees: [.free: fee],
                tokens: CallbackTokens(keys: [[UInt8](repeating: 9, count: 32)])),
            providers: [Rails.Connected(pair.makeProvider(), over: line.wire)])
    }

    private static func identity(
        _ database: Database, _ clock: Clock, _ ring: KeyRing, _ events: Events
    ) async throws -> Identity {
        let vault = try await Vault.load(
            from: database, wrapping: ring.sealingKey(Vault.purpose), now: clock.now)
        let notifications = Notifications(
            database: database, jobs: Jobs(clock: clock), clock: clock,
            key: ring.sealingKey(Notifications.purpose), carriers: [:])
        let hasher = PasswordHasher(
            memoryKiB: 64, passes: 1, threads: 1, queueMax: 8, niceness: 0)
        return Identity(
            database: database, notifications: notifications, events: events, clock: clock,
            passwords: hasher, pins: hasher, breached: nil, vault: vault,
            tokens: TokenMint(signing: .generate(), seconds: 900),
            relyingParty: RelyingParty(id: "localhost", origins: ["http://localhost"])!,
            asksNewDevices: false, strictIdleSeconds: 300, isSandbox: true,
            staffAddresses: .none, codeLimits: CodeLimits(),
            buckets: TokenBuckets(redis: nil), followStanding: { _, _, _ in })
    }

    /// Runs `body` in a new world; whatever happened, the books must be in order afterwards.
    static func run(
        _ pair: ProviderPair = .daraja, plan: FaultPlan = FaultPlan(), fee: FeeSchedule = .free,
        _ body: (RailsWorld) async throws -> Void
    ) async throws {
        let world = try await RailsWorld(pair, plan: plan, fee: fee)
        do {
            try await body(world)
            let report = try await Auditor(database: world.database, trust: .init()).run()
            #expect(report.findings == [])
        } catch {
            await world.end()
            throw error
        }
        await world.end()
    }

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

    // MARK: People

    private static let made = Atomic<Int>(0)

    func person(money: Int64 = 0, role: Role = .customer) async throws -> Payer {
        let number = Self.made.add(1, ordering: .relaxed).newValue
        let user = try await database.transaction { [identity] transaction in
            try identity.enrol(
                phone: PhoneNumber("+2547\(10_000_000 + number)")!,
                username: Username("person-\(number)")!, passwordHash: "-", role: role,
                email: EmailAddress("person-\(number)@example.com"), in: transaction)
        }
        // As a member of staff does for who has an account at the provider.
        _ = try await database.transaction { [clock, provider] transaction in
            try transaction.execute(
                "UPDATE identity.users SET email_proven_at = now() WHERE id = \(user.id)")
            return try transaction.execute(
                """
                INSERT INTO rails.destinations (user_id, provider, account, entered_at, entered_by)
                VALUES (\(user.id), \(provider), \("acct_\(number)"), \(clock.now),
                    \(user.id))
                """)
        }
        let payer = try Payer(identity.session(vouchingFor: user), .vouched)
        if money > 0 {
            _ = try await payments.topUp(
                amount: money, currency: "KES", from: .sandboxFloat, key: nil, by: payer)
        }
        return payer
    }

    func staff() async throws -> StaffSession {
        let payer = try await person(role: .finance)
        guard case .person(let session) = payer.caller else { preconditionFailure("a person") }
        return try StaffSession(session, oneOf: [.finance])
    }

    func balance(of payer: Payer) async throws -> Balance {
        let wallet = try await payments.openWallet(for: payer.user, currency: "KES")
        return try await payments.balance(of: wallet)
    }

    /// What the operator's money at the provider stands at: what came in less what went out.
    func float() async throws -> Int64 {
        let account = try await ledger.systemAccount(.float(at: provider), Self.kes)
        return -(try await ledger.balances(of: [account])[account]?.posted ?? 0)
    }

    var provider: String { vendor.name }

    // MARK: Asking

    static func newKey() -> IdempotencyKey {
        IdempotencyKey(String(UInt64.random(in: .min ... .max), radix: 36))!
    }

    func topUp(_ amount: Int64, by payer: Payer) async throws -> RailPayment {
        try await rails.topUp(
            RailCommand(rail: pair.rail, amount: amount, currency: "KES"), key: Self.newKey(),
            by: payer
        ).payment
    }

    func payOut(_ amount: Int64, by payer: Payer) async throws -> RailPayment {
        try await rails.payOut(
            RailCommand(rail: pair.rail, amount: amount, currency: "KES"), key: Self.newKey(),
            by: payer
        ).payment
    }

    func now(_ payment: RailPayment, of payer: Payer) async throws -> RailPayment {
        try await rails.payment(payment.id, of: payer.caller)
    }

    // MARK: Time

    /// Everything that is due now, on both sides, until nothing is.
    func settle() async throws {
        for _ in 0..<Self.roundsMax {
            vendor.tick(in: simulated)
            let deliveries = simulated.takeDue()
            for delivery in deliveries { await deliver(delivery) }
            let driven = try await rails.driveDue()
            if deliveries.isEmpty, driven == 0 { return }
        }
        throw NeverEnds(at: clock.now, conversation: conversation)
    }

    /// Moments at which something happens in one history, many times over.
    private static let roundsMax = 2_000

    /// Something happens again and again, and nothing comes of it.
    struct NeverEnds: Error {
        let at: Timestamp
        let conversation: String
    }

    /// Goes on until nothing will ever happen by itself again, or until that many seconds passed.
    func pass(seconds: Int64 = .max / 2_000_000) async throws {
        let end = clock.now.microseconds + seconds * 1_000_000
        for _ in 0..<Self.roundsMax {
            try await settle()
            let next = [try await rails.nextDue(), simulated.nextDelivery, vendor.nextDue]
                .compactMap { $0 }.min()
            guard let next, next.microseconds <= end else {
                if seconds < .max / 2_000_000 {
                    clock.advance(
                        seconds: clock.now.seconds(until: Timestamp(microseconds: end)))
                    try await settle()
                }
                return
            }
            clock.advance(seconds: clock.now.seconds(until: next))
        }
        throw NeverEnds(at: clock.now, conversation: conversation)
    }

    /// As the route does it, and the job after it.
    func deliver(_ delivery: SimulatedWorld.Delivery) async {
        let parts = delivery.url.split(separator: "/")
        let fields = delivery.headers
        do {
            try await rails.receive(
                from: String(parts[4]), token: parts.count > 5 ? String(parts[5]) : nil,
                body: delivery.body, json: JSON(parsing: delivery.body)
            ) { name in fields.first { $0.0.lowercased() == name.lowercased() }?.1 }
            try await runJobs()
        } catch {
            // What is not verified is refused, and whoever sent it hears so.
        }
    }

    private func runJobs() async throws {
        let kind = Rails.understand.rawValue
        let ids = try await database.transaction { transaction -> [ID<StoredCallback>] in
            try transaction.query("DELETE FROM jobs.jobs WHERE kind = \(kind) RETURNING payload")
                .compactMap { row in
                    let payload: String = try row[0]
                    return ID(payload)
                }
        }
        for id in ids { try await rails.replay(callback: id) }
    }
}

/// The way from an adapter to a simulated vendor in the same process.
final class SimulatedLine: Sendable {
    /// Where this process is killed: before its request leaves, or after the vendor acted.
    enum Cut { case beforeSending, afterActing }

    static let timeOutSeconds: Int64 = 30

    private struct State {
        var cuts: [String: Cut] = [:]
        var isUp = true
    }

    private let vendor: any SimulatedVendor
    private let world: SimulatedWorld
    private let state = Mutex(State())

    init(vendor: any SimulatedVendor, world: SimulatedWorld) {
        self.vendor = vendor
        self.world = world
    }

    var wire: Wire {
        Wire(isUp: { self.state.withLock { $0.isUp } }) { request async throws(OutboundError) in
            try self.send(request)
        }
    }

    /// The next request whose path ends so meets its end.
    func cut(_ path: String, _ cut: Cut) { state.withLock { $0.cuts[path] = cut } }

    func set(isUp: Bool) { state.withLock { $0.isUp = isUp } }

    private func send(_ request: OutboundRequest) throws(OutboundError) -> OutboundResponse {
        let cut = state.withLock { state -> Cut? in
            guard let path = state.cuts.keys.first(where: { request.url.contains($0) })
            else { return nil }
            return state.cuts.removeValue(forKey: path)
        }
        if cut == .beforeSending { throw .cancelled(.notSent) }
        let fields = request.headers
        let (path, query) = Self.parts(of: request.url)
        let asked = SimulatedRequest(
            request.method, path: path, query: query, body: request.body
        ) { name in fields.first { $0.0.lowercased() == name.lowercased() }?.1 }
        let reply = vendor.handle(asked, in: world)
        if cut == .afterActing { throw .cancelled(.unknown) }
        guard let reply else { return OutboundResponse(status: 404, body: []) }
        guard reply.manner != .silence, reply.seconds < Self.timeOutSeconds else {
            world.clock.advance(seconds: Self.timeOutSeconds)
            throw .timedOut(.unknown)
        }
        world.clock.advance(seconds: reply.seconds)
        guard reply.manner == .whole else { throw .broken(.unknown) }
        return OutboundResponse(status: reply.status, body: reply.body)
    }

    /// `http://simulated/daraja/oauth/…` without its beginning.
    private static func parts(of url: String) -> (path: String, query: [String: String]) {
        let target = url.dropFirst("http://simulated/".count).drop { $0 != "/" }
        var query: [String: String] = [:]
        for pair in target.drop(while: { $0 != "?" }).dropFirst().split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let name = FormText.value(parts[0]),
                let value = FormText.value(parts[1])
            else { continue }
            query[name] = value
        }
        return (String(target.prefix { $0 != "?" }), query)
    }
}
