package import Identity
package import Ledger
internal import OfflineProtocol
internal import Payments
internal import Postgres
package import Values

/// What one currency's offline money stands at.
package struct Exposure: Sendable {
    package let currency: Currency
    package let liveWallets: Int64
    /// Still the owners', until somebody claims it.
    package let locked: Int64
    /// What certificates that can still be claimed on allow to be sent and was not shown yet.
    package let outstanding: Int64
    /// What is promised to honest holders and was not paid yet.
    package let guaranteed: Int64
    package let fund: Int64
    package let owedToFund: Int64
    package let owedToPayees: Int64
    package let paidByFund: Int64
    package let openCases: Int64
    package let waiting: Int64
    package let pending: Int64
}

extension Offline {
    /// Puts real money aside for the guarantee, out of the operator's own.
    package func fillFund(
        _ amount: Int64, currency code: String, from float: AccountKind, key: IdempotencyKey,
        by staff: StaffSession, because reason: String, from origin: Origin
    ) async throws -> Exposure {
        guard let currency = Currency(code) else { throw PaymentRejection.currencyNotSupported }
        let fund = try await fund(currency)
        let source = try await ledger.systemAccount(float, currency)
        let act = Act(
            .offlineFundFilled, by: staff.user, of: nil, from: origin, reason: reason,
            after: #"{"currency":"\#(currency.code)","amount":\#(amount)}"#)
        try await database.transaction { try identity.audit.record(act, in: $0) }
        let leg = Leg(
            debit: source, credit: fund.fund, amount: Money(amount, currency),
            code: .offlineGuarantee)
        _ = try await ledger.submit(
            Command(
                key: Self.commandKey("offline fund \(staff.user) \(key.text)"), [.post(leg)]))
        return try await exposure(currency)
    }

    /// Every currency that has ever been taken offline.
    package func exposures() async throws -> [Exposure] {
        let currencies = try await database.query(
            "SELECT currency FROM offline.turns ORDER BY currency"
        ) { try $0[0] as Currency }
        var exposures: [Exposure] = []
        for currency in currencies { exposures.append(try await exposure(currency)) }
        return exposures
    }

    // MARK: Steps

    private func exposure(_ currency: Currency) async throws -> Exposure {
        let now = clock.now
        let fund = try await fund(currency)
        let escrows = try await database.query(
            """
            SELECT escrow FROM offline.wallets
            WHERE currency = \(currency) AND status <> 'retired'
            """
        ) { AccountID(try $0[0]) }
        let balances = try await ledger.balances(
            of: escrows + [fund.fund, fund.owedToFund, fund.owedToPayees])
        let posted = balances.mapValues(\.posted)
        let locked = escrows.reduce(Int64(0)) { $0 + posted[$1, default: 0] }
        return try await database.read { transaction in
            let row = try transaction.query(Self.counts(currency, now))[0]
            return Exposure(
                currency: currency, liveWallets: try row[0], locked: locked,
                outstanding: try row[1], guaranteed: try row[2],
                fund: posted[fund.fund, default: 0],
                owedToFund: posted[fund.owedToFund, default: 0],
                owedToPayees: posted[fund.owedToPayees, default: 0], paidByFund: try row[3],
                openCases: try row[4], waiting: try row[5], pending: try row[6])
        }
    }

    private static func counts(_ currency: Currency, _ now: Timestamp) -> SQL {
        """
        SELECT (SELECT count(*) FROM offline.wallets
                WHERE currency = \(currency) AND status = 'live' AND claim_by > \(now)),
            (SELECT coalesce(sum(greatest(0, w.out_limit - coalesce((SELECT max(sent_total)
                    FROM offline.records r WHERE r.payer = w.wid), 0))), 0)::bigint
                FROM offline.wallets w WHERE w.currency = \(currency) AND w.claim_by > \(now)),
            (SELECT coalesce(sum(guarantee - guarantee_used), 0)::bigint FROM offline.wallets
                WHERE currency = \(currency) AND claim_by > \(now)),
            (SELECT coalesce(sum(amount), 0)::bigint FROM offline.payouts
                WHERE currency = \(currency)),
            (SELECT count(*) FROM offline.cases WHERE currency = \(currency)),
            (SELECT count(*) FROM offline.records
                WHERE currency = \(currency) AND state = 'waiting'),
            (SELECT count(*) FROM offline.records
                WHERE currency = \(currency) AND state = 'pending')
        """
    }
}
