package import Redis
internal import Values

/// How many codes are sent, and when sending them stops: a message costs money, and whoever earns
/// by receiving them asks for many.
package struct CodeLimits: Sendable {
    package var phone = Quota(10, perSeconds: 3600)
    /// A mobile network may stand behind one address.
    package var address = Quota(60, perSeconds: 3600)
    package var prefix = Quota(100, perSeconds: 3600)
    package var country = Quota(3000, perSeconds: 3600)
    /// By calling code, such as `+254`, or `+1876` where several countries share one.
    package var countries: [String: Quota] = [:]
    package var pumping = PumpingRule()

    package init() {}

    func quota(of country: CallingCode) -> Quota {
        countries[country.text] ?? countries[country.shared] ?? self.country
    }
}

/// What tells people who cannot answer from people who are slow to.
///
/// Those who sign up answer nine codes of ten; the numbers that are pumped answer none, as nobody
/// reads what they receive. Codes of the last minutes may still be answered and prove nothing.
package struct PumpingRule: Sendable {
    /// Unanswered in the last hour, fewer prove nothing.
    package var sentMin: Int64 = 20
    /// In a hundred.
    package var answeredMin: Int64 = 20
    package var stopSeconds: Int64 = 6 * 3600

    static let secondsLookedAt: Int64 = 3600
    static let secondsToAnswer: Int64 = 120

    package init() {}

    /// - Parameters:
    ///   - sent: all that had the time to be answered.
    ///   - answered: of these and of later ones.
    func isPumped(sent: Int64, answered: Int64) -> Bool {
        sent >= sentMin && answered * 100 < sent * answeredMin
    }
}

/// Ten thousand neighbouring numbers: the unit in which operators are given numbers, and in which
/// they are rented to those who pump.
struct NumberPrefix: Sendable, Hashable {
    let text: String

    static let digitsLeftOut = 4

    init(_ phone: PhoneNumber) {
        text = String(phone.e164.dropLast(Self.digitsLeftOut))
    }

    /// At most 11 digits.
    var number: UInt64 { text.dropFirst().utf8.reduce(0) { $0 * 10 + UInt64($1 & 0xF) } }
}

/// The country of a number, as ITU-T E.164 and its list of assigned codes tell it.
struct CallingCode: Sendable, Hashable {
    let text: String
    /// What all countries under one code share; `text` itself for most.
    let shared: String

    /// All other codes have three digits.
    private static let ofTwoDigits: Set<Int> = Set(
        [20, 27, 36, 39, 40, 41, 81, 82, 84, 86, 98] + (30...34) + (43...49) + (51...58)
            + (60...66) + (90...95))

    init(_ phone: PhoneNumber) {
        let digits = phone.e164.dropFirst()
        let (own, common) =
            switch digits.first {
            // Countries of the North American plan are told by their area codes; Kazakhstan shares
            // with Russia.
            case "1": (4, 1)
            case "7": (2, 1)
            default: Self.ofTwoDigits.contains(Int(digits.prefix(2)) ?? 0) ? (2, 2) : (3, 3)
            }
        text = "+" + digits.prefix(own)
        shared = "+" + digits.prefix(common)
    }

    var number: UInt64 { text.dropFirst().utf8.reduce(0) { $0 * 10 + UInt64($1 & 0xF) } }
}
