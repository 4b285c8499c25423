internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
package import Values

extension SimpleTransfers {
    /// Lines of one answer, at most; the newest.
    package static let linesMax = 1_000

    /// What a user has sent and received, newest first.
    package func lines(of member: Member) async throws -> [Line] {
        let page = try await payments.history(
            of: member.wallet, cursor: nil, from: nil, to: nil, limit: Self.linesMax)
        return try await lines(page.elements.map(\.entry.transfer))
    }

    /// Everything that moved between two days, both included, in UTC; newest first.
    package func lines(from: Timestamp, to: Timestamp) async throws -> [Line] {
        let transfers = try await ledger.transfers(
            from: from, to: to, currency: terms.currency, limit: Self.linesMax)
        return try await lines(transfers)
    }

    package struct Summary: Sendable {
        package let member: Member
        package let sent: Money
        package let received: Money
        package let sentCount: Int
        package let receivedCount: Int
    }

    package func summary(of member: Member) async throws -> Summary {
        let totals = try await ledger.totals(of: member.wallet.account)
        return Summary(
            member: member, sent: Money(totals.debits, terms.currency),
            received: Money(totals.credits, terms.currency), sentCount: totals.debitCount,
            receivedCount: totals.creditCount)
    }

    private func lines(_ transfers: [Transfer]) async throws -> [Line] {
        let moved = transfers.filter(\.kind.movesMoney)
        let parties = try await payments.people(
            behind: Set(moved.flatMap { [$0.debit, $0.credit] }))
        let names = try await emails(of: Set(parties.values))
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

    private func emails(of users: Set<ID<User>>) async throws -> [ID<User>: String] {
        var names: [ID<User>: String] = [:]
        for id in users {
            guard let user = try await identity.user(id) else { continue }
            names[id] = user.email?.text ?? user.username.text
        }
        return names
    }
}
