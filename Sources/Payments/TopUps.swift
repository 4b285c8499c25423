package import Identity
package import Ledger
package import Values

extension Payments {
    /// Minor units of one top-up. Far below what an account can hold, so that nobody can fill the
    /// float, which all top-ups of a currency share.
    static let topUpMax: Int64 = 1_000_000_000_000_000

    /// Puts money into the person's wallet out of a float of the operator's.
    package func topUp(
        amount: Int64, currency code: String, from float: AccountKind, key: IdempotencyKey?,
        by payer: Payer
    ) async throws -> Done {
        let currency = try terms.currency(code)
        guard amount <= Self.topUpMax else {
            throw LedgerRefusal(
                .limitExceeded,
                [
                    Fact("limit", "per_top_up"), Fact("limit_amount", Self.topUpMax),
                    Fact("remaining", Self.topUpMax),
                ])
        }
        let wallet = try await wallet(of: payer.user, currency)
        let leg = Leg(
            debit: try await systemAccount(float, currency), credit: wallet.account,
            amount: Money(amount, currency), code: .topUp)
        // Without a key from the client it is still one command: the ledger needs a name to find
        // out what became of it when a connection is lost during the commit.
        let name = key.map { commandKey($0, of: payer.user) } ?? .random()
        let command = Command(key: name, [.post(leg)])
        let receipt = try await explainingMismatch { try await ledger.submit(command) }
        return try await done(receipt, for: wallet.account)
    }
}
