package import Identity
package import Jobs
package import Ledger
package import Postgres
package import Values

/// Moving money between people: wallets, sending, requests, holds, reversals, history, live
/// updates.
///
/// Verbs are in the files named after them; this one holds what they share.
package struct Payments: Sendable {
    let database: Database
    let ledger: Ledger
    let moneyOut: MoneyOut
    let identity: Identity
    let events: Events
    let clock: Clock
    let terms: PaymentTerms
    let directory = Directory()
    let recent = RecentHistory()
    let walletsOf: GatheredRead<ID<User>, Wallet>
    let notes: GatheredRead<TransferID, (TransferID, String)>
    let live = LiveUpdates()

    package static let noteCharactersMax = 280

    package init(
        database: Database, ledger: Ledger, moneyOut: MoneyOut, identity: Identity,
        events: Events, clock: Clock, terms: PaymentTerms
    ) {
        self.database = database
        self.ledger = ledger
        self.moneyOut = moneyOut
        self.identity = identity
        self.events = events
        self.clock = clock
        self.terms = terms
        walletsOf = Self.wallets(in: database)
        notes = Self.notes(in: database)
        followJournal()
        followEvents()
    }
}

/// What the operator has decided about money.
package struct PaymentTerms: Sendable {
    /// The first is the default.
    package let currencies: [Currency]
    package let sendFees: [Plan: FeeSchedule]
    package let limits: LimitTable
    package let pinThresholds: PinThresholds

    package init(
        currencies: [Currency], sendFees: [Plan: FeeSchedule], limits: LimitTable,
        pinThresholds: PinThresholds
    ) {
        precondition(!currencies.isEmpty)
        self.currencies = currencies
        self.sendFees = sendFees
        self.limits = limits
        self.pinThresholds = pinThresholds
    }

    /// What a payer of this plan gives for a payment.
    func sendFee(of plan: Plan) -> FeeSchedule { sendFees[plan] ?? .free }

    package var currencyDefault: Currency { currencies[0] }

    func currency(_ code: String) throws(UnsupportedCurrency) -> Currency {
        guard let currency = currencies.first(where: { $0.code == code }) else {
            throw UnsupportedCurrency(supported: currencies.map(\.code))
        }
        return currency
    }
}
