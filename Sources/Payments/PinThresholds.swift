package import Identity
package import Values

/// From which amount on a payment asks for the PIN, currency by currency.
///
/// Program and operator know no rates of exchange that last, so the amount of each currency is
/// given, and one for all that are not named.
package struct PinThresholds: Sendable {
    private let thresholds: [Money]
    /// Smaller than this asks in no currency: what decides nearly always.
    private let least: Int64

    /// - Parameter major: the amounts, in major units.
    package init(
        _ currencies: [Currency], major: [Currency: Int64], others: Int64
    ) {
        thresholds = currencies.map { currency in
            let (minor, isOver) = (major[currency] ?? others)
                .multipliedReportingOverflow(by: currency.minorUnitsPerMajor)
            return Money(isOver ? .max : minor, currency)
        }
        least = thresholds.map(\.minorUnits).min() ?? .max
    }

    /// Whether so many minor units reach a threshold in some currency.
    func mayBeReached(by minorUnits: Int64) -> Bool { minorUnits >= least }

    /// The threshold that the amount reaches; nil when it reaches none.
    func reached(by amount: Money) -> Money? {
        guard mayBeReached(by: amount.minorUnits) else { return nil }
        return thresholds.first {
            $0.currency == amount.currency && amount.minorUnits >= $0.minorUnits
        }
    }

    /// The threshold that the amounts of one currency reach together.
    func reached(by amounts: [Money]) -> Money? {
        var sums: [Currency: Int128] = [:]
        for amount in amounts { sums[amount.currency, default: 0] += Int128(amount.minorUnits) }
        return thresholds.first { threshold in
            sums[threshold.currency].map { $0 >= Int128(threshold.minorUnits) } ?? false
        }
    }
}

extension Payments {
    /// Asks for the PIN where the amount does. A smaller one costs a comparison.
    package func requirePresence(of payer: Payer, for amount: Money) async throws {
        guard let threshold = terms.pinThresholds.reached(by: amount) else { return }
        try await identity.requirePresence(of: payer, threshold: threshold)
    }

    /// A batch asks for the PIN when what it pays in one currency does together, whoever gets it.
    func requirePresence(of payer: Payer, for batch: TransferBatch) async throws {
        var amounts: [Money] = []
        for command in batch.transfers where command.amount > 0 {
            guard let currency = terms.currencies.first(where: { $0.code == command.currency })
            else { continue }
            amounts.append(Money(command.amount, currency))
        }
        guard let threshold = terms.pinThresholds.reached(by: amounts) else { return }
        try await identity.requirePresence(of: payer, threshold: threshold)
    }

    func isPinRequired(for amount: Money, by payer: Payer) async throws -> Bool {
        guard terms.pinThresholds.reached(by: amount) != nil else { return false }
        return try await identity.isPinAskedFor(from: payer)
    }
}
