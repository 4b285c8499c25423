package import Identity
package import Ledger
package import Values

/// A person's money in one currency.
package struct Wallet: Sendable, Equatable {
    package let id: ID<Wallet>
    package let owner: ID<User>
    package let currency: Currency
    package let account: AccountID
}
