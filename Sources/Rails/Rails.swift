package import Cryptography
internal import HTTP
package import Identity
package import Jobs
package import Ledger
package import Payments
package import Postgres
internal import Synchronization
package import Values

/// Money in and out: top-ups and payouts over whichever rail, as one state machine.
///
/// Verbs are in the files named after them; this one holds what they share.
package struct Rails: Sendable {
    /// What the sealing key of this slice is for.
    package static let purpose = "rails"

    let database: Database
    let ledger: Ledger
    let payments: Payments
    let identity: Identity
    let events: Events
    let jobs: Jobs
    let clock: Clock
    let key: SealingKey
    let terms: RailTerms
    let providers: [Connected]
    let accounts: SystemAccounts
    let driver = Driver()

    /// A provider, and the way to it.
    package struct Connected: Sendable {
        let provider: any PaymentProvider
        let wire: Wire

        package init(_ provider: any PaymentProvider, over wire: Wire) {
            self.provider = provider
            self.wire = wire
        }
    }

    package init(
        database: Database, ledger: Ledger, payments: Payments, identity: Identity,
        events: Events, jobs: Jobs, clock: Clock, key: SealingKey, terms: RailTerms,
        providers: [Connected]
    ) {
        self.database = database
        self.ledger = ledger
        self.payments = payments
        self.identity = identity
        self.events = events
        self.jobs = jobs
        self.clock = clock
        self.key = key
        self.terms = terms
        self.providers = providers
        accounts = SystemAccounts(ledger: ledger)
    }

    func connected(_ name: String) -> Connected? {
        providers.first { $0.provider.name == name }
    }
}

/// What the operator has decided about money in and out.
package struct RailTerms: Sendable {
    /// Where providers reach this installation: `https://wallet.example`.
    package let publicURL: String
    package let payoutFees: [Plan: FeeSchedule]
    package let tokens: CallbackTokens

    package init(publicURL: String, payoutFees: [Plan: FeeSchedule], tokens: CallbackTokens) {
        self.publicURL = publicURL
        self.payoutFees = payoutFees
        self.tokens = tokens
    }

    func payoutFee(of plan: Plan) -> FeeSchedule { payoutFees[plan] ?? .free }
}

extension AccountKind {
    /// The operator's money at one provider.
    package static func float(at provider: String) -> AccountKind {
        AccountKind(rawValue: "float_" + provider)
    }

    /// What the operator has lost for good.
    package static let losses = AccountKind(rawValue: "losses")
}

/// The operator's own accounts, which are looked up once.
final class SystemAccounts: Sendable {
    private struct Name: Hashable {
        let kind: AccountKind
        let currency: Currency
    }

    private let ledger: Ledger
    private let known = Mutex<[Name: AccountID]>([:])

    init(ledger: Ledger) { self.ledger = ledger }

    func account(_ kind: AccountKind, _ currency: Currency) async throws -> AccountID {
        let name = Name(kind: kind, currency: currency)
        if let account = known.withLock({ $0[name] }) { return account }
        let account = try await ledger.systemAccount(kind, currency)
        known.withLock { $0[name] = account }
        return account
    }
}

// MARK: What is sealed

extension Rails {
    static let contactField = "rails contact"
    static let exchangeField = "rails exchange"
    static let callbackField = "rails callback"

    func seal(_ text: String, _ field: String, _ id: some CustomStringConvertible) -> [UInt8] {
        key.seal(Array(text.utf8), context: Self.context(field, id))
    }

    func open(
        _ sealed: [UInt8], _ field: String, _ id: some CustomStringConvertible
    ) throws -> String {
        String(decoding: try key.open(sealed, context: Self.context(field, id)), as: UTF8.self)
    }

    static func context(_ field: String, _ id: some CustomStringConvertible) -> [UInt8] {
        Array("\(field) \(id)".utf8)
    }
}
