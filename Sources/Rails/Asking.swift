internal import Cryptography
package import Identity
internal import Ledger
internal import Payments
internal import Postgres
package import Values

/// What a person asks for when money is to come in or to go out.
package struct RailCommand: Sendable {
    package let rail: String
    package let amount: Int64
    package let currency: String

    package init(rail: String, amount: Int64, currency: String) {
        self.rail = rail
        self.amount = amount
        self.currency = currency
    }
}

extension Rails {
    /// What was asked for, and whether it is the repetition of an earlier request.
    package struct Done: Sendable {
        package let payment: RailPayment
        package let isReplay: Bool
    }

    /// Asks a provider for money of this person's, which is credited when it has proven to be
    /// there. The call is made at once: the answer says what to do next.
    package func topUp(
        _ command: RailCommand, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (service, connected) = try service(.topUp, command)
        let name = Self.key("top-up \(payer.user) \(key.text)")
        if let earlier = try await replay(name, command, .topUp) { return earlier }
        let amount = try Self.amount(command, service)
        guard connected.wire.isUp() else { throw RailRejection.railDown }
        let wallet = try await payments.openWallet(
            for: payer.user, currency: amount.currency.code)
        try await requireRoom(for: amount, in: wallet.account)
        let payment = try await new(
            .topUp, service, amount, fee: Money(0, amount.currency), wallet.account,
            connected, of: payer.user)
        let insertion = insertion(payment, key: name)
        do {
            try await database.transaction { _ = try $0.execute(insertion) }
        } catch let error as DatabaseError where error.isUniqueViolation("payments_key") {
            if let earlier = try await replay(name, command, .topUp) { return earlier }
            throw error
        }
        await drive(payment)
        return Done(payment: try await stored(payment.id) ?? payment, isReplay: false)
    }

    /// Sets money aside and has a provider pay it out.
    package func payOut(
        _ command: RailCommand, key: IdempotencyKey, by payer: Payer
    ) async throws -> Done {
        let (service, connected) = try service(.payout, command)
        let name = Self.key("payout \(payer.user) \(key.text)")
        if let earlier = try await replay(name, command, .payout) { return earlier }
        let amount = try Self.amount(command, service)
        try payments.requireAllowed(amount, by: payer)
        guard connected.wire.isUp() else { throw RailRejection.railDown }
        try await payments.requirePresence(of: payer, for: amount)
        let wallet = try await payments.openWallet(
            for: payer.user, currency: amount.currency.code)
        let fee = terms.payoutFee(of: payer.plan).fee(on: amount)
        let payment = try await new(
            .payout, service, amount, fee: fee, wallet.account, connected, of: payer.user)
        let receipt = try await ledger.submit(try await holding(payment, key: name))
        if receipt.isReplay, let earlier = try await replay(name, command, .payout) {
            return earlier
        }
        driver.wake()
        return Done(payment: try await stored(payment.id) ?? payment, isReplay: false)
    }

    // MARK: Steps

    /// The first provider that does this and is up; the others when none is.
    private func service(
        _ kind: RailKind, _ command: RailCommand
    ) throws -> (RailService, Connected) {
        let able = providers.flatMap { connected in
            connected.provider.services.filter {
                $0.kind == kind && $0.rail == command.rail && $0.currency.code == command.currency
            }.map { ($0, connected) }
        }
        guard let chosen = able.first(where: { $0.1.wire.isUp() }) ?? able.first else {
            let offered = providers.flatMap(\.provider.services).filter { $0.kind == kind }
            throw RailRefusal(
                .railNotAvailable,
                Fact("offered", Set(offered.map { "\($0.rail) \($0.currency)" }).sorted()))
        }
        return chosen
    }

    private static func amount(
        _ command: RailCommand, _ service: RailService
    ) throws -> Money {
        guard command.amount >= service.amountMin else {
            throw RailRefusal(.amountBelowMinimum, Fact("amount_min", service.amountMin))
        }
        guard command.amount <= service.amountMax else {
            throw RailRefusal(.amountAboveMaximum, Fact("amount_max", service.amountMax))
        }
        guard command.amount % service.unit == 0 else {
            throw RailRefusal(.amountNotPayable, Fact("amount_unit", service.unit))
        }
        return Money(command.amount, service.currency)
    }

