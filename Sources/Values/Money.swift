/// An amount of one currency, in integers of its minor unit.
///
/// There is no `+`: sums can overflow and currencies can differ, and both are the caller's to
/// handle.
package struct Money: Sendable, Hashable {
    package let minorUnits: Int64
    package let currency: Currency

    package init(_ minorUnits: Int64, _ currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    package func adding(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .currenciesMustMatch }
        let (sum, overflow) = minorUnits.addingReportingOverflow(other.minorUnits)
        guard !overflow else { throw .overflow }
        return Money(sum, currency)
    }

    package func subtracting(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .currenciesMustMatch }
        let (difference, overflow) = minorUnits.subtractingReportingOverflow(other.minorUnits)
        guard !overflow else { throw .overflow }
        return Money(difference, currency)
    }

    /// Splits the amount by weights so that the parts sum to the whole, to the last minor unit.
    ///
    /// Largest remainder: each part gets its floor, then the units left over go one by one to the
    /// parts with the largest remainders, earlier parts first among equals. Remainders are compared
    /// as integers.
    package func allocated(by weights: [Int64]) throws(MoneyError) -> [Money] {
        guard minorUnits >= 0, weights.allSatisfy({ $0 >= 0 }) else { throw .negativeAllocation }
        let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
        guard total > 0 else { throw .noWeight }

        var parts: [Int64] = []
        var remainders: [(part: Int, remainder: Int128)] = []
        for (index, weight) in weights.enumerated() {
            let (quotient, remainder) = (Int128(minorUnits) * Int128(weight))
                .quotientAndRemainder(dividingBy: total)
            parts.append(Int64(quotient))
            remainders.append((index, remainder))
        }
        let left = Int(minorUnits - parts.reduce(0, +))
        remainders.sort { ($1.remainder, $0.part) < ($0.remainder, $1.part) }
        for entry in remainders.prefix(left) { parts[entry.part] += 1 }
        return parts.map { Money($0, currency) }
    }
}

package enum MoneyError: Error, Equatable {
    case currenciesMustMatch
    case overflow
    case negativeAllocation
    case noWeight
}

// MARK: Text that people read and write

extension Money: CustomStringConvertible {
    /// Exact and readable: `KES 1,234.50`, `JPY -500`.
    package var description: String { "\(currency) \(grouped)" }

    /// Digits only, with the decimal point of the currency: `1234.50`.
    package var decimal: String { digits(grouping: "") }

    private var grouped: String { digits(grouping: ",") }

    private func digits(grouping separator: String) -> String {
        let unit = UInt64(currency.minorUnitsPerMajor)
        let (major, minor) = minorUnits.magnitude.quotientAndRemainder(dividingBy: unit)
        var text = minorUnits < 0 ? "-" : ""
        let whole = Array(String(major))
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { text += separator }
            text.append(digit)
        }
        guard currency.exponent > 0 else { return text }
        let fraction = String(minor)
        let zeros = String(repeating: "0", count: currency.exponent - fraction.count)
        return text + "." + zeros + fraction
    }

    /// Reads `1234.5` as 123450 minor units of KES: digits, at most one point, no more decimals
    /// than the currency has. Nothing is rounded: what does not fit is refused with nil.
    package init?(decimal text: some StringProtocol, _ currency: Currency) {
        let negative = text.hasPrefix("-")
        let parts = text.dropFirst(negative ? 1 : 0)
            .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard let whole = parts.first, !whole.isEmpty, parts.count == 1 || !fraction.isEmpty,
            whole.utf8.allSatisfy(Self.isDigit), fraction.utf8.allSatisfy(Self.isDigit)
        else { return nil }
        let kept = fraction.prefix(currency.exponent)
        guard fraction.dropFirst(currency.exponent).allSatisfy({ $0 == "0" }) else { return nil }
        let padding = String(repeating: "0", count: currency.exponent - kept.count)
        guard let minorUnits = Int64((negative ? "-" : "") + whole + kept + padding)
        else { return nil }
        self.init(minorUnits, currency)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
