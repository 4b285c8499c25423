package import Identity
package import Jobs
package import Ledger
internal import OfflineProtocol
package import Payments
package import Postgres
package import Values

/// Money that two people pay each other without a network, settled when either is online again.
///
/// What a device may spend is locked in an escrow. Whoever has a record may upload it, in any order
/// and any number of times: the set of known records only grows, and settling is a function of it.
/// Verbs are in the files named after them; this one holds what they share.
package struct Offline: Sendable {
    let database: Database
    let ledger: Ledger
    let payments: Payments
    let identity: Identity
    let events: Events
    let clock: Clock
    let keys: IssuerKeys
    let policy: OfflinePolicy
    let lanes = Lanes()
    let signatures = Signatures()

    package init(
        payments: Payments, ledger: Ledger, identity: Identity, events: Events,
        database: Database, clock: Clock, keys: IssuerKeys, policy: OfflinePolicy
    ) {
        self.database = database
        self.ledger = ledger
        self.payments = payments
        self.identity = identity
        self.events = events
        self.clock = clock
        self.keys = keys
        self.policy = policy
    }
}

extension Offline {
    /// Deadlines are days; what was taken while payments were stopped is settled within this.
    private static let deadlineSeconds: Int64 = 60

    package var schedules: [Schedule] {
        [
            Schedule("offline.pass_deadlines", everySeconds: Self.deadlineSeconds) {
                try await passDeadlines()
            }
        ]
    }
}

extension AccountKind {
    /// What a device may spend without a network; still its owner's.
    static let offlineEscrow = AccountKind(rawValue: "offline_escrow")
    /// What one record brought, until it is passed on, deposited or mature.
    static let offlineBucket = AccountKind(rawValue: "offline_bucket")
    /// The guarantee: real money that the operator put aside.
    static let offlineFund = AccountKind(rawValue: "offline_fund")
    /// The other side of debts to the fund.
    static let offlineOwedToFund = AccountKind(rawValue: "offline_owed_to_fund")
    /// The other side of debts to payees, beyond what the guarantee covered.
    static let offlineOwedToPayees = AccountKind(rawValue: "offline_owed_to_payees")
    /// What one person owes for having overspent.
    static let offlineDebt = AccountKind(rawValue: "offline_debt")
}

/// Every movement of a currency is decided on a picture of it, and written only if that is still
/// the latest: some process was faster.
struct TurnLost: Refusal {
    let code = "unavailable"
    let status = 503
    let detail = "The server is busy with other offline payments; try again in a moment."
    let facts = [Fact("retry_after", 1)]
}

extension Timestamp {
    /// Whole seconds since 1970, as the protocol counts.
    var seconds: UInt32 { UInt32(clamping: microseconds / 1_000_000) }

    init(seconds: UInt64) { self.init(microseconds: Int64(clamping: seconds) * 1_000_000) }
}