    /// Told before anybody pays: once the money is there it is credited in any case.
    private func requireRoom(for amount: Money, in account: AccountID) async throws {
        let uses = try await ledger.limits(of: [account])[account] ?? []
        for use in uses where use.kind == .balance && use.remaining < amount.minorUnits {
            throw LedgerRefusal(exceeding: use)
        }
    }

    private func new(
        _ kind: RailKind, _ service: RailService, _ amount: Money, fee: Money,
        _ wallet: AccountID, _ connected: Connected, of user: ID<User>
    ) async throws -> RailPayment {
        guard let person = try await identity.user(user), person.isVerified,
            let contact = try await contact(
                of: person, service, at: connected.provider.name)
        else { throw RailRejection.contactMissing }
        let now = clock.now
        let id = ID<RailPayment>.make(at: now)
        let float = try await accounts.account(
            .float(at: connected.provider.name), amount.currency)
        var payment = RailPayment(
            id: id, user: user, kind: kind, rail: service.rail,
            provider: connected.provider.name, amount: amount, fee: fee, wallet: wallet,
            float: float, contact: seal(contact, Self.contactField, id), createdAt: now,
            state: .created, version: 1)
        payment.dueAt = now.adding(seconds: Driver.leaseSeconds)
        return payment
    }

    /// The hold, and the row with it: all or nothing.
    private func holding(_ payment: RailPayment, key: CommandKey) async throws -> Command {
        var held = try payment.moved(to: .held)
        held.holdEndsAt = clock.now.adding(seconds: Self.holdSeconds)
        held.dueAt = clock.now
        let ready = held
        let hasFee = payment.fee.minorUnits > 0
        let insertion = insertion(payment, key: key)
        return Command(
            key: key, try await holds(of: payment, isLimited: true),
            attachments: [Attachment(else: PaymentMoved()) { _ in insertion }]
                + attachments(payment, RailStep(.held), said: []) { first in
                    var held = ready
                    held.hold = first
                    held.feeHold = hasFee ? TransferID(first.number + 1) : nil
                    return held
                })
    }

    /// A hold ends after at most 31 days.
    static let holdSeconds = Command.holdSecondsMax

    func holds(of payment: RailPayment, isLimited: Bool) async throws -> [Operation] {
        let main = Leg(
            debit: payment.wallet, credit: payment.float, amount: payment.amount, code: .payout,
            isLimited: isLimited)
        guard payment.fee.minorUnits > 0 else { return [.hold(main, seconds: Self.holdSeconds)] }
        let fees = try await accounts.account(.fees, payment.amount.currency)
        let fee = Leg(
            debit: payment.wallet, credit: fees, amount: payment.fee, code: .fee,
            isDerived: true)
        return [
            .hold(main, seconds: Self.holdSeconds), .hold(fee, seconds: Self.holdSeconds),
        ]
    }

    /// What this key asked for before.
    private func replay(
        _ key: CommandKey, _ command: RailCommand, _ kind: RailKind
    ) async throws -> Done? {
        let name = SQLValue.uuid(high: key.high, low: key.low)
        guard let earlier = try await stored(where: "key = \(name)").first else { return nil }
        let differences: [(String, Bool)] = [
            ("rail", earlier.rail == command.rail),
            ("amount", earlier.amount.minorUnits == command.amount),
            ("currency", earlier.amount.currency.code == command.currency),
        ]
        if let first = differences.first(where: { !$0.1 }) {
            throw LedgerRefusal(.idempotencyMismatch, [Fact("first_difference", first.0)])
        }
        return Done(payment: earlier, isReplay: true)
    }

    static func key(_ text: String) -> CommandKey {
        let digest = Hash.sha256("rails " + text)
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        return CommandKey(high: word(digest[0..<8]), low: word(digest[8..<16]))
    }
}
