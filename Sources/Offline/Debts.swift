internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Payments
internal import Postgres
internal import Values

extension Offline {
    private static let debtorsMax: Int64 = 500
    /// Claims that one movement pays; the rest waits for the next.
    private static let claimsMax: Int64 = 64

    /// A claim with where its money goes.
    private struct Due: Sendable {
        let id: Int64
        let remaining: Int64
        let record: StoredRecord?
        var target: AccountID
        var isForFund: Bool { record == nil }
    }

    /// Whoever owes and has money online again pays: the fund first, then payees in the order in
    /// which they were left short. Whoever calls is alone in the currency's lane.
    func collect(_ currency: Currency) async throws {
        let debtors = try await database.query(
            """
            SELECT d.user_id, d.debt, (SELECT w.online FROM offline.wallets w
                WHERE w.user_id = d.user_id AND w.currency = d.currency LIMIT 1)
            FROM offline.debtors d WHERE d.currency = \(currency) AND EXISTS (
                SELECT FROM offline.claims c WHERE c.debtor = d.user_id
                    AND c.currency = d.currency AND c.remaining > 0)
            ORDER BY d.user_id LIMIT \(Self.debtorsMax)
            """
        ) { row in
            Debtor(
                person: try row[0], debt: AccountID(try row[1]), online: AccountID(try row[2]))
        }
        guard !debtors.isEmpty else { return }
        let balances = try await ledger.balances(of: debtors.map(\.online))
        for debtor in debtors {
            let available = balances[debtor.online]?.available ?? 0
            guard available > 0 else { continue }
            try await pass { try await collect(available, from: debtor, currency) }
        }
    }

    private struct Debtor: Sendable {
        let person: ID<User>
        let debt: AccountID
        let online: AccountID
    }

    private func collect(
        _ available: Int64, from debtor: Debtor, _ currency: Currency
    ) async throws {
        let fund = try await fund(currency)
        let dues = try await dues(of: debtor.person, currency, fund)
        let version = try await version(currency)
        let parts = Repayment.parts(of: available, among: dues.map(\.remaining))
        var (legs, attachments) = ([Leg](), [Attachment]())
        for (due, part) in zip(dues, parts) where part > 0 {
            if due.target != debtor.online {
                legs.append(leg(part, debtor.online, due.target, currency))
            }
            let owed = due.isForFund ? fund.owedToFund : fund.owedToPayees
            legs.append(leg(part, owed, debtor.debt, currency))
            attachments += Self.paying(part, due)
        }
        guard !legs.isEmpty else { return }
        let turn = Self.attachment(Self.turn(currency, version))
        _ = try await ledger.submit(
            Command(
                key: .random(), legs.map { .post($0) }, attachments: [turn] + attachments))
    }

    private func leg(
        _ amount: Int64, _ debit: AccountID, _ credit: AccountID, _ currency: Currency
    ) -> Leg {
        Leg(
            debit: debit, credit: credit, amount: Money(amount, currency),
            code: .offlineGuarantee, isReturn: true)
    }

    private static func paying(_ amount: Int64, _ due: Due) -> [Attachment] {
        let claim = attachment(
            """
            UPDATE offline.claims SET remaining = remaining - \(amount)
            WHERE id = \(due.id) AND remaining >= \(amount)
            """)
        guard let record = due.record else { return [claim] }
        let isDirect = record.closedAt != nil || record.record.payee == .issuer
        let (short, full) = (OfflineReceipt.Status.short, OfflineReceipt.Status.settled)
        return [
            claim,
            attachment(
                """
                UPDATE offline.records r SET paid = r.paid + \(amount),
                    released = r.released + \(isDirect ? amount : 0),
                    outcome = CASE WHEN r.paid + \(amount) = r.amount
                            AND r.outcome = \(Int16(short.rawValue))
                        THEN \(Int16(full.rawValue)) ELSE r.outcome END
                WHERE r.id = \(record.id.stored) AND r.state = 'settled'
                    AND (r.closed_at IS NOT NULL) = \(record.closedAt != nil)
                """),
        ]
    }

    private func dues(
        of person: ID<User>, _ currency: Currency, _ fund: Fund
    ) async throws -> [Due] {
        let claims = try await database.query(
            """
            SELECT id, remaining, record FROM offline.claims
            WHERE debtor = \(person) AND currency = \(currency) AND remaining > 0
            ORDER BY record IS NOT NULL, id LIMIT \(Self.claimsMax)
            """
        ) { row in
            (
                id: try row[0] as Int64, remaining: try row[1] as Int64,
                record: (try row[2] as ID<SpendRecord>?).map { ObjectID(stored: $0) }
            )
        }
        let records = try await records(claims.compactMap(\.record))
        let wallets = try await wallets(
            records.values.flatMap { [$0.record.payer, $0.record.payee] })
        return claims.compactMap { claim in
            guard let id = claim.record else {
                return Due(
                    id: claim.id, remaining: claim.remaining, record: nil, target: fund.fund)
            }
            guard let record = records[id],
                let target = Self.holder(of: record, wallets)
            else { return nil }
            return Due(
                id: claim.id, remaining: claim.remaining, record: record, target: target)
        }
    }

    /// Where what is paid later for a record goes.
    static func holder(
        of record: StoredRecord, _ wallets: [WalletID: DeviceWallet]
    ) -> AccountID? {
        if record.record.payee == .issuer { return wallets[record.record.payer]?.online }
        return record.closedAt == nil
            ? record.bucket : wallets[record.record.payee]?.online
    }
}

/// How what a debtor has is shared: in the order of the claims, each as far as it goes.
enum Repayment {
    static func parts(of available: Int64, among dues: [Int64]) -> [Int64] {
        var rest = available
        return dues.map { due in
            let part = min(rest, due)
            rest -= part
            return part
        }
    }
}
