/// Why no honest wallet signs both of two records. Raw values are those of fraud proofs.
///
/// A wallet without such a pair among its records cannot have overspent: sort the records of one
/// source by counter, which are all different without F1. Each `sourceSpent` is at least the one
/// before it and its own amount without F6, so the sum of amounts is at most the last
/// `sourceSpent`, which is at most what the source holds.
package enum Conflict: UInt8, Sendable, CaseIterable {
    /// F1: two records with one counter.
    case sameCounter = 1
    /// F2: the later one of two neighbours does not follow the earlier one.
    case brokenChain = 2
    /// F3: the later record's total leaves the earlier one out.
    case sentTotalWentBack = 3
    /// F6: likewise for what was drawn from one source.
    case sourceSpentWentBack = 6

    /// Nil when an honest wallet may have signed both, or when both are the same record.
    package init?(_ one: SpendRecord, _ other: SpendRecord) {
        guard one.payer == other.payer else { return nil }
        let (first, second) = Self.ordered(one, other)
        // Amounts and totals are below 2³¹, so no sum overflows. Only records of one counter can be
        // the same, and only neighbours name each other: hashing the others would be for nothing.
        if first.counter == second.counter {
            guard first.id != second.id else { return nil }
            self = .sameCounter
        } else if second.sentTotal < first.sentTotal + second.amount {
            self = .sentTotalWentBack
        } else if first.source == second.source,
            second.sourceSpent < first.sourceSpent + second.amount
        {
            self = .sourceSpentWentBack
        } else if second.counter == first.counter + 1, second.previous != first.id {
            self = .brokenChain
        } else {
            return nil
        }
    }

    /// By counter; two of the same counter as they were given.
    static func ordered(
        _ one: SpendRecord, _ other: SpendRecord
    ) -> (first: SpendRecord, second: SpendRecord) {
        one.counter <= other.counter ? (one, other) : (other, one)
    }
}
