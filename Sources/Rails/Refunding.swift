package import Identity
internal import Ledger
internal import Payments
internal import Postgres
package import Values

extension Rails {
    /// Has the provider give a top-up back the way it came. What becomes of it is asked, as always:
    /// the money leaves the wallet when the provider says that it has given it back.
    package func refund(
        _ id: ID<RailPayment>, because reason: String, by staff: StaffSession, from origin: Origin
    ) async throws {
        guard let payment = try await stored(id) else { throw RailRejection.paymentNotFound }
        guard payment.kind == .topUp, payment.state == .settled,
            let connected = connected(payment.provider), connected.provider.givesBack,
            let service = service(of: payment, connected)
        else {
            throw RailRefusal(.paymentNotRefundable, Fact("status", payment.state.rawValue))
        }
        // Otherwise its owner would owe what somebody else has decided.
        let balance = try await ledger.balances(of: [payment.wallet])[payment.wallet]
        guard balance?.available ?? 0 >= payment.amount.minorUnits else {
            throw LedgerRefusal(.insufficientFunds, [])
        }
        guard connected.wire.isUp() else { throw RailRejection.railDown }
        let asked = try await noteRefund(of: payment, because: reason, by: staff, from: origin)
        let conversation = Conversation(over: connected.wire, clock: clock)
        let answer = await connected.provider.giveBack(
            RailQuestion(
                order: try await order(asked, service), reference: asked.reference,
                receipt: asked.receipt), over: conversation)
        let said = conversation.exchanges.map { statement($0, id) }
        try await database.transaction { transaction in
            for exchange in said { _ = try transaction.execute(exchange) }
        }
        if case .refused(let failure) = answer {
            throw RailRefusal(.refundRefused, Fact("failure", failure.rawValue))
        }
        try await postpone(asked, until: clock.now)
        driver.wake()
    }

    /// Before the call: whatever becomes of this process, the provider is asked.
    private func noteRefund(
        of payment: RailPayment, because reason: String, by staff: StaffSession,
        from origin: Origin
    ) async throws -> RailPayment {
        let act = Act(
            .railRefundOrdered, by: staff.user, of: payment.user, from: origin, reason: reason,
            after: #"{"payment":"\#(payment.id)"}"#)
        try await database.transaction { try identity.audit.record(act, in: $0) }
        var asked = payment.noted()
        asked.asks = 0
        asked.dueAt = clock.now.adding(seconds: Driver.leaseSeconds)
        return try await write(
            payment, asked, RailStep(.refundOrdered, by: .staff(staff.user), reason))
    }
}

extension Act.Kind {
    /// A member of staff had a top-up given back.
    package static let railRefundOrdered = Act.Kind("rail_refund_ordered")
}
