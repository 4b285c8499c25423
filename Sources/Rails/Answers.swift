internal import Ledger
internal import Payments
internal import Postgres
internal import Telemetry
internal import Values

// What an answer of a provider's makes of a payment. Whoever applies one to a payment that has
// moved meanwhile meets `PaymentMoved` and decides again.

extension Rails {
    func apply(
        _ answer: CallAnswer, to payment: RailPayment, _ service: RailService, said: [Exchange]
    ) async throws {
        switch answer {
        case .accepted(let reference, let action):
            // Somebody who asked meanwhile may know more already.
            guard payment.state == .calling || payment.state == .unknown else { return }
            var after = payment.noted()
            after.reference = reference
            after.nextAction = action
            after.dueAt = clock.now.adding(seconds: service.usualSeconds)
            try await write(payment, after, RailStep(.accepted, by: .provider), said: said)
        case .settled(let receipt): try await settle(payment, receipt, service, said)
        case .refused(let failure):
            guard payment.state == .calling || payment.state == .unknown else { return }
            try await fail(payment, failure, by: .provider, said, service)
        case .unknown:
            guard payment.state == .calling else { return }
            try await doubt(payment, said)
        }
    }

    func apply(
        _ answer: AskAnswer, to payment: RailPayment, _ service: RailService, said: [Exchange]
    ) async throws {
        switch (answer, payment.state) {
        case (.settled(let receipt), .calling), (.settled(let receipt), .unknown):
            try await settle(payment, receipt, service, said)
        case (.settled(let receipt), .failed):
            try await settleLate(payment, receipt, service, said)
        case (.failed(let failure), .calling), (.failed(let failure), .unknown):
            try await fail(payment, failure, by: .provider, said, service)
        case (.reversed, .calling), (.reversed, .unknown), (.chargedBack, .calling),
            (.chargedBack, .unknown):
            try await fail(payment, .refused, by: .provider, said, service)
        case (.failed, .settled), (.reversed, .settled):
            try await takeBack(payment, as: .reversed, said)
        case (.chargedBack, .settled): try await takeBack(payment, as: .chargedBack, said)
        case (.absent, .calling), (.absent, .unknown):
            try await applyAbsence(to: payment, service, said)
        case (.pending, .calling) where payment.asks < Self.asksBeforeDoubt:
            try await askLater(payment, said)
        case (.pending, .calling), (.silent, .calling): try await doubt(payment, said)
        case (.pending, .unknown), (.silent, .unknown): try await askLater(payment, said)
        case (.pending, .settled), (.silent, .settled), (.pending, .failed), (.silent, .failed):
            try await checkLater(payment, said)
        default:
            // It is as we know it, or a person decides.
            try await postpone(payment, until: payment.state == .review ? payment.dueAt : nil)
        }
    }

    // MARK: Nobody knows

    /// A provider that took an order may take its time before anybody is told of doubts.
    private static let asksBeforeDoubt: Int64 = 2

    private func doubt(_ payment: RailPayment, _ said: [Exchange]) async throws {
        var after = try payment.moved(to: .unknown)
        after.asks = 0
        after.dueAt = AskingSchedule.next(after: 0, at: clock.now)
        try await write(payment, after, RailStep(.unknown), said: said)
    }

    private func askLater(_ payment: RailPayment, _ said: [Exchange]) async throws {
        let asks = payment.asks + 1
        guard let next = AskingSchedule.next(after: Int(asks), at: clock.now) else {
            return try await handOver(payment, "asked long enough", said)
        }
        var after = payment.noted()
        after.asks = asks
        after.dueAt = next
        try await write(payment, after, RailStep(.asked), said: said)
    }

    /// What is over is asked about once more, and until somebody answers that. If nobody does, it
    /// stays as it is.
    private func checkLater(_ payment: RailPayment, _ said: [Exchange]) async throws {
        var after = payment.noted()
        after.asks = payment.asks + 1
        after.dueAt = AskingSchedule.next(after: Int(after.asks), at: clock.now)
        try await write(payment, after, RailStep(.asked), said: said)
    }

