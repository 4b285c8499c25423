package import Identity
package import Ledger
package import Values

extension Payments {
    /// Puts money into the person's wallet out of a float of the operator's.
    package func topUp(
        amount: Int64, currency code: String, from float: AccountKind, key: IdempotencyKey?,
        by session: Session
    ) async throws -> Done {
        try session.requireVerified()
        let currency = try terms.currency(code)
        let wallet = try await wallet(of: session.user, currency)
        let leg = Leg(
            debit: try await systemAccount(float, currency), credit: wallet.account,
            amount: Money(amount, currency), code: .topUp)
        let command = Command(
            key: key.map { commandKey($0, of: session.user) }, [.post(leg)])
        let receipt = try await ledger.submit(command)
        return Done(
            payment: try await payment(receipt.transfers),
            balance: balance(after: receipt, for: wallet.account), isReplay: receipt.isReplay)
    }
}
