/// A currency of ISO 4217: three letters and the number of decimal places of its minor unit.
///
/// Amounts everywhere in Florin are integers of minor units, so the exponent matters only where
/// a person reads or writes an amount.
package struct Currency: Sendable, Hashable {
    /// The three letters, as the low three bytes: comparing currencies compares one integer.
    package let packed: UInt32

    /// Accepts exactly the active codes of ISO 4217 that a person can hold; nothing else.
    package init?(_ code: some StringProtocol) {
        let letters = Array(code.utf8)
        guard letters.count == 3, Self.exponents[String(code)] != nil else { return nil }
        packed = letters.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The currency whose letters were packed so, if there is one.
    package init?(packed: UInt32) {
        guard packed >> 24 == 0 else { return nil }
        self.init(Self.code(of: packed))
    }

    package var code: String { Self.code(of: packed) }

    private static func code(of packed: UInt32) -> String {
        String(decoding: [16, 8, 0].map { UInt8(truncatingIfNeeded: packed >> $0) }, as: UTF8.self)
    }

    /// How many decimal places the minor unit stands for: 2 for KES, 0 for JPY, 3 for KWD.
    package var exponent: Int { Self.exponents[code] ?? 2 }

    /// Minor units in one major unit.
    package var minorUnitsPerMajor: Int64 { (0..<exponent).reduce(1) { unit, _ in unit * 10 } }

    /// Every code this build knows, in alphabetical order.
    package static let codes: [String] = exponents.keys.sorted()

    private static let exponents: [String: Int] = {
        var table: [String: Int] = [:]
        for code in exponentZero.split(separator: " ") { table[String(code)] = 0 }
        for code in exponentTwo.split(separator: " ") { table[String(code)] = 2 }
        for code in exponentThree.split(separator: " ") { table[String(code)] = 3 }
        return table
    }()

    // ISO 4217, list one, without funds codes, metals and testing codes.
    private static let exponentZero =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
    private static let exponentThree = "BHD IQD JOD KWD LYD OMR TND"
    private static let exponentTwo = """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP \
        BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
        GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT \
        LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN \
        NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES \
        WST XCD YER ZAR ZMW
        """
}

extension Currency: CustomStringConvertible {
    package var description: String { code }
}
