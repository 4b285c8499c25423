package import Identity
package import Ledger
package import Values

/// Money that one person asks another for.
package struct PaymentRequest: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable {
        case pending
        case accepted
        case declined
        case cancelled
    }

    package let id: ID<PaymentRequest>
    package let requester: ID<User>
    package let payer: ID<User>
    package let amount: Money
    package let note: String?
    package let status: Status
    package let transfer: TransferID?
    package let createdAt: Timestamp
}
