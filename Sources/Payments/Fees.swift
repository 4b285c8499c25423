package import Values

/// What the operator takes for a payment: a fixed part, a share in basis points, and bounds.
///
/// The preview and the payment call the same function, so they cannot disagree.
package struct FeeSchedule: Sendable, Equatable {
    /// Minor units.
    package var fixed: Int64
    /// Hundredths of a percent.
    package var basisPoints: Int64
    package var min: Int64
    package var max: Int64

    package static let free = FeeSchedule(fixed: 0, basisPoints: 0, min: 0, max: .max)
    package static let basisPointsMax: Int64 = 10_000

    package init(fixed: Int64, basisPoints: Int64, min: Int64, max: Int64) {
        precondition(fixed >= 0 && (0...Self.basisPointsMax).contains(basisPoints))
        precondition(min >= 0 && min <= max)
        self.fixed = fixed
        self.basisPoints = basisPoints
        self.min = min
        self.max = max
    }

    /// Rounded half up to the minor unit, once, after both parts are added.
    package func fee(on amount: Money) -> Money {
        let share = Int128(Swift.max(0, amount.minorUnits)) * Int128(basisPoints)
        let rounded = (Int128(fixed) * 10_000 + share + 5_000) / 10_000
        let bounded = Swift.min(Swift.max(rounded, Int128(min)), Int128(max))
        return Money(Int64(clamping: bounded), amount.currency)
    }
}
