package import Identity
package import Ledger
internal import Postgres
package import Values

/// What a person asks for when paying another.
package struct SendCommand: Sendable {
    package let to: String
    package let amount: Int64
    package let currency: String
    package let note: String?

    package init(to: String, amount: Int64, currency: String, note: String?) {
        self.to = to
        self.amount = amount
        self.currency = currency
        self.note = note
    }
}

extension Payments {
    /// What the payment would cost and whom it would reach. Refuses what the payment would refuse,
    /// but for what only the ledger can know at that moment.
    package func preview(_ command: SendCommand, by payer: Payer) async throws -> Quote {
        let (order, recipient) = try await order(command, by: payer)
        let fee = order.fees.fee(on: order.amount)
        let total: Money
        do { total = try order.amount.adding(fee) } catch {
            throw LedgerRefusal(.balanceOverflow)
        }
        return Quote(
            amount: order.amount, fee: fee, total: total, recipient: recipient.username,
            available: try await balance(of: order.source).available,
            isPinRequired: try await isPinRequired(for: order.amount, by: payer))
    }

    /// Pays, or replays what this key paid before.
    package func send(
        _ command: SendCommand, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (order, recipient) = try await order(command, by: payer)
        try await requirePresence(of: payer, for: order.amount)
        let receipt = try await submit(order, .send, key: key, by: payer)
        // All that the answer says is known here: the usual payment asks the database for nothing.
        let payment = Payment(
            transfer: receipt.first, currency: order.amount.currency,
            fee: fee(in: receipt.transfers), from: payer.username.text, to: recipient.username,
            note: order.note, status: .posted)
        return Done(
            payment: payment, balance: balance(after: receipt, for: order.source.account),
            isReplay: receipt.isReplay)
    }

    /// A payment that is being answered: what happened, and the caller's balance after it.
    package struct Done: Sendable {
        package let payment: Payment
        package let balance: Balance
        package let isReplay: Bool
    }

    /// Sends a transfer's money back, fee included; once. Only who received it may.
    package func reverse(
        _ id: ID<Transfer>, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (original, parties) = try await transfer(id, seenBy: payer.caller)
        guard parties[original.credit]?.id == payer.user else { throw IdentityRejection.forbidden }
        // What nobody asks about is not looked up.
        if payer.caller.isProgram || terms.pinThresholds.mayBeReached(by: original.amount) {
            let amount = Money(original.amount, try await currency(of: original))
            try requireAllowed(amount, by: payer)
            try await requirePresence(of: payer, for: amount)
        }
        return try await reverse(original, key: commandKey(key, of: payer.user))
    }

