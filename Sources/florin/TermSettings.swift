internal import Identity
internal import Offline
internal import Payments
internal import Values

// What the environment says about fees and limits.

extension EnvironmentReader {
    /// `FLORIN_SEND_FEE` for everybody, and for one plan what is said of it.
    func sendFees() throws(ConfigurationError) -> [Plan: FeeSchedule] {
        let common = try fee("FLORIN_SEND_FEE") ?? .free
        return [.free: common, .premium: try fee("FLORIN_SEND_FEE_PREMIUM") ?? common]
    }

    /// `fixed=10,basis_points=50,min=0,max=10000`, in minor units; what is left out is 0, and no
    /// maximum.
    func fee(_ name: String) throws(ConfigurationError) -> FeeSchedule? {
        guard let parts = list(name) else { return nil }
        let fault = ConfigurationError(
            name: name, reason: "such as fixed=10,basis_points=50,min=0,max=10000")
        var values: [String: Int64] = [:]
        for part in parts {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let value = Int64(pair[1]), value >= 0,
                ["fixed", "basis_points", "min", "max"].contains(String(pair[0]))
            else { throw fault }
            values[String(pair[0])] = value
        }
        let (least, most) = (values["min"] ?? 0, values["max"] ?? .max)
        let basisPoints = values["basis_points"] ?? 0
        guard least <= most, basisPoints <= FeeSchedule.basisPointsMax else { throw fault }
        return FeeSchedule(
            fixed: values["fixed"] ?? 0, basisPoints: basisPoints, min: least, max: most)
    }

    /// `FLORIN_OFFLINE_UNITS`, such as `KES=130,USD=1`, over the defaults.
    func offlineUnits() throws(ConfigurationError) -> [Currency: Int64] {
        var units: [Currency: Int64] = [:]
        for (code, worth) in OfflinePolicy.unitWorthDefault { units[Currency(code)!] = worth }
        for part in list("FLORIN_OFFLINE_UNITS") ?? [] {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let currency = Currency(pair[0]), let worth = Int64(pair[1]),
                (1...OfflinePolicy.unitWorthMax).contains(worth)
            else {
                throw ConfigurationError(
                    name: "FLORIN_OFFLINE_UNITS",
                    reason: "such as KES=130,USD=1: major units worth about one US dollar")
            }
            units[currency] = worth
        }
        return units
    }

    // MARK: Limits

    /// The three of the first release for everybody, then `FLORIN_LIMITS` from left to right.
    func limits() throws(ConfigurationError) -> LimitTable {
        var everybody: [LimitTable.Measure: Int64?] = [:]
        for (name, measure) in [
            ("FLORIN_LIMIT_TRANSFER", LimitTable.Measure.transfer), ("FLORIN_LIMIT_DAY", .day),
            ("FLORIN_LIMIT_MONTH", .month),
        ] {
            if let amount = try amount(name) { everybody[measure] = amount }
        }
        var changes = [LimitTable.Change(values: everybody)]
        for line in text(Self.table)?.split(separator: ";") ?? [] {
            guard let change = Self.change(line) else {
                throw ConfigurationError(name: Self.table, reason: Self.tableExplained)
            }
            changes.append(change)
        }
        return LimitTable(changes)
    }

    private static let table = "FLORIN_LIMITS"
    private static let amountMax: Int64 = 1_000_000_000_000
    private static let tableExplained =
        "such as `FREE.0 transfer=1000,balance=none; *.*.USD day=500`: plan, tier and perhaps "
        + "currency, each of the first two may be *, then any of "
        + LimitTable.Measure.allCases.map(\.rawValue).joined(separator: ", ")

    /// `PREMIUM.2.KES transfer=1000,day=none`
    private static func change(_ line: Substring) -> LimitTable.Change? {
        let halves = line.split(separator: " ")
        guard halves.count == 2 else { return nil }
        let whom = halves[0].split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(whom.count) else { return nil }
        let plan = Plan(rawValue: String(whom[0]))
        let tier = Int16(whom[1]).flatMap { KycTier(rawValue: $0) }
        let currency = whom.count == 3 ? Currency(whom[2]) : nil
        guard plan != nil || whom[0] == "*", tier != nil || whom[1] == "*",
            currency != nil || whom.count == 2
        else { return nil }
        var values: [LimitTable.Measure: Int64?] = [:]
        for part in halves[1].split(separator: ",") {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let measure = LimitTable.Measure(rawValue: String(pair[0]))
            else { return nil }
            let value = Int64(pair[1])
            guard value.map((0...amountMax).contains) ?? (pair[1] == "none") else { return nil }
            values.updateValue(value, forKey: measure)
        }
        return LimitTable.Change(plan: plan, tier: tier, currency: currency, values: values)
    }
}
