package import Identity
package import Ledger
package import Values

extension Payments {
    /// Play money, out of the sandbox's own float.
    package func sandboxTopUp(
        amount: Int64, currency code: String, key: IdempotencyKey?, by session: Session
    ) async throws -> Done {
        try session.requireVerified()
        let currency = try terms.currency(code)
        let wallet = try await wallet(of: session.user, currency)
        let float = try await systemAccount(.sandboxFloat, currency)
        let leg = Leg(
            debit: float, credit: wallet.account, amount: Money(amount, currency),
            code: .sandboxTopUp)
        let command = Command(
            key: key.map { commandKey($0, of: session.user) }, [.post(leg)])
        let receipt = try await ledger.submit(command)
        return Done(
            payment: try await payment(receipt.transfers),
            balance: balance(after: receipt, for: wallet.account), isReplay: receipt.isReplay)
    }
}
