package import Redis
package import Values

/// What kind of request a route takes, as far as its rate is concerned.
package enum RateClass: String, Sendable, CaseIterable {
    /// Proves who somebody is: log-in, sign-up, codes that are checked, tokens that are refreshed.
    case authentication
    /// Sends a message that costs money.
    case code
    /// Changes something that belongs to a person, money above all.
    case money
    /// Shows something that belongs to a person.
    case read
    /// Everything else: the page, health, what is public.
    case open
}

/// Who is counted.
package enum RateScope: String, Sendable, CaseIterable {
    case address
    case account
    case key
}

/// How often each may ask, for each class of routes.
package struct RateLimits: Sendable {
    private var quotas: [Quota]

    /// An address may be a whole mobile network behind one translator, so its limits are those of
    /// thousands of people; an account's are those of one person in a hurry, and a key's those of a
    /// busy shop.
    package static let standard = RateLimits { scope, rateClass in
        switch (scope, rateClass) {
        case (.address, .authentication): Quota(600, perSeconds: 60)
        case (.address, .code): Quota(120, perSeconds: 60)
        case (.address, .money), (.address, .read), (.address, .open): Quota(12_000, perSeconds: 60)
        case (.account, .authentication), (.account, .code): Quota(60, perSeconds: 60)
        case (.account, .money): Quota(600, perSeconds: 60)
        case (.account, .read), (.account, .open): Quota(1200, perSeconds: 60)
        case (.key, .authentication), (.key, .code): Quota(60, perSeconds: 60)
        case (.key, .money): Quota(6000, perSeconds: 60)
        case (.key, .read), (.key, .open): Quota(12_000, perSeconds: 60)
        }
    }

    /// A sandbox is there to be loaded from one machine, with money that is worth nothing: only
    /// guessing stays slow, and an address may sign up as many as a test needs.
    package static let sandbox = RateLimits { scope, rateClass in
        switch (scope, rateClass) {
        case (.address, .authentication): Quota(6_000, perSeconds: 60)
        case (.address, .code): Quota(1_200, perSeconds: 60)
        case (_, .authentication), (_, .code): standard[scope, rateClass]
        case (_, .money), (_, .read), (_, .open): Quota(Quota.tokensMax, perSeconds: 1)
        }
    }

    package init(_ quota: (RateScope, RateClass) -> Quota) {
        quotas = RateScope.allCases.flatMap { scope in
            RateClass.allCases.map { quota(scope, $0) }
        }
    }

    package subscript(scope: RateScope, rateClass: RateClass) -> Quota {
        get { quotas[Self.index(scope, rateClass)] }
        set { quotas[Self.index(scope, rateClass)] = newValue }
    }

    private static func index(_ scope: RateScope, _ rateClass: RateClass) -> Int {
        scope.number * RateClass.allCases.count + rateClass.number
    }
}

extension RateScope {
    var number: Int {
        switch self {
        case .address: 0
        case .account: 1
        case .key: 2
        }
    }
}

extension RateClass {
    var number: Int {
        switch self {
        case .authentication: 0
        case .code: 1
        case .money: 2
        case .read: 3
        case .open: 4
        }
    }
}

/// Somebody whose requests are counted together.
package struct RateCaller: Sendable, Hashable {
    let scope: RateScope
    let high: UInt64
    let low: UInt64

    /// All of an IPv6 network of 64 bits is one caller.
    package static func address(_ address: NetworkAddress) -> RateCaller {
        let subscriber = address.subscriber
        return RateCaller(scope: .address, high: subscriber.high, low: subscriber.low)
    }

    package static func account<Owner>(_ id: ID<Owner>) -> RateCaller {
        RateCaller(scope: .account, high: id.high, low: id.low)
    }

    package static func key<Owner>(_ id: ID<Owner>) -> RateCaller {
        RateCaller(scope: .key, high: id.high, low: id.low)
    }
}
