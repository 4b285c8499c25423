package import Identity
internal import Ledger
internal import Payments
internal import Postgres
package import Values

extension Rails {
    /// The owner takes back what nobody outside was asked for yet.
    package func cancel(_ id: ID<RailPayment>, by caller: Caller) async throws -> RailPayment {
        let payment = try await payment(id, of: caller)
        guard payment.state == .created || payment.state == .held else {
            throw RailRefusal(.paymentUnderWay, Fact("payment_status", payment.state.rawValue))
        }
        do {
            try await fail(payment, .cancelledByOwner, by: .owner)
        } catch is PaymentMoved {
            throw RailRejection.paymentUnderWay
        }
        return try await self.payment(id, of: caller)
    }

    /// What a person found out about a payment in review.
    package enum Decision: String, Sendable, CaseIterable {
        case settled
        case failed
    }

    /// Decides a payment that asking did not decide. Who and why is kept with it, and in the log of
    /// acts.
    package func decide(
        _ id: ID<RailPayment>, _ decision: Decision, receipt: String?, because reason: String,
        by staff: StaffSession, from origin: Origin
    ) async throws -> RailPayment {
        guard let payment = try await stored(id) else { throw RailRejection.paymentNotFound }
        guard payment.state == .review else {
            throw RailRefusal(.paymentNotInReview, Fact("payment_status", payment.state.rawValue))
        }
        let act = Act(
            .railPaymentDecided, by: staff.user, of: payment.user, from: origin, reason: reason,
            after: #"{"payment":"\#(id)","decision":"\#(decision.rawValue)"}"#)
        try await database.transaction { try identity.audit.record(act, in: $0) }
        let actor = RailStep.Actor.staff(staff.user)
        switch decision {
        case .settled:
            let receipt = RailReceipt(receipt ?? payment.receipt ?? "decided \(id)", nil)
            try await book(payment, receipt, [], RailStep(.decided, by: actor, reason), nil)
        case .failed: try await fail(payment, .decidedByStaff, by: actor, [], because: reason)
        }
        return try await stored(id) ?? payment
    }

    // MARK: Looking

    /// A payment of this person's own.
    package func payment(_ id: ID<RailPayment>, of caller: Caller) async throws -> RailPayment {
        guard let payment = try await stored(id), payment.user == caller.user else {
            throw RailRejection.paymentNotFound
        }
        return payment
    }

    /// This person's payments to and from the outside, newest first.
    package func payments(
        of caller: Caller, before cursor: ID<RailPayment>?, limit: Int
    ) async throws -> Page<RailPayment> {
        let before = cursor ?? ID(high: .max, low: .max)
        let found = try await stored(
            where: """
                user_id = \(caller.user) AND id < \(before) ORDER BY id DESC
                LIMIT \(Int64(limit) + 1)
                """)
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last.map { "\($0.id)" } : nil)
    }

    /// Payments that wait for a person, oldest first.
    package func inReview(
        after cursor: ID<RailPayment>?, limit: Int
    ) async throws -> Page<RailPayment> {
        let after = cursor ?? ID(high: 0, low: 0)
        let found = try await stored(
            where: "state = 'review' AND id > \(after) ORDER BY id LIMIT \(Int64(limit) + 1)")
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last.map { "\($0.id)" } : nil)
    }

    /// Everything that is known of one payment.
    package struct Whole: Sendable {
        package let payment: RailPayment
        package let steps: [TimedStep]
        package let exchanges: [Exchange]
        package let callbacks: [KeptCallback]
    }

    package struct TimedStep: Sendable {
        package let at: Timestamp
        package let state: RailState
        package let step: RailStep
    }

    package struct KeptCallback: Sendable {
        package let id: ID<StoredCallback>
        package let at: Timestamp
        package let deliveries: Int64
        package let outcome: String?
        package let body: String
    }

    package func whole(_ id: ID<RailPayment>) async throws -> Whole {
        guard let payment = try await stored(id) else { throw RailRejection.paymentNotFound }
        return Whole(
            payment: payment, steps: try await steps(of: id),
            exchanges: try await exchanges(of: id), callbacks: try await callbacks(of: id))
    }

    package func steps(of id: ID<RailPayment>) async throws -> [TimedStep] {
        try await database.query(
            """
            SELECT at, state, event, actor, staff, detail FROM rails.steps
            WHERE payment = \(id) ORDER BY number LIMIT \(Self.rowsMax)
            """
        ) { row in
            let (state, event, actor): (String, String, String) = (
                try row[1], try row[2], try row[3]
            )
            let staff: ID<User>? = try row[4]
            guard let state = RailState(rawValue: state),
                let event = RailStep.Event(rawValue: event),
                let actor = RailStep.Actor(name: actor, staff: staff)
            else { throw RailPayment.UnreadableRow() }
            return TimedStep(
                at: try row[0], state: state, step: RailStep(event, by: actor, try row[5]))
        }
    }

    /// A payment has few dozens of either.
    private static let rowsMax: Int64 = 500

    private func exchanges(of id: ID<RailPayment>) async throws -> [Exchange] {
        try await database.query(
            """
            SELECT at, operation, status, milliseconds, said FROM rails.exchanges
            WHERE payment = \(id) ORDER BY id LIMIT \(Self.rowsMax)
            """
        ) { row in
            let at: Timestamp = try row[0]
            let said = try open(try row[4], Self.exchangeField, "\(id) \(at.microseconds)")
            let status: Int32? = try row[2]
            return Exchange(
                at: at, operation: try row[1], request: String(said.prefix { $0 != "\u{0}" }),
                answer: String(said.drop { $0 != "\u{0}" }.dropFirst()),
                status: status.map { Int($0) }, milliseconds: try row[3])
        }
    }

    private func callbacks(of id: ID<RailPayment>) async throws -> [KeptCallback] {
        try await database.query(
            """
            SELECT id, received_at, deliveries, outcome, raw FROM rails.callbacks
            WHERE payment = \(id) ORDER BY id LIMIT \(Self.rowsMax)
            """
        ) { row in
            let callback: ID<StoredCallback> = try row[0]
            let raw = try open(try row[4], Self.callbackField, callback)
            return KeptCallback(
                id: callback, at: try row[1], deliveries: try row[2], outcome: try row[3],
                body: String(raw.drop { $0 != "\n" }.dropFirst()))
        }
    }
}

extension RailStep.Actor {
    init?(name: String, staff: ID<User>?) {
        switch (name, staff) {
        case ("program", nil): self = .program
        case ("owner", nil): self = .owner
        case ("provider", nil): self = .provider
        case ("staff", let user?): self = .staff(user)
        default: return nil
        }
    }
}

extension Act.Kind {
    /// A member of staff decided a payment that its provider gave no clear answer about.
    package static let railPaymentDecided = Act.Kind("rail_payment_decided")
}
