internal import HTTP
internal import Identity
internal import Redis
internal import Values

// What the environment says about who may ask how often, and from where.

extension EnvironmentReader {
    func ranges(_ name: String) throws(ConfigurationError) -> NetworkRanges? {
        guard let texts = list(name) else { return nil }
        guard let ranges = NetworkRanges(texts) else {
            throw ConfigurationError(
                name: name, reason: "addresses or networks, such as 10.0.0.0/8,2001:db8::1")
        }
        return ranges
    }

    func redis(
        _ name: String, timeout: String
    ) throws(ConfigurationError) -> Redis.Settings? {
        let milliseconds = try integer(timeout, in: 1...10_000)
        guard let text = text(name) else { return nil }
        guard let address = RedisAddress(text) else {
            throw ConfigurationError(
                name: name,
                reason: "redis://user:password@host:port/database, or the path of a socket")
        }
        var settings = Redis.Settings(address)
        if let milliseconds { settings.timeoutMilliseconds = Int(milliseconds) }
        return settings
    }

    /// `address.read=600/60,account=100/1`: requests in seconds, for one class or for all of them.
    func rateLimits(
        _ name: String, change limits: inout RateLimits
    ) throws(ConfigurationError) {
        for part in list(name) ?? [] {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let (scope, classes) = Self.rateScope(pair[0]),
                let quota = Self.quota(pair[1])
            else {
                let names = RateClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw ConfigurationError(
                    name: name,
                    reason: "such as address.read=12000/60,account=600/60: address, account or key,"
                        + " one of \(names), and requests in seconds")
            }
            for rateClass in classes { limits[scope, rateClass] = quota }
        }
    }

    private static func rateScope(
        _ text: some StringProtocol
    ) -> (scope: RateScope, classes: [RateClass])? {
        let names = text.split(separator: ".", omittingEmptySubsequences: false)
        guard names.count <= 2, let scope = RateScope(rawValue: String(names[0])) else {
            return nil
        }
        guard names.count == 2 else { return (scope, RateClass.allCases) }
        return RateClass(rawValue: String(names[1])).map { (scope, [$0]) }
    }

    private static func quota(_ text: some StringProtocol) -> Quota? {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false)
            .compactMap { Int64($0) }
        guard numbers.count == 2, (1...Quota.tokensMax).contains(numbers[0]),
            (1...Quota.secondsMax).contains(numbers[1])
        else { return nil }
        return Quota(numbers[0], perSeconds: numbers[1])
    }

    // MARK: Codes

    /// `phone=10/3600,country=3000/3600,+254=20000/3600`: codes in seconds, for each of what they
    /// are counted by, and for a country of its own.
    func codeLimits(
        _ name: String, change limits: inout CodeLimits
    ) throws(ConfigurationError) {
        for part in list(name) ?? [] {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let quota = Self.quota(pair[1]) else {
                throw Self.codeFault(name)
            }
            switch pair[0] {
            case "phone": limits.phone = quota
            case "address": limits.address = quota
            case "prefix": limits.prefix = quota
            case "country": limits.country = quota
            case let code where Self.isCallingCode(code): limits.countries[String(code)] = quota
            default: throw Self.codeFault(name)
            }
        }
    }

    private static func codeFault(_ name: String) -> ConfigurationError {
        ConfigurationError(
            name: name,
            reason: "such as phone=10/3600,+254=20000/3600: phone, address, prefix, country or a "
                + "calling code, and codes in seconds")
    }

    private static func isCallingCode(_ text: Substring) -> Bool {
        text.first == "+" && (2...5).contains(text.utf8.count)
            && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
            && text.dropFirst().first != "0"
    }

    /// `sent=20,answered=20,hours=6`
    func pumpingRule(
        _ name: String, change rule: inout PumpingRule
    ) throws(ConfigurationError) {
        for part in list(name) ?? [] {
            let pair = part.split(separator: "=")
            let value = pair.count == 2 ? Int64(pair[1]) : nil
            switch (pair.first, value) {
            case ("sent", let value?) where (1...1_000_000).contains(value): rule.sentMin = value
            case ("answered", let value?) where (1...100).contains(value):
                rule.answeredMin = value
            case ("hours", let value?) where (1...720).contains(value):
                rule.stopSeconds = value * 3600
            default:
                throw ConfigurationError(
                    name: name,
                    reason: "such as sent=20,answered=20,hours=6: codes of an hour, of which fewer "
                        + "answered in a hundred stop a prefix, for 1 to 720 hours")
            }
        }
    }
}
