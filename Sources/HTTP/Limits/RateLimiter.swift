package import Redis
import Synchronization
import Telemetry
package import Values

/// Refuses those who ask too often: a bucket of tokens for each caller and class of routes.
package final class RateLimiter: Sendable {
    private let limits: RateLimits
    private let buckets: TokenBuckets
    private let clock: Clock
    private let policies: [[String]]
    private let refusals: [Counter]

    package init(limits: RateLimits, buckets: TokenBuckets, clock: Clock) {
        self.limits = limits
        self.buckets = buckets
        self.clock = clock
        policies = RateScope.allCases.map { scope in
            RateClass.allCases.map { RateFields.policy(scope, limits[scope, $0]) }
        }
        refusals = RateScope.allCases.map {
            Metrics.shared.counter(
                "http_rate_limited", help: "Requests refused because their caller asks too often.",
                labels: [("scope", $0.rawValue)])
        }
    }

    /// Kinds of buckets below this one are the limiter's.
    package static let kindsMax: UInt16 = 64

    func spend(_ caller: RateCaller, _ rateClass: RateClass) -> BucketVerdict {
        let kind = 1 + caller.scope.number * RateClass.allCases.count + rateClass.number
        let key = BucketKey(kind: UInt16(kind), high: caller.high, low: caller.low)
        let verdict = buckets.spend(key, limits[caller.scope, rateClass], at: clock.now)
        if case .refused = verdict { refusals[caller.scope.number].increment() }
        return verdict
    }

    func policy(_ scope: RateScope, _ rateClass: RateClass) -> String {
        policies[scope.number][rateClass.number]
    }
}

/// What one request was counted against so far: its address first, then who it turns out to be.
final class Allowance: Sendable {
    struct Standing {
        let scope: RateScope
        let verdict: BucketVerdict
    }

    private let limiter: RateLimiter
    private let rateClass: RateClass
    private let standings = Mutex<(first: Standing?, second: Standing?)>((nil, nil))

    init(_ limiter: RateLimiter, _ rateClass: RateClass) {
        self.limiter = limiter
        self.rateClass = rateClass
    }

    /// Counts the request against this caller.
    func admit(_ caller: RateCaller) throws(Problem) {
        let standing = Standing(
            scope: caller.scope, verdict: limiter.spend(caller, rateClass))
        standings.withLock {
            if $0.first == nil { $0.first = standing } else { $0.second = standing }
        }
        guard let seconds = standing.verdict.retryAfterSeconds else { return }
        throw .rateLimited(caller.scope, retryAfterSeconds: seconds)
    }

    /// The values of `RateLimit-Policy` and `RateLimit`.
    var fields: (policy: String, standing: String)? {
        let (first, second) = standings.withLock { $0 }
        guard let first else { return nil }
        let policy = limiter.policy(first.scope, rateClass)
        guard let second else { return (policy, RateFields.standing(first)) }
        // Who is about to be refused wants to hear of the limit that will do it.
        let tighter = second.left <= first.left ? second : first
        return (
            policy + ", " + limiter.policy(second.scope, rateClass), RateFields.standing(tighter)
        )
    }
}

extension Allowance.Standing {
    var left: Int64 {
        if case .taken(let left, _) = verdict { left } else { 0 }
    }

    /// Whole seconds until the bucket is full, or, when it is empty, until it is not.
    var resetSeconds: Int64 {
        switch verdict {
        case .taken(_, let wait): (wait + 999_999) / 1_000_000
        case .refused: verdict.retryAfterSeconds ?? 0
        }
    }
}

/// `RateLimit-Policy: "address";q=600;w=60` and `RateLimit: "address";r=599;t=1`, as
/// draft-ietf-httpapi-ratelimit-headers-10 of 2025 has them: `q` requests in `w` seconds are the
/// policy, of which `r` are left, and in `t` seconds all are there again.
enum RateFields {
    static let policyName = "RateLimit-Policy"
    static let standingName = "RateLimit"

    static func policy(_ scope: RateScope, _ quota: Quota) -> String {
        "\"\(scope.rawValue)\";q=\(quota.tokens);w=\(quota.seconds)"
    }

    static func standing(_ standing: Allowance.Standing) -> String {
        "\"\(standing.scope.rawValue)\";r=\(standing.left);t=\(standing.resetSeconds)"
    }
}

extension Request {
    /// Counts this request against somebody, beside its address; for who is behind it once that is
    /// known.
    package func admit(_ caller: RateCaller) throws(Problem) {
        try allowance?.admit(caller)
    }
}
