package import Values

/// What may leave an account, how often, and how much it may hold; nil is no limit.
///
/// Kept as plain numbers, of which a negative one is none: there is one of these for each account
/// in the writer's cache, and an optional takes as much again.
package struct AccountLimits: Sendable, Hashable {
    private let transferMax: Int64
    private let dayMax: Int64
    private let monthMax: Int64
    private let ceilingMax: Int64
    private let hourPaymentsMax: Int32
    private let dayPaymentsMax: Int32

    /// Amounts are in minor units.
    package init(
        perTransfer: Int64? = nil, perDay: Int64? = nil, perMonth: Int64? = nil,
        paymentsPerHour: Int32? = nil, paymentsPerDay: Int32? = nil, ceiling: Int64? = nil
    ) {
        transferMax = perTransfer ?? -1
        dayMax = perDay ?? -1
        monthMax = perMonth ?? -1
        ceilingMax = ceiling ?? -1
        hourPaymentsMax = paymentsPerHour ?? -1
        dayPaymentsMax = paymentsPerDay ?? -1
    }

    package static let none = AccountLimits()

    package var perTransfer: Int64? { transferMax < 0 ? nil : transferMax }
    package var perDay: Int64? { dayMax < 0 ? nil : dayMax }
    package var perMonth: Int64? { monthMax < 0 ? nil : monthMax }
    /// Payments, however small: how fast a stolen session can spread money.
    package var paymentsPerHour: Int32? { hourPaymentsMax < 0 ? nil : hourPaymentsMax }
    package var paymentsPerDay: Int32? { dayPaymentsMax < 0 ? nil : dayPaymentsMax }
    /// What the account may hold at most. What gives money back, a reversal or a refund, may lead
    /// beyond it.
    package var ceiling: Int64? { ceilingMax < 0 ? nil : ceilingMax }
}

/// One limit of an account at one moment: what is used of it, and when it begins again.
package struct LimitUse: Sendable, Equatable {
    /// From the narrowest to the widest, as the rules ask.
    package enum Kind: String, Sendable, CaseIterable {
        case perTransfer = "per_transfer"
        case paymentsPerHour = "payments_per_hour"
        case paymentsPerDay = "payments_per_day"
        case perDay = "per_day"
        case perMonth = "per_month"
        case balance

        /// Whether it limits a number of payments, not an amount.
        package var isCount: Bool {
            switch self {
            case .paymentsPerHour, .paymentsPerDay: true
            case .perTransfer, .perDay, .perMonth, .balance: false
            }
        }
    }

    package let kind: Kind
    package let limit: Int64
    package let used: Int64
    /// Nil for what never begins again by itself.
    package let resetsAt: Timestamp?

    /// Nothing when more was used before the limit was lowered.
    package var remaining: Int64 { used >= limit ? 0 : limit - used }

    /// As a refusal tells it.
    var facts: [Fact] {
        let facts = [
            Fact("limit", kind.rawValue),
            Fact(kind.isCount ? "limit_count" : "limit_amount", limit),
            Fact("remaining", remaining),
        ]
        return facts + (resetsAt.map { [Fact("resets_at", "\($0)")] } ?? [])
    }
}

extension Head {
    /// What an account's limits come to at one moment; a refusal and a person who asks are told the
    /// same. Nil where there is no such limit.
    func use(of kind: LimitUse.Kind, at now: Timestamp) -> LimitUse? {
        let (limit, used, resetsAt) = figures(of: kind, at: now)
        return limit.map { LimitUse(kind: kind, limit: $0, used: used, resetsAt: resetsAt) }
    }

    private func figures(
        of kind: LimitUse.Kind, at now: Timestamp
    ) -> (limit: Int64?, used: Int64, resetsAt: Timestamp?) {
        switch kind {
        case .perTransfer: (limits.perTransfer, 0, nil)
        case .paymentsPerHour:
            (
                limits.paymentsPerHour.map { Int64($0) }, paymentsThisHour.count(in: now.hour),
                Timestamp(hour: now.hour + 1)
            )
        case .paymentsPerDay:
            (
                limits.paymentsPerDay.map { Int64($0) }, paymentsToday.count(in: now.day),
                Timestamp(day: now.day + 1)
            )
        case .perDay:
            (limits.perDay, spentToday.amount(in: now.day), Timestamp(day: now.day + 1))
        case .perMonth:
            (
                limits.perMonth, spentThisMonth.amount(in: Rules.month(of: now)),
                Timestamp(
                    day: CalendarDay(daysSince1970: now.day).startOfNextMonth.daysSince1970)
            )
        case .balance: (limits.ceiling, posted, nil)
        }
    }
}