    private func applyAbsence(
        to payment: RailPayment, _ service: RailService, _ said: [Exchange]
    ) async throws {
        if let seconds = service.absenceProvesAfterSeconds, let calledAt = payment.calledAt,
            calledAt.adding(seconds: seconds) <= clock.now
        {
            return try await fail(payment, .neverReceived, by: .provider, said, service)
        }
        if payment.state == .calling { return try await doubt(payment, said) }
        try await askLater(payment, said)
    }

    /// To a person, who is told what is odd about it.
    func handOver(_ payment: RailPayment, _ why: String, _ said: [Exchange] = []) async throws {
        var after = try payment.moved(to: .review)
        after.failure = nil
        after.dueAt = after.holdEndsAt?.adding(seconds: -Self.renewSeconds)
        try await write(payment, after, RailStep(.review, why), said: said)
        Log.error("rails.review", ["payment": "\(payment.id)", "why": .text(why)])
    }

    // MARK: It was paid

    private func settle(
        _ payment: RailPayment, _ receipt: RailReceipt, _ service: RailService,
        _ said: [Exchange], by actor: RailStep.Actor = .provider
    ) async throws {
        guard [.calling, .unknown].contains(payment.state) else {
            if payment.state == .failed {
                try await settleLate(payment, receipt, service, said)
            }
            return
        }
        if let amount = receipt.amount, amount != payment.amount {
            return try await handOver(payment, "the provider moved \(amount)", said)
        }
        try await book(payment, receipt, said, RailStep(.settled, by: actor), service)
    }

    /// What comes after we were told that it would not. Money that came in is its owner's; money
    /// that went out although its owner has it again is for a person to sort out.
    private func settleLate(
        _ payment: RailPayment, _ receipt: RailReceipt, _ service: RailService,
        _ said: [Exchange]
    ) async throws {
        guard payment.kind == .topUp, payment.calledAt != nil else {
            return try await handOver(payment, "it was paid after it had failed", said)
        }
        if let amount = receipt.amount, amount != payment.amount {
            return try await handOver(payment, "the provider moved \(amount)", said)
        }
        try await book(
            payment, receipt, said, RailStep(.settled, by: .provider, "late"), service)
    }

    /// Moves the money and the payment together.
    func book(
        _ payment: RailPayment, _ receipt: RailReceipt, _ said: [Exchange], _ step: RailStep,
        _ service: RailService?
    ) async throws {
        var after = try payment.moved(to: .settled)
        after.receipt = receipt.text
        after.failure = nil
        after.nextAction = .nothing
        after.asks = 0
        (after.hold, after.feeHold, after.holdEndsAt) = (nil, nil, nil)
        after.dueAt = service?.asksAgainAfterSeconds.map { clock.now.adding(seconds: $0) }
        let ready = after
        let command = Command(
            key: Self.key("settle \(payment.id) \(payment.version)"),
            try await bookings(of: payment),
            attachments: attachments(payment, step, said: said) { first in
                var settled = ready
                settled.transfer = first
                return settled
            })
        do {
            _ = try await ledger.submit(command)
        } catch let error as DatabaseError where error.isUniqueViolation("payments_receipt") {
            try await handOver(payment, "the receipt was booked for another payment", said)
        } catch let refusal as LedgerRefusal where !refusal.rejection.isTransient {
            try await handOver(payment, "the ledger says \(refusal.code)", said)
        } catch let refusal as LedgerRefusal where refusal.rejection == .creditAccountClosed {
            try await handOver(payment, "the wallet is closed", said)
        } catch let refusal as LedgerRefusal {
            // Payments are stopped: what happened outside is asked again when they go on.
            Log.warning(
                "rails.not_booked", ["payment": "\(payment.id)", "code": .text(refusal.code)])
            try await postpone(payment, until: clock.now.adding(seconds: Self.stoppedSeconds))
        }
    }

    private static let stoppedSeconds: Int64 = 60

    private func bookings(of payment: RailPayment) async throws -> [Operation] {
        switch (payment.kind, payment.hold) {
        case (.topUp, _):
            // The money is there: no ceiling keeps it from its owner.
            return [
                .post(
                    Leg(
                        debit: payment.float, credit: payment.wallet, amount: payment.amount,
                        code: .railTopUp, isReturn: true))
            ]
        case (.payout, let hold?):
            return [.capture(hold: hold, amount: nil)]
                + (payment.feeHold.map { [.capture(hold: $0, amount: nil)] } ?? [])
        case (.payout, nil):
            // It was paid although its owner has the money again: the operator's loss.
            return [
                .post(
                    Leg(
                        debit: try await accounts.account(.losses, payment.amount.currency),
                        credit: payment.float, amount: payment.amount, code: .railLoss))
            ]
        }
    }

