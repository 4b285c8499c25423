internal import Channels
internal import Cryptography
internal import Foundation
internal import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Redis
internal import Telemetry
internal import Values

/// What the operator decides, read once from the environment. `docs/operations.md` explains each.
struct Configuration: Sendable {
    var host = "127.0.0.1"
    var port = 8080
    var dataFolder = ".florin"
    /// Nil: a private PostgreSQL in the data folder.
    var databaseURL: String?
    var isSandbox = false
    var logLevel = LogLevel.info
    var origins: Set<String> = []
    var proxies = NetworkRanges.none
    /// From where staff may work; everywhere when it is empty.
    var staffAddresses = NetworkRanges.none
    /// Whether staff work only in sessions that showed a second factor.
    var asksStaff = true
    var rateLimits = RateLimits.standard
    var codeLimits = CodeLimits()
    /// Nil: what could be shared is remembered by each process for itself.
    var redis: Redis.Settings?
    var webFolder: String?
    var strictTransportSeconds: Int?
    /// Where the page stands, and the domain that passkeys are bound to.
    var relyingParty: RelyingParty
    var accessTokenSeconds = TokenMint.secondsDefault
    /// For how many days one key signs access tokens.
    var signingKeyDays = SigningKeyRules.daysDefault
    /// How long a strict session may lie unused.
    var strictIdleSeconds = StrictRules.idleSecondsDefault
    /// Whether a log-in from a new device is asked for a second step.
    var asksNewDevices = true
    var currencies = ["KES", "USD", "EUR", "NGN", "UGX", "TZS"].compactMap { Currency($0) }
    var sendFees: [Plan: FeeSchedule] = [:]
    var limits = LimitTable()
    /// Major units that are worth about one US dollar: they size what may be spent offline.
    var offlineUnits: [Currency: Int64] = [:]
    var simpleAccess: SimpleTerms.Access = .off
    /// Major units.
    var simpleBalance: Int64?
    /// Between a person's wish to be erased and the deed.
    var erasureDays = ErasureRules.daysDefault
    var watchSeconds = Watch.secondsDefault
    var databaseConnections = 6
    var argonMemoryKiB = 19_456
    var argonPasses = 2
    /// Major units, for the currencies that `pinThresholds` does not name.
    var pinThreshold: Int64 = 5_000
    var pinThresholds = Dictionary(
        uniqueKeysWithValues: [
            ("USD", 40), ("EUR", 40), ("NGN", 60_000), ("UGX", 150_000), ("TZS", 100_000),
        ].compactMap { code, major in Currency(code).map { ($0, Int64(major)) } })
    var rails = RailSettings()
    /// A file; nil: none is looked at.
    var breachedPasswords: String?

    /// Work that may wait for a database connection.
    static let databaseQueueMax = 4_096
    /// The other half of the processors is never busy with log-ins.
    static let passwordThreads = max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
    static let passwordQueueMax = 256
    /// A log-in gets about a tenth of what a payment gets of a busy processor.
    static let passwordNiceness: Int32 = 10
    static let pinThreads = 2
    static let pinQueueMax = 256
    /// About a third: somebody waits to pay.
    static let pinNiceness: Int32 = 5

    init(_ environment: [String: String]) throws(ConfigurationError) {
        var reader = EnvironmentReader(environment)
        let localPort = try reader.integer("PORT", in: 0...65_535) ?? 8080
        relyingParty = try reader.relyingParty(localPort: localPort)
        rails = try reader.rails(localPort: localPort)
        try read(&reader)
        guard simpleAccess != .open || isSandbox else {
            throw ConfigurationError(
                name: "FLORIN_SIMPLE_API",
                reason: "`open` lets anyone spend for anyone and works only with FLORIN_SANDBOX=1")
        }
    }

    private mutating func read(_ reader: inout EnvironmentReader) throws(ConfigurationError) {
        host = reader.text("FLORIN_HOST") ?? host
        port = try reader.integer("PORT", in: 0...65_535).map { Int($0) } ?? port
        dataFolder = reader.text("FLORIN_DATA") ?? dataFolder
        databaseURL = reader.text("DATABASE_URL")
        isSandbox = try reader.flag("FLORIN_SANDBOX") ?? isSandbox
        logLevel = try reader.level("FLORIN_LOG_LEVEL") ?? logLevel
        origins = reader.list("FLORIN_CORS_ORIGINS").map { Set($0) } ?? origins
        proxies = try reader.ranges("FLORIN_TRUSTED_PROXIES") ?? proxies
        staffAddresses = try reader.ranges("FLORIN_STAFF_ADDRESSES") ?? staffAddresses
        asksStaff = try reader.flag("FLORIN_STAFF_SECOND_FACTOR") ?? asksStaff
        if isSandbox { rateLimits = .sandbox }
        try reader.rateLimits("FLORIN_RATE_LIMITS", change: &rateLimits)
        try reader.codeLimits("FLORIN_CODE_LIMITS", change: &codeLimits)
        try reader.pumpingRule("FLORIN_CODE_GUARD", change: &codeLimits.pumping)
        redis = try reader.redis("FLORIN_REDIS_URL", timeout: "FLORIN_REDIS_TIMEOUT_MS")
        webFolder = reader.text("FLORIN_WEB")
        strictTransportSeconds =
            try reader.integer("FLORIN_HSTS_SECONDS", in: 0...63_072_000).map { Int($0) }
        accessTokenSeconds =
            try reader.integer("FLORIN_SESSION_SECONDS", in: 60...TokenMint.secondsMax)
            ?? accessTokenSeconds
        signingKeyDays =
            try reader.integer("FLORIN_SIGNING_KEY_DAYS", in: 1...SigningKeyRules.daysMax)
            ?? signingKeyDays
        strictIdleSeconds =
            try reader.integer(
                "FLORIN_STRICT_IDLE_SECONDS",
                in: StrictRules.idleSecondsMin...StrictRules.idleSecondsMax) ?? strictIdleSeconds
        asksNewDevices = try reader.flag("FLORIN_NEW_DEVICE_CODE") ?? asksNewDevices
        currencies = try reader.currencies("FLORIN_CURRENCIES") ?? currencies
        sendFees = try reader.sendFees()
        limits = try reader.limits()
        offlineUnits = try reader.offlineUnits()
        // Its people prove no telephone number, so outside a sandbox the operator must ask for it.
        simpleAccess =
            try reader.simpleAccess("FLORIN_SIMPLE_API") ?? (isSandbox ? .authenticated : .off)
        simpleBalance = try reader.amount("FLORIN_SIMPLE_BALANCE")
        erasureDays =
            try reader.integer("FLORIN_ERASURE_DAYS", in: 0...ErasureRules.daysMax) ?? erasureDays
        watchSeconds = try reader.integer("FLORIN_WATCH_SECONDS", in: 1...3600) ?? watchSeconds
        databaseConnections =
            try reader.integer("FLORIN_DATABASE_CONNECTIONS", in: 1...100).map { Int($0) }
            ?? databaseConnections
        argonMemoryKiB =
            try reader.integer("FLORIN_ARGON2_MEMORY_KIB", in: 8...1_048_576).map { Int($0) }
            ?? argonMemoryKiB
        argonPasses =
            try reader.integer("FLORIN_ARGON2_PASSES", in: 1...16).map { Int($0) } ?? argonPasses
        if let thresholds = try reader.pinThresholds("FLORIN_PIN_THRESHOLD") {
            (pinThreshold, pinThresholds) = thresholds
        }
        breachedPasswords = reader.text("FLORIN_BREACHED_PASSWORDS")
    }
}

