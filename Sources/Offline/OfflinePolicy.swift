internal import Identity
package import Values

/// What the operator allows without a network. All of it stands in the signed certificate, so a
/// payee sees it too.
package struct OfflinePolicy: Sendable {
    /// Major units of each currency that are worth about one US dollar; 1 where none is named.
    package let unitWorth: [Currency: Int64]

    package init(unitWorth: [Currency: Int64]) { self.unitWorth = unitWorth }

    /// Hours after a certificate's end in which what it signed may still be claimed.
    static let graceHours: UInt16 = 72
    /// Days without a fraud case after which a person who proved no more than a telephone number is
    /// trusted a little more.
    static let cleanDaysMin: Int64 = 14
    /// Wallets that one person may have in use at once in one currency.
    static let walletsMax = 5
    /// How long a payee must have had an offline wallet before the fund pays them.
    static let payeeAgeSecondsMin: Int64 = 86_400
    /// What the fund pays one payee within this time is bounded.
    static let payeeCapSeconds: Int64 = 30 * 86_400
    private static let payeeCapUnits: Int64 = 300
    /// Minor units; half of what a certificate can say.
    private static let amountMax: Int64 = 1 << 30
    /// Major units that a unit may be worth: with it, no product overflows.
    package static let unitWorthMax: Int64 = 1_000_000

    /// The tiers of the protocol, as they stand in a certificate's flags.
    enum Tier: UInt8, Sendable {
        case new = 0
        case known = 1
        case proven = 2
        case receiveOnly = 7
    }

    /// Amounts are minor units.
    struct Terms: Sendable {
        let tier: Tier
        /// What may be locked at once.
        let ownMax: Int64
        let perTransfer: Int64
        /// What may be received and passed on, beyond one's own.
        let respend: Int64
        let guarantee: Int64
        let counterWindow: Int64
        let lifeSeconds: Int64
        let hopsMax: UInt8
        /// Received value that is credited at once within the life of a certificate; more matures.
        let instantDepositMax: Int64
        /// The same of own value that was never spent.
        let instantUnlockMax: Int64
    }

    func terms(of tier: Tier, in currency: Currency) -> Terms {
        let unit = (unitWorth[currency] ?? 1) * currency.minorUnitsPerMajor
        func terms(
            _ own: Int64, _ transfer: Int64, _ guarantee: Int64, unlock: Int64, window: Int64,
            days: Int64, hops: UInt8
        ) -> Terms {
            func amount(_ units: Int64) -> Int64 { min(units * unit, Self.amountMax) }
            return Terms(
                tier: tier, ownMax: amount(own), perTransfer: amount(transfer),
                respend: amount(own), guarantee: amount(guarantee), counterWindow: window,
                lifeSeconds: days * 86_400, hopsMax: hops, instantDepositMax: amount(own),
                instantUnlockMax: amount(unlock))
        }
        return switch tier {
        case .new: terms(10, 5, 5, unlock: 0, window: 15, days: 3, hops: 2)
        case .known: terms(50, 20, 25, unlock: 10, window: 40, days: 7, hops: 3)
        case .proven: terms(150, 50, 100, unlock: 50, window: 40, days: 7, hops: 3)
        // Nothing is passed on, so nothing needs a counter, and all is credited at once.
        case .receiveOnly: terms(0, 0, 0, unlock: 0, window: 0, days: 30, hops: 1)
        }
    }

    func payeeCap(in currency: Currency) -> Int64 {
        Self.payeeCapUnits * (unitWorth[currency] ?? 1) * currency.minorUnitsPerMajor
    }

    /// What the fund may still pay a payee: nothing to who is new or has cheated.
    ///
    /// - Parameter paid: what it paid them within the time of the cap.
    /// - Parameter since: when they got their first offline wallet.
    static func payeeRoom(
        cap: Int64, paid: Int64, since: Timestamp?, hasCheated: Bool, _ now: Timestamp
    ) -> Int64 {
        guard let since, since <= now.adding(seconds: -payeeAgeSecondsMin), !hasCheated
        else { return 0 }
        return max(0, cap - paid)
    }

    /// - Parameter isClean: whether the first offline wallet is old enough and was never misused.
    func tier(of standing: KycTier, isClean: Bool, isReceiveOnly: Bool) -> Tier {
        if isReceiveOnly { return .receiveOnly }
        return switch standing {
        case .proven: .proven
        case .identified: .known
        case .unknown: isClean ? .known : .new
        }
    }

    /// Rough values of one US dollar: they size what is at risk, and nothing is exchanged by them.
    package static let unitWorthDefault: [String: Int64] = [
        "KES": 130, "UGX": 3_700, "TZS": 2_600, "RWF": 1_400, "ETB": 120, "NGN": 1_500,
        "GHS": 12, "ZAR": 18, "ZMW": 25, "MWK": 1_700, "XOF": 600, "XAF": 600, "EGP": 50,
        "MAD": 10, "INR": 85, "PKR": 280, "BDT": 120, "LKR": 300, "NPR": 135, "IDR": 16_000,
        "VND": 25_000, "PHP": 57, "THB": 34, "JPY": 150, "KRW": 1_400, "MXN": 19, "BRL": 5,
        "COP": 4_200,
    ]
}
