package import Identity
internal import Ledger
internal import Payments
internal import Postgres
package import Values

extension SimpleTransfers {
    /// Lines of one answer, at most; the newest.
    package static let linesMax = 1_000

    /// What a user has sent and received, newest first.
    ///
    /// Others are named by e-mail where that is how this surface knows them, and by username where
    /// they have a telephone number: who pays by username has not given their address away. Staff
    /// reads usernames alone.
    package func lines(of user: User, seenBy caller: Session?) async throws -> [Line] {
        let isMasked = caller.map { $0.user != user.id } ?? false
        let member = try await member(user)
        let page = try await ledger.entries(of: member.wallet.account, limit: Self.linesMax)
        return try await lines(page.elements.map(\.transfer)) { other in
            !isMasked && (other.id == user.id || other.phone == nil) ? other.email : nil
        }
    }

    /// Everything that moved between two days, both included, in UTC; newest first.
    package func lines(
        from: Timestamp, to: Timestamp, isMasked: Bool
    ) async throws -> [Line] {
        let transfers = try await ledger.transfers(
            from: from, to: to, currency: terms.currency, limit: Self.linesMax)
        return try await lines(transfers) { isMasked ? nil : $0.email }
    }

    package struct Summary: Sendable {
        package let member: Member
        package let sent: Money
        package let received: Money
        package let sentCount: Int
        package let receivedCount: Int
    }

    package func summary(of user: User) async throws -> Summary {
        let member = try await member(user)
        let totals = try await ledger.totals(of: member.wallet.account)
        return Summary(
            member: member, sent: Money(totals.debits, terms.currency),
            received: Money(totals.credits, terms.currency), sentCount: totals.debitCount,
            receivedCount: totals.creditCount)
    }

    private func lines(
        _ transfers: [Transfer], showing email: (User) -> EmailAddress?
    ) async throws -> [Line] {
        let moved = transfers.filter(\.kind.movesMoney)
        let parties = try await payments.people(
            behind: Set(moved.flatMap { [$0.debit, $0.credit] }))
        let users = try await identity.users(Set(parties.values))
        let names = users.mapValues { email($0)?.text ?? $0.username.text }
        return moved.map { transfer in
            let name = { (account: AccountID) in
                parties[account].flatMap { names[$0] } ?? Self.operatorName
            }
            return Line(
                id: transfer.publicID, sender: name(transfer.debit),
                receiver: name(transfer.credit), amount: Money(transfer.amount, terms.currency),
                status: "completed", createdAt: transfer.at)
        }
    }

    /// The name of the operator's own accounts on this surface.
    static let operatorName = "florin"
}
