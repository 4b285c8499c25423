package import Identity
package import Ledger
package import Values

/// The limits of wallets by plan, tier and currency: what this program suggests, then what the
/// operator has changed of it, in the order in which it was said.
package struct LimitTable: Sendable, Equatable {
    /// What is limited. Amounts are in major units, so that a table reads the same in every
    /// currency.
    package enum Measure: String, Sendable, CaseIterable {
        case transfer
        case day
        case month
        /// Payments of one hour.
        case hourCount = "hour_count"
        case dayCount = "day_count"
        /// What a wallet may hold.
        case balance
    }

    /// One line of the operator's: whom it is about, and what it sets; nil takes a limit away.
    package struct Change: Sendable, Equatable {
        package var plan: Plan?
        package var tier: KycTier?
        package var currency: Currency?
        package var values: [Measure: Int64?]

        package init(
            plan: Plan? = nil, tier: KycTier? = nil, currency: Currency? = nil,
            values: [Measure: Int64?]
        ) {
            self.plan = plan
            self.tier = tier
            self.currency = currency
            self.values = values
        }

        fileprivate func concerns(_ standing: Standing, _ currency: Currency) -> Bool {
            (plan.map { $0 == standing.plan } ?? true) && (tier.map { $0 == standing.tier } ?? true)
                && (self.currency.map { $0 == currency } ?? true)
        }
    }

    private var changes: [Change]

    package init(_ changes: [Change] = []) { self.changes = changes }

    /// Of wallets behind which there is no person: the widest amounts, and as often as they like.
    package func ofPrograms(in currency: Currency) -> AccountLimits {
        let widest = limits(of: Standing(plan: .premium, tier: .proven), in: currency)
        return AccountLimits(
            perTransfer: widest.perTransfer, perDay: widest.perDay, perMonth: widest.perMonth,
            ceiling: widest.ceiling)
    }

    package func limits(of standing: Standing, in currency: Currency) -> AccountLimits {
        var values = Self.suggested(standing)
        for change in changes where change.concerns(standing, currency) {
            for (measure, value) in change.values { values[measure] = value }
        }
        let minor: (Measure) -> Int64? = { measure in
            values[measure].map { $0.multipliedReportingOverflow(by: currency.minorUnitsPerMajor) }
                .map { $0.overflow ? Int64.max : $0.partialValue }
        }
        let count: (Measure) -> Int32? = { values[$0].map { Int32(clamping: $0) } }
        return AccountLimits(
            perTransfer: minor(.transfer), perDay: minor(.day), perMonth: minor(.month),
            paymentsPerHour: count(.hourCount), paymentsPerDay: count(.dayCount),
            ceiling: minor(.balance))
    }

    // MARK: Suggestions

    /// Of the size of mobile money in East Africa, in shillings: an operator of another currency
    /// says otherwise.
    private static func suggested(_ standing: Standing) -> [Measure: Int64] {
        switch (standing.plan, standing.tier) {
        case (.free, .unknown): row(50_000, 100_000, 300_000, 30, 100, 100_000)
        case (.free, .identified): row(150_000, 300_000, 3_000_000, 60, 300, 500_000)
        case (.free, .proven): row(250_000, 1_000_000, 10_000_000, 120, 1_000, 5_000_000)
        case (.premium, .unknown): row(50_000, 100_000, 600_000, 60, 200, 200_000)
        case (.premium, .identified): row(250_000, 1_000_000, 10_000_000, 300, 3_000, 2_000_000)
        // A shop pays ten thousand wages in one batch.
        case (.premium, .proven):
            row(1_000_000, 5_000_000, 50_000_000, 20_000, 100_000, 50_000_000)
        }
    }

    private static func row(
        _ transfer: Int64, _ day: Int64, _ month: Int64, _ hourCount: Int64, _ dayCount: Int64,
        _ balance: Int64
    ) -> [Measure: Int64] {
        [
            .transfer: transfer, .day: day, .month: month, .hourCount: hourCount,
            .dayCount: dayCount, .balance: balance,
        ]
    }
}