/// What is wrong with one variable of the environment, and what would be right.
struct ConfigurationError: Error, CustomStringConvertible {
    let name: String
    let reason: String

    var description: String { "\(name): \(reason)" }
}

/// Reads variables by type; an empty one counts as absent.
struct EnvironmentReader {
    private let environment: [String: String]

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    func text(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    func list(_ name: String) -> [String]? {
        text(name)?.split(separator: ",").map { String($0).trimmed }
    }

    func integer(
        _ name: String, in range: ClosedRange<Int64>
    ) throws(ConfigurationError) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw ConfigurationError(
                name: name,
                reason: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Browsers know no passkeys of bare addresses, so a page on this machine is at `localhost`.
    func relyingParty(localPort: Int64) throws(ConfigurationError) -> RelyingParty {
        let origins = list("FLORIN_WEB_ORIGIN") ?? ["http://localhost:\(localPort)"]
        let domain =
            text("FLORIN_PASSKEY_DOMAIN") ?? origins.first.flatMap { RelyingParty.host(of: $0) }
        guard let site = RelyingParty(id: domain ?? "", origins: origins) else {
            throw ConfigurationError(
                name: "FLORIN_WEB_ORIGIN",
                reason: "such as https://wallet.example, in or below FLORIN_PASSKEY_DOMAIN")
        }
        return site
    }

    func amount(_ name: String) throws(ConfigurationError) -> Int64? {
        try integer(name, in: Self.amounts)
    }

    private static let amounts: ClosedRange<Int64> = 0...1_000_000_000_000

    func flag(_ name: String) throws(ConfigurationError) -> Bool? {
        switch text(name) {
        case nil: nil
        case "1", "true", "yes", "on": true
        case "0", "false", "no", "off": false
        default: throw ConfigurationError(name: name, reason: "1 or 0")
        }
    }

    func level(_ name: String) throws(ConfigurationError) -> LogLevel? {
        guard let text = text(name) else { return nil }
        guard let level = LogLevel(name: text) else {
            let names = LogLevel.allCases.map(\.name).joined(separator: ", ")
            throw ConfigurationError(name: name, reason: "one of \(names)")
        }
        return level
    }

    func simpleAccess(_ name: String) throws(ConfigurationError) -> SimpleTerms.Access? {
        guard let text = text(name) else { return nil }
        guard let access = SimpleTerms.Access(rawValue: text) else {
            throw ConfigurationError(name: name, reason: "off, authenticated or open")
        }
        return access
    }

    func currencies(_ name: String) throws(ConfigurationError) -> [Currency]? {
        guard let codes = list(name) else { return nil }
        let currencies = codes.compactMap { Currency($0) }
        guard !currencies.isEmpty, currencies.count == codes.count,
            Set(currencies).count == codes.count
        else {
            throw ConfigurationError(
                name: name, reason: "ISO 4217 codes separated by commas, the default one first")
        }
        return currencies
    }

    /// `5000,USD=40,EUR=40`, in major units; the bare number is for the currencies not named.
    func pinThresholds(
        _ name: String
    ) throws(ConfigurationError) -> (others: Int64, named: [Currency: Int64])? {
        guard let parts = list(name) else { return nil }
        let fault = ConfigurationError(
            name: name, reason: "such as 5000,USD=40: a number, and others for currencies")
        var (others, named): (Int64?, [Currency: Int64]) = (nil, [:])
        for part in parts {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard let amount = pair.last.flatMap({ Int64($0) }), Self.amounts.contains(amount)
            else { throw fault }
            if pair.count == 1, others == nil {
                others = amount
            } else {
                guard pair.count == 2, let currency = Currency(pair[0]), named[currency] == nil
                else { throw fault }
                named[currency] = amount
            }
        }
        guard let others else { throw fault }
        return (others, named)
    }
}

extension String {
    var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
