package import Ledger
package import Values

/// Why money moves in this slice. The numbers are stored in the journal for ever.
extension TransferCode {
    package static let send = TransferCode(rawValue: 1)
    package static let fee = TransferCode(rawValue: 2)
    package static let topUp = TransferCode(rawValue: 3)
    package static let request = TransferCode(rawValue: 4)
    package static let merchant = TransferCode(rawValue: 5)

    package var name: String {
        switch self {
        case .send: "send"
        case .fee: "fee"
        case .topUp: "top_up"
        case .request: "request"
        case .merchant: "merchant"
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

/// One line of a wallet's history.
package struct HistoryEntry: Sendable {
    package let entry: Entry
    package let currency: Currency
    package let counterparty: String?
    package let note: String?
}

/// What a payment would cost, worked out by the function that the payment itself uses.
package struct Quote: Sendable, Equatable {
    package let amount: Money
    package let fee: Money
    package let total: Money
    package let recipient: String
    /// What could be spent now, before this payment.
    package let available: Int64
}