    // MARK: It was not paid

    func fail(
        _ payment: RailPayment, _ failure: RailFailure, by actor: RailStep.Actor = .program,
        _ said: [Exchange] = [], _ service: RailService? = nil, because reason: String? = nil
    ) async throws {
        var after = try payment.moved(to: .failed)
        after.failure = failure
        after.nextAction = .nothing
        after.asks = 0
        // What a callback claimed was not so.
        after.receipt = nil
        // A prompt that ended by itself may have been answered all the same.
        after.dueAt =
            payment.reference == nil
            ? nil : service?.asksAgainAfterSeconds.map { clock.now.adding(seconds: $0) }
        (after.hold, after.feeHold, after.holdEndsAt) = (nil, nil, nil)
        let step = RailStep(.failed, by: actor, reason ?? failure.rawValue)
        guard let hold = payment.hold else {
            try await write(payment, after, step, said: said)
            return
        }
        let ready = after
        let voids = [Operation.void(hold: hold)] + (payment.feeHold.map { [.void(hold: $0)] } ?? [])
        _ = try await ledger.submit(
            Command(
                key: Self.key("fail \(payment.id) \(payment.version)"), voids,
                attachments: attachments(payment, step, said: said) { _ in ready }))
    }

    /// What had been settled went back the way it came.
    private func takeBack(
        _ payment: RailPayment, as end: RailState, _ said: [Exchange]
    ) async throws {
        let event: RailStep.Event = end == .chargedBack ? .chargedBack : .reversed
        var after = try payment.moved(to: end)
        after.dueAt = nil
        let ready = after
        _ = try await ledger.submit(
            Command(
                key: Self.key("reverse \(payment.id) \(payment.version)"),
                try await returns(of: payment),
                attachments: attachments(
                    payment, RailStep(event, by: .provider), said: said
                ) { _ in ready }))
    }

    private func returns(of payment: RailPayment) async throws -> [Operation] {
        let currency = payment.amount.currency
        switch payment.kind {
        case .payout:
            // A payment of its own that names the payout; what was captured stays.
            let back = Leg(
                debit: payment.float, credit: payment.wallet, amount: payment.amount,
                code: .railReturn, isReturn: true)
            guard payment.fee.minorUnits > 0 else { return [.post(back)] }
            let fees = try await accounts.account(.fees, currency)
            return [
                .post(back),
                .post(
                    Leg(
                        debit: fees, credit: payment.wallet, amount: payment.fee,
                        code: .railReturn, isDerived: true, isReturn: true)),
            ]
        case .topUp:
            return try await takingBack(payment)
        }
    }

    // MARK: Holds that are about to end

    /// How long before its end a hold is made anew.
    static let renewSeconds: Int64 = 5 * 86_400

    /// The question is older than any hold may be: lets the old one go and makes another in one
    /// command, so that nobody spends the money in between.
    func renewHold(of payment: RailPayment) async throws {
        guard let hold = payment.hold else { return try await postpone(payment, until: nil) }
        var after = payment.noted()
        let end = clock.now.adding(seconds: Self.holdSeconds)
        after.holdEndsAt = end
        after.dueAt = end.adding(seconds: -Self.renewSeconds)
        let voids = [Operation.void(hold: hold)] + (payment.feeHold.map { [.void(hold: $0)] } ?? [])
        let (ready, count, hasFee) = (after, Int64(voids.count), payment.feeHold != nil)
        _ = try await ledger.submit(
            Command(
                key: Self.key("renew \(payment.id) \(payment.version)"),
                voids + (try await holds(of: payment, isLimited: false)),
                attachments: attachments(payment, RailStep(.holdRenewed), said: []) { first in
                    var renewed = ready
                    renewed.hold = TransferID(first.number + count)
                    renewed.feeHold = hasFee ? TransferID(first.number + count + 1) : nil
                    return renewed
                }))
    }
}
