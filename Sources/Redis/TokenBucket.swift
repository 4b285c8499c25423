/// How many tokens a bucket holds, and how long an empty one takes to fill.
package struct Quota: Sendable, Equatable {
    package let tokens: Int64
    package let seconds: Int64

    package static let tokensMax: Int64 = 1_000_000
    package static let secondsMax: Int64 = 86_400

    package init(_ tokens: Int64, perSeconds seconds: Int64) {
        precondition((1...Self.tokensMax).contains(tokens), "a bucket holds tokens")
        precondition((1...Self.secondsMax).contains(seconds), "a bucket fills within a day")
        self.tokens = tokens
        self.seconds = seconds
    }

    /// Rounded down, so that nobody waits longer than was promised.
    var tokenMicroseconds: Int64 { seconds * 1_000_000 / tokens }
    var fillMicroseconds: Int64 { tokenMicroseconds * tokens }
}

/// What became of the wish for a token.
package enum BucketVerdict: Sendable, Equatable {
    case taken(left: Int64, fullAfterMicroseconds: Int64)
    /// The wait until there is a token again.
    case refused(afterMicroseconds: Int64)

    /// Rounded up, and never 0: what `Retry-After` wants.
    package var retryAfterSeconds: Int64? {
        guard case .refused(let wait) = self else { return nil }
        return max(1, (wait + 999_999) / 1_000_000)
    }
}

/// A bucket of tokens as one number: the moment at which it will be full again.
///
/// This is the virtual scheduling of ITU-T I.371, annex A. A token taken moves that moment by the
/// time a token takes to come back; one may be taken while the moment is no farther away than an
/// empty bucket takes to fill. Nothing has to happen while time passes, and integers are exact.
package struct TokenBucket: Sendable, Equatable {
    /// Microseconds since 1970; in the past for a full bucket.
    package var fullAt: Int64

    package init(fullAt: Int64 = 0) {
        self.fullAt = fullAt
    }

    /// What processes spent without knowing of each other is owed, up to one more bucket. The bound
    /// also keeps a clock that was set back from locking anybody out for longer.
    static let debtBuckets: Int64 = 2

    package func verdict(_ quota: Quota, at now: Int64) -> BucketVerdict {
        var copy = self
        return copy.take(quota, at: now)
    }

    /// Takes one token if there is one.
    package mutating func take(_ quota: Quota, at now: Int64) -> BucketVerdict {
        let after = reached(quota, at: now) + quota.tokenMicroseconds
        let debt = after - now
        guard debt <= quota.fillMicroseconds else {
            return .refused(afterMicroseconds: debt - quota.fillMicroseconds)
        }
        fullAt = after
        return .taken(
            left: (quota.fillMicroseconds - debt) / quota.tokenMicroseconds,
            fullAfterMicroseconds: debt)
    }

    /// The moment within what it can be now.
    private func reached(_ quota: Quota, at now: Int64) -> Int64 {
        min(max(fullAt, now), now + Self.debtBuckets * quota.fillMicroseconds)
    }
}
