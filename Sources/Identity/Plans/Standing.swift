/// What a person subscribed to: limits and fees differ.
package enum Plan: String, Sendable, CaseIterable {
    case free = "FREE"
    case premium = "PREMIUM"
}

/// How well the operator knows who a person is, in the words of the law: know your customer.
package enum KycTier: Int16, Sendable, CaseIterable, Comparable {
    /// A proven telephone number.
    case unknown = 0
    /// A document that says who it is.
    case identified = 1
    /// The same, held beside the face.
    case proven = 2

    package static func < (left: KycTier, right: KycTier) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What a person's terms depend on.
package struct Standing: Sendable, Hashable {
    package var plan: Plan
    package var tier: KycTier

    package init(plan: Plan, tier: KycTier) {
        self.plan = plan
        self.tier = tier
    }

    /// Of everybody who has just signed up.
    package static let initial = Standing(plan: .free, tier: .unknown)
}
