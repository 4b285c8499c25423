package import Ledger
package import Values

/// Why money moves in this slice. The numbers are stored in the journal for ever.
extension TransferCode {
    package static let send = TransferCode(rawValue: 1)
    package static let fee = TransferCode(rawValue: 2)
    package static let topUp = TransferCode(rawValue: 3)
    package static let request = TransferCode(rawValue: 4)
    package static let merchant = TransferCode(rawValue: 5)
    /// Between a wallet and what its owner may spend without a network.
    package static let offlineLock = TransferCode(rawValue: 30)
    /// A payment that was made without a network.
    package static let offlinePayment = TransferCode(rawValue: 31)
    /// Offline money that comes back to a wallet.
    package static let offlineReturn = TransferCode(rawValue: 32)
    /// What the guarantee paid, and what is owed for it.
    package static let offlineGuarantee = TransferCode(rawValue: 33)

    /// Money that came in over a rail.
    package static let railTopUp = TransferCode(rawValue: 40)
    /// Money that went out over a rail.
    package static let payout = TransferCode(rawValue: 41)
    /// What had crossed a rail and came back.
    package static let railReturn = TransferCode(rawValue: 42)
    /// What the operator lost to a rail.
    package static let railLoss = TransferCode(rawValue: 43)

    /// Whether a movement like this may be sent back. A fee goes back with its payment; offline
    /// money and rails have ways of their own, and what left an escrow has no owner who could send
    /// it.
    var isReversible: Bool {
        switch self {
        case .fee, .offlineLock, .offlinePayment, .offlineReturn, .offlineGuarantee: false
        case .railTopUp, .payout, .railReturn, .railLoss: false
        default: true
        }
    }

    package var name: String {
        switch self {
        case .send: "send"
        case .fee: "fee"
        case .topUp: "top_up"
        case .request: "request"
        case .merchant: "merchant"
        case .offlineLock: "offline_lock"
        case .offlinePayment: "offline_payment"
        case .offlineReturn: "offline_return"
        case .offlineGuarantee: "offline_guarantee"
        case .railTopUp: "top_up"
        case .payout: "payout"
        case .railReturn: "rail_return"
        case .railLoss: "rail_loss"
        default: "other"
        }
    }
}

/// A transfer as people see it: names instead of accounts.
package struct Payment: Sendable {
    package let transfer: Transfer
    package let currency: Currency
    package let fee: Int64
    /// Nil for the operator's own accounts.
    package let from: String?
    package let to: String?
    package let note: String?
    package let status: Status

    package enum Status: String, Sendable, CaseIterable {
        case posted
        case reversed
        case held
        case captured
        case voided
        case expired
    }
}

/// One line of a wallet's history, as its owner sees it.
package struct HistoryEntry: Sendable {
    package let id: ID<Transfer>
    package let place: TransferID
    package let at: Timestamp
    package let kind: TransferKind
    package let code: TransferCode
    package let isCredit: Bool
    /// Whether nothing happened in this wallet before.
    package let isFirst: Bool
    package let currency: Currency
    package let amount: Int64
    package let balance: Balance
    package let counterparty: String?
    package internal(set) var note: String?

    init(_ entry: Entry, _ currency: Currency, counterparty: String?, note: String?) {
        id = entry.transfer.publicID
        place = entry.transfer.id
        at = entry.transfer.at
        kind = entry.transfer.kind
        code = entry.transfer.code
        isCredit = entry.isCredit
        isFirst = entry.isFirst
        self.currency = currency
        amount = entry.transfer.amount
        balance = entry.balance
        self.counterparty = counterparty
        self.note = note
    }
}

/// What a payment would cost, worked out by the function that the payment itself uses.
package struct Quote: Sendable, Equatable {
    package let amount: Money
    package let fee: Money
    package let total: Money
    package let recipient: String
    /// What could be spent now, before this payment.
    package let available: Int64
    /// Whether the payment will ask for the PIN.
    package let isPinRequired: Bool
}
