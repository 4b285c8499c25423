package import Identity
package import Ledger
package import Values

extension Payments {
    /// Reserves money for someone, who then takes all or part of it, or lets it go.
    package func hold(
        _ command: SendCommand, seconds: Int64, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (order, _) = try await order(command, by: payer)
        try await requirePresence(of: payer, for: order.amount)
        let leg = Leg(
            debit: order.source.account, credit: order.target.account, amount: order.amount,
            code: .merchant, isLimited: true)
        let command = Command(
            key: commandKey(key, of: payer.user), [.hold(leg, seconds: seconds)],
            attachments: noteAttachments(order.note))
        let receipt = try await explainingMismatch { try await ledger.submit(command) }
        try await compareNote(order.note, with: receipt)
        return try await done(receipt, for: order.source.account)
    }

    /// A hold that this person gave or received, and what became of it.
    package func hold(_ id: ID<Transfer>, of caller: Caller) async throws -> Payment {
        let (hold, _) = try await holdAndAccount(id, of: caller)
        return try await payment([hold], endedBy: try await ledger.ending(of: hold.id))
    }

    /// Moves all or part of a hold to who it was for; the rest is the payer's again. The payer may
    /// capture the whole alone: a part would take back what was promised.
    package func capture(
        _ id: ID<Transfer>, amount: Int64?, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (hold, account) = try await holdAndAccount(id, of: payer.caller)
        guard account == hold.credit || (amount ?? hold.amount) >= hold.amount else {
            throw IdentityRejection.forbidden
        }
        let command = Command(
            key: commandKey(key, of: payer.user), [.capture(hold: hold.id, amount: amount)])
        return try await done(try await ledger.submit(command), for: account)
    }

    /// Lets a hold go. Only who it was for may: to them it was promised.
    package func void(
        _ id: ID<Transfer>, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (hold, account) = try await holdAndAccount(id, of: payer.caller)
        guard account == hold.credit else { throw IdentityRejection.forbidden }
        let command = Command(key: commandKey(key, of: payer.user), [.void(hold: hold.id)])
        return try await done(try await ledger.submit(command), for: account)
    }

    /// Ends the holds whose time is over.
    package func expireHolds() async throws {
        while try await ledger.expireHolds() > 0 {}
    }

    // MARK: Steps

    /// The hold, and the caller's own account of its two.
    private func holdAndAccount(
        _ id: ID<Transfer>, of caller: Caller
    ) async throws -> (Transfer, AccountID) {
        // Holds of other slices are ended by what they wait for, not by hand.
        guard let hold = try await ledger.transfer(id), hold.kind == .hold, hold.code == .merchant
        else {
            throw PaymentRejection.holdNotFound
        }
        let owners = try await owners(of: [hold.debit, hold.credit])
        for account in [hold.credit, hold.debit] where owners[account]?.id == caller.user {
            return (hold, account)
        }
        throw PaymentRejection.holdNotFound
    }
}