    /// Sends money back on behalf of who received it. Who ordered it and why is kept, also when the
    /// ledger then refuses.
    package func reverse(
        _ id: ID<Transfer>, key: IdempotencyKey, by staff: StaffSession, because reason: String,
        from origin: Origin
    ) async throws -> Done {
        let (original, parties) = try await transfer(id, seenBy: .person(staff.session))
        let act = Act(
            .reversalOrdered, by: staff.user, of: parties[original.credit]?.id, from: origin,
            reason: reason, after: #"{"transfer":"\#(id)"}"#)
        try await database.transaction { try identity.audit.record(act, in: $0) }
        let done = try await reverse(original, key: commandKey(key, of: staff.user))
        return Done(
            payment: done.payment.masked, balance: done.balance, isReplay: done.isReplay)
    }

    private func reverse(_ original: Transfer, key: CommandKey) async throws -> Done {
        guard original.code.isReversible else { throw LedgerRefusal(.transferNotReversible) }
        let legs = try await ledger.command(startingAt: original)
        let fees = legs.dropFirst().filter { $0.code == .fee }
        let command = Command(
            key: key, [.reverse(original.id)] + fees.map { .reverse($0.id) })
        return try await done(try await ledger.submit(command), for: original.credit)
    }

    /// A transfer that this person paid or received.
    package func payment(_ id: ID<Transfer>, of caller: Caller) async throws -> Payment {
        let (transfer, parties) = try await transfer(id, seenBy: caller)
        let payment = try await payment(
            try await ledger.command(startingAt: transfer),
            endedBy: try await ledger.ending(of: transfer.id))
        return parties.values.contains { $0.id == caller.user } ? payment : payment.masked
    }

    // MARK: Steps

    /// A transfer that this person paid or received, or that staff looks at, and who its two sides
    /// are.
    func transfer(
        _ id: ID<Transfer>, seenBy caller: Caller
    ) async throws -> (transfer: Transfer, parties: [AccountID: Directory.Person]) {
        guard let transfer = try await ledger.transfer(id) else {
            throw PaymentRejection.transferNotFound
        }
        let parties = try await owners(of: [transfer.debit, transfer.credit])
        guard parties.values.contains(where: { $0.id == caller.user }) || caller.seesOthers
        else { throw PaymentRejection.transferNotFound }
        return (transfer, parties)
    }

    /// A command whose words have become wallets and amounts.
    struct Order: Sendable {
        let amount: Money
        let source: Wallet
        let target: Wallet
        let note: String?
        /// Of the payer's plan; the preview and the payment ask the same.
        let fees: FeeSchedule
    }

    func order(
        _ command: SendCommand, by payer: Payer
    ) async throws -> (order: Order, recipient: Directory.Person) {
        let (amount, note) = try checked(command)
        let recipient = try await person(command.to)
        guard recipient.id != payer.user else { throw PaymentRejection.accountsMustDiffer }
        try requireAllowed(amount, by: payer)
        let order = Order(
            amount: amount, source: try await wallet(of: payer.user, amount.currency),
            target: try await wallet(of: recipient.id, amount.currency), note: note,
            fees: terms.sendFee(of: payer.plan))
        return (order, recipient)
    }

    /// A program pays no more at once than its merchant allowed it.
    package func requireAllowed(_ amount: Money, by payer: Payer) throws(LedgerRefusal) {
        guard case .program(let grant) = payer.caller, !grant.allows(payment: amount) else {
            return
        }
        let most = grant.paymentMax * amount.currency.minorUnitsPerMajor
        throw LedgerRefusal(
            .limitExceeded,
            [Fact("limit", "per_key"), Fact("limit_amount", most), Fact("remaining", most)])
    }

    /// What can be refused before anyone is looked up.
    func checked(_ command: SendCommand) throws -> (amount: Money, note: String?) {
        let currency = try terms.currency(command.currency)
        guard command.amount > 0 else { throw PaymentRejection.amountMustBePositive }
        return (Money(command.amount, currency), try note(command.note))
    }

    func note(_ text: String?) throws(PaymentRejection) -> String? {
        guard let text, !text.isEmpty else { return nil }
        guard text.unicodeScalars.count <= Self.noteCharactersMax else { throw .noteTooLong }
        return text
    }

    func submit(
        _ order: Order, _ code: TransferCode, key: IdempotencyKey, by payer: Payer,
        attachments: [Attachment] = []
    ) async throws -> Receipt {
        let fees = try await feeAccount(order.amount.currency, of: payer)
        let command = Command(
            key: commandKey(key, of: payer.user), operations(of: order, code, feesTo: fees),
            attachments: noteAttachments(order.note) + attachments)
        let receipt = try await explainingMismatch { try await ledger.submit(command) }
        try await compareNote(order.note, with: receipt)
        return receipt
    }

    /// The movements of one payment: its amount, then what the operator takes for it.
    func operations(
        of order: Order, _ code: TransferCode, feesTo fees: AccountID?
    ) -> [Operation] {
        let main = Operation.post(
            Leg(
                debit: order.source.account, credit: order.target.account, amount: order.amount,
                code: code, isLimited: true))
        guard let fees else { return [main] }
        let fee = order.fees.fee(on: order.amount)
        guard fee.minorUnits > 0 else { return [main] }
        let leg = Leg(
            debit: order.source.account, credit: fees, amount: fee, code: .fee, isDerived: true)
        return [main, .post(leg)]
    }

    /// Where the payer's fees of this currency go; nil where nothing is taken.
    func feeAccount(_ currency: Currency, of payer: Payer) async throws -> AccountID? {
        guard terms.sendFee(of: payer.plan) != .free else { return nil }
        return try await systemAccount(.fees, currency)
    }

    func systemAccount(_ kind: AccountKind, _ currency: Currency) async throws -> AccountID {
        if let known = directory.systemAccount(kind, currency) { return known }
        let account = try await ledger.systemAccount(kind, currency)
        directory.keep(account, kind, currency)
        return account
    }

    func noteAttachments(_ note: String?) -> [Attachment] {
        guard let note else { return [] }
        return [
            Attachment(else: PaymentRejection.noteTooLong) { first in
                """
                INSERT INTO payments.notes (transfer, note) VALUES (\(first.number), \(note))
                """
            }
        ]
    }

    /// The ledger compares money; the words are compared here.
    func compareNote(_ note: String?, with receipt: Receipt) async throws {
        guard receipt.isReplay else { return }
        let stored = try await notes(of: [receipt.first.id])[receipt.first.id]
        guard stored == note else { throw Self.otherNote }
    }

    static let otherNote = LedgerRefusal(
        .idempotencyMismatch, [Fact("first_difference", "note")])

    /// One key names one wallet per currency, so a different debit account means a different
    /// currency.
    func explainingMismatch<Value>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as LedgerRefusal {
            throw explained(refusal)
        }
    }

    func explained(_ refusal: LedgerRefusal) -> LedgerRefusal {
        guard refusal.facts == [Fact("first_difference", "from")] else { return refusal }
        return LedgerRefusal(refusal.rejection, [Fact("first_difference", "currency")])
    }

    /// What to answer to the owner of `account`.
    func done(_ receipt: Receipt, for account: AccountID) async throws -> Done {
        Done(
            payment: try await payment(receipt.transfers),
            balance: balance(after: receipt, for: account), isReplay: receipt.isReplay)
    }

    func balance(after receipt: Receipt, for account: AccountID) -> Balance {
        let last = receipt.transfers.last { $0.debit == account || $0.credit == account }
        return (last ?? receipt.first).balance(of: account)
    }

    func fee(in lines: some Sequence<Transfer>) -> Int64 {
        lines.dropFirst().filter { $0.code == .fee }.reduce(0) { $0 + $1.amount }
    }
}

extension Act.Kind {
    /// A member of staff sends money back on behalf of who received it.
    package static let reversalOrdered = Act.Kind("reversal_ordered")
}
