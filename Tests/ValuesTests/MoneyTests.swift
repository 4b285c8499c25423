import Testing
import Values

@Suite("Money")
struct MoneyTests {
    static let currencies = ["JPY", "KES", "KWD"].compactMap { Currency($0) }

    @Test("parts sum to the whole, and none is off by more than one unit", arguments: 1...20)
    func allocation(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            let whole = Money(random.amount(), Self.currencies[1])
            let count = Int.random(in: 1...12, using: &random)
            var weights = (0..<count).map { _ in random.amount() }
            if weights.allSatisfy({ $0 == 0 }) { weights[0] = 1 }
            let parts = try whole.allocated(by: weights)
            let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
            #expect(
                parts.reduce(Int128(0)) { $0 + Int128($1.minorUnits) } == Int128(whole.minorUnits))
            for (part, weight) in zip(parts, weights) {
                let floor = Int128(whole.minorUnits) * Int128(weight) / total
                #expect((floor...floor + 1).contains(Int128(part.minorUnits)))
                #expect(weight > 0 || part.minorUnits == 0)
            }
        }
    }

    @Test func allocationKnownAnswers() throws {
        let kes = Self.currencies[1]
        func split(_ amount: Int64, _ weights: [Int64]) throws -> [Int64] {
            try Money(amount, kes).allocated(by: weights).map(\.minorUnits)
        }
        #expect(try split(100, [1, 1, 1]) == [34, 33, 33])
        #expect(try split(5, [3, 7]) == [2, 3])
        #expect(try split(0, [1, 2]) == [0, 0])
        #expect(try split(.max, [.max, .max]) == [.max / 2 + 1, .max / 2])
        #expect(throws: MoneyError.noWeight) { try split(1, [0, 0]) }
        #expect(throws: MoneyError.noWeight) { try split(1, []) }
        #expect(throws: MoneyError.negativeAllocation) { try split(1, [2, -1]) }
        #expect(throws: MoneyError.negativeAllocation) { try split(-1, [1]) }
    }

    @Test("decimals come back", arguments: currencies)
    func decimalRoundTrip(currency: Currency) {
        var random = SeededRandom(seed: 7)
        let edges: [Int64] = [0, 1, -1, 9, 10, 99, 100, 999, 1000, -1000, .max, .min]
        for amount in edges + (0..<2000).map({ _ in random.amount() }) {
            let money = Money(amount, currency)
            #expect(Money(decimal: money.decimal, currency) == money)
            let grouped = money.description.split(separator: " ").last ?? ""
            #expect(grouped.filter { $0 != "," } == money.decimal)
        }
    }

    @Test(
        "readings of people's amounts",
        arguments: [
            ("1234.5", 123_450), ("0.01", 1), ("-0.50", -50), ("7", 700), ("007", 700),
            ("1.2300", 123),
        ] as [(String, Int64)])
    func reads(text: String, minorUnits: Int64) {
        #expect(Money(decimal: text, Self.currencies[1])?.minorUnits == minorUnits)
    }

    @Test(
        "nothing is rounded or guessed",
        arguments: [
            "", "-", ".", "1.", ".5", "1.234", "1,234.50", "1e3", "+1", "--1", " 1", "1 ", "١٢",
            "1.2.3", "92233720368547758.08", "0x10",
        ])
    func refuses(text: String) {
        #expect(Money(decimal: text, Self.currencies[1]) == nil)
    }

    @Test func sumsRefuseToOverflowOrMix() throws {
        let (yen, shillings) = (Self.currencies[0], Self.currencies[1])
        #expect(try Money(2, yen).adding(Money(3, yen)) == Money(5, yen))
        #expect(try Money(2, yen).subtracting(Money(3, yen)) == Money(-1, yen))
        #expect(throws: MoneyError.overflow) { try Money(.max, yen).adding(Money(1, yen)) }
        #expect(throws: MoneyError.overflow) { try Money(.min, yen).subtracting(Money(1, yen)) }
        #expect(throws: MoneyError.currenciesMustMatch) {
            try Money(1, yen).adding(Money(1, shillings))
        }
        #expect(throws: MoneyError.currenciesMustMatch) {
            try Money(1, yen).subtracting(Money(1, shillings))
        }
    }

    @Test func currenciesAreThoseOfTheList() throws {
        #expect(Currency.codes.count > 150)
        for code in Currency.codes { #expect(Currency(code)?.code == code) }
        #expect(try #require(Currency("KWD")).exponent == 3)
        #expect(try #require(Currency("JPY")).minorUnitsPerMajor == 1)
        #expect(Money(123_450, Self.currencies[1]).description == "KES 1,234.50")
        #expect(Money(-500, Self.currencies[0]).description == "JPY -500")
        for text in ["", "KE", "kes", "KESS", "XAU", "XXX", "XTS", "K€", "ＫＥＳ"] {
            #expect(Currency(text) == nil)
        }
    }
}
