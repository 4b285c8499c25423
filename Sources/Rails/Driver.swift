internal import HTTP
internal import Identity
internal import Payments
internal import Postgres
internal import Synchronization
internal import Telemetry
package import Values

/// Which payments this process has under way, and the signal that there may be more.
final class Driver: Sendable {
    /// How long a claimed payment is its process's before another may look at it. Longer than the
    /// longest call.
    static let leaseSeconds: Int64 = 90
    /// Payments under way at once; each waits without a thread or a connection.
    static let underWayMax = 4_000
    static let claimMax: Int64 = 200
    static let lookMilliseconds = 500

    private let underWay = Mutex(0)
    let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init() {
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func wake() { wakeUp.yield() }

    var room: Int { Self.underWayMax - underWay.withLock { $0 } }
    func begin() { underWay.withLock { $0 += 1 } }

    func end() {
        underWay.withLock { $0 -= 1 }
        wake()
    }
}

extension Rails {
    /// There may be work: look now.
    package func wake() { driver.wake() }

    /// Calls and asks whatever is due, until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    driver.wake()
                    try await Task.sleep(for: .milliseconds(Driver.lookMilliseconds))
                }
            }
            group.addTask {
                await withDiscardingTaskGroup { calls in
                    for await _ in driver.wakeUps { await begin(in: &calls) }
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func begin(in calls: inout DiscardingTaskGroup) async {
        do {
            while !Task.isCancelled, driver.room > 0 {
                let due = try await claimDue(limit: min(Driver.claimMax, Int64(driver.room)))
                for payment in due {
                    driver.begin()
                    calls.addTask {
                        await drive(payment)
                        driver.end()
                    }
                }
                if due.isEmpty { return }
            }
        } catch {
            Log.warning("rails.driver_waits", ["error": "\(error)"])
        }
    }

    /// Does what is due now, one after the other. Returns how much there was.
    package func driveDue() async throws -> Int {
        let due = try await claimDue(limit: Driver.claimMax)
        for payment in due { await drive(payment) }
        return due.count
    }

    /// When the next payment is due that does not wait for a person, if any is.
    package func nextDue() async throws -> Timestamp? {
        try await database.query(
            "SELECT min(due_at) FROM rails.payments WHERE state <> 'review'"
        ) { row in try row[0] as Timestamp? }[0]
    }

    private func claimDue(limit: Int64) async throws -> [RailPayment] {
        let now = clock.now
        return try await database.transaction { transaction in
            try transaction.query(
                """
                UPDATE rails.payments SET due_at = \(now.adding(seconds: Driver.leaseSeconds))
                WHERE id IN (
                    SELECT id FROM rails.payments WHERE due_at <= \(now)
                    ORDER BY due_at LIMIT \(limit) FOR UPDATE SKIP LOCKED)
                RETURNING \(RailPayment.columns)
                """
            ).map { try RailPayment(row: $0) }
        }
    }

    /// Takes one payment a step further. What fails is found again when the lease is over.
    func drive(_ payment: RailPayment) async {
        do {
            guard let connected = connected(payment.provider),
                let service = service(of: payment, connected)
            else {
                return Log.error(
                    "rails.provider_missing",
                    ["payment": "\(payment.id)", "provider": .text(payment.provider)])
            }
            switch payment.state {
            case .created, .held: try await call(payment, service, connected)
            case .calling, .unknown, .settled, .failed:
                try await ask(payment, service, connected)
            case .review: try await renewHold(of: payment)
            case .reversed, .chargedBack: try await postpone(payment, until: nil)
            }
        } catch is PaymentMoved {
            // Somebody else took it further; it is due again if anything is left to do.
        } catch {
            Log.warning(
                "rails.step_failed", ["payment": "\(payment.id)", "error": "\(error)"])
        }
    }

    func service(of payment: RailPayment, _ connected: Connected) -> RailService? {
        connected.provider.services.first {
            $0.kind == payment.kind && $0.rail == payment.rail
                && $0.currency == payment.amount.currency
        }
    }

    // MARK: Calling

    private func call(
        _ payment: RailPayment, _ service: RailService, _ connected: Connected
    ) async throws {
        guard connected.wire.isUp() else {
            guard payment.kind == .topUp else {
                let later = clock.now.adding(seconds: Self.downSeconds)
                return try await postpone(payment, until: later)
            }
            // Somebody waits for the answer, and nothing was asked of anybody.
            return try await fail(payment, .providerUnreachable)
        }
        var calling = try payment.moved(to: .calling)
        let now = clock.now
        calling.calledAt = now
        calling.dueAt = now.adding(seconds: Driver.leaseSeconds)
        // From here on nobody calls again, whatever happens.
        let written = try await write(payment, calling, RailStep(.calling))
        let conversation = Conversation(over: connected.wire, clock: clock)
        let answer = await connected.provider.call(
            try await order(written, service), over: conversation)
        guard !conversation.wasCut, !Task.isCancelled else { return }
        try await insisting(on: written) { current in
            try await apply(answer, to: current, service, said: conversation.exchanges)
        }
    }

    /// How long a payout waits for a provider that is down.
    private static let downSeconds: Int64 = 15

    /// Decides anew on what the payment has become, while others are faster.
    func insisting(
        on payment: RailPayment, _ body: (RailPayment) async throws -> Void
    ) async throws {
        var current = payment
        for _ in 0..<Self.attemptsMax {
            do { return try await body(current) } catch is PaymentMoved {
                guard let found = try await stored(payment.id) else { throw PaymentMoved() }
                current = found
            }
        }
        throw PaymentMoved()
    }

    private static let attemptsMax = 5

    func order(_ payment: RailPayment, _ service: RailService) async throws -> RailOrder {
        let names = try await payments.usernames(of: [payment.user])
        let contact = try open(payment.contact, Self.contactField, payment.id)
        return RailOrder(
            id: payment.id, service: service, amount: payment.amount,
            username: names[payment.user] ?? "",
            phone: service.contact == .phone ? PhoneNumber(contact) : nil,
            email: service.contact == .email ? EmailAddress(contact) : nil,
            account: service.contact == .account ? contact : nil,
            callbacks: CallbackAddresses(
                base: terms.publicURL, provider: payment.provider, payment: payment.id,
                tokens: terms.tokens))
    }

    // MARK: Asking

    private func ask(
        _ payment: RailPayment, _ service: RailService, _ connected: Connected
    ) async throws {
        let conversation = Conversation(over: connected.wire, clock: clock)
        let question = RailQuestion(
            order: try await order(payment, service), reference: payment.reference,
            receipt: payment.receipt)
        let answer = await connected.provider.ask(question, over: conversation)
        guard !conversation.wasCut, !Task.isCancelled else { return }
        try await insisting(on: payment) { current in
            try await apply(answer, to: current, service, said: conversation.exchanges)
        }
    }
}
