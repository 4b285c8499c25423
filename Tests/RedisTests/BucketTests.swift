import Testing
import Values

@testable import Redis

/// A bucket in virtual time: ten tokens a minute.
struct BucketTests {
    private let quota = Quota(10, perSeconds: 60)
    private let start: Int64 = 1_700_000_000_000_000

    private func at(_ seconds: Int64) -> Int64 { start + seconds * 1_000_000 }

    @Test func aFullBucketGivesAllItsTokensAtOnceAndThenNone() {
        var bucket = TokenBucket()
        for left in (0..<10).reversed() {
            let expected = Int64(10 - left) * 6_000_000
            #expect(
                bucket.take(quota, at: start)
                    == .taken(left: Int64(left), fullAfterMicroseconds: expected))
        }
        #expect(bucket.take(quota, at: start) == .refused(afterMicroseconds: 6_000_000))
        #expect(bucket.take(quota, at: at(5)) == .refused(afterMicroseconds: 1_000_000))
    }

    @Test func aTokenComesBackExactlyWhenItWasPromised() {
        var bucket = TokenBucket()
        for _ in 0..<10 { _ = bucket.take(quota, at: start) }
        #expect(bucket.take(quota, at: at(6) - 1) == .refused(afterMicroseconds: 1))
        #expect(
            bucket.take(quota, at: at(6)) == .taken(left: 0, fullAfterMicroseconds: 60_000_000))
        #expect(bucket.take(quota, at: at(6)) == .refused(afterMicroseconds: 6_000_000))
    }

    @Test func aRefusalCostsNothing() {
        var bucket = TokenBucket()
        for _ in 0..<10 { _ = bucket.take(quota, at: start) }
        let before = bucket
        for second in 0..<5 { _ = bucket.take(quota, at: at(Int64(second))) }
        #expect(bucket == before)
    }

    @Test func idleTimeFillsTheBucketAndNoMore() {
        var bucket = TokenBucket()
        for _ in 0..<10 { _ = bucket.take(quota, at: start) }
        let taken = (0..<20).filter { _ in
            if case .taken = bucket.take(quota, at: at(86_400)) { true } else { false }
        }
        #expect(taken.count == 10)
    }

    @Test func aClockSetBackLocksNobodyOutForLongerThanABucket() {
        var bucket = TokenBucket()
        for _ in 0..<10 { _ = bucket.take(quota, at: at(86_400)) }
        #expect(bucket.take(quota, at: start) == .refused(afterMicroseconds: 66_000_000))
    }

    /// However requests arrive, what is granted in any span is a bucket and what came back in it.
    @Test(arguments: [1, 7, 20_261_125])
    func neverGrantsMoreThanItHolds(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<200 {
            let quota = Quota(
                random.next(1...1000), perSeconds: random.next(1...3600))
            var bucket = TokenBucket()
            var (now, granted) = (start, Int64(0))
            for _ in 0..<2000 {
                now += random.next(0...(3 * quota.tokenMicroseconds))
                if case .taken = bucket.take(quota, at: now) { granted += 1 }
                let earned = (now - start) / quota.tokenMicroseconds
                #expect(granted <= quota.tokens + earned, "seed \(seed)")
            }
        }
    }

    @Test func retryAfterIsRoundedUpAndNeverZero() {
        #expect(BucketVerdict.refused(afterMicroseconds: 1).retryAfterSeconds == 1)
        #expect(BucketVerdict.refused(afterMicroseconds: 1_000_001).retryAfterSeconds == 2)
        #expect(BucketVerdict.taken(left: 1, fullAfterMicroseconds: 0).retryAfterSeconds == nil)
    }
}

struct SplitMix {
    var state: UInt64

    mutating func next(_ range: ClosedRange<Int64>) -> Int64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return range.lowerBound + Int64(mixed % UInt64(range.upperBound - range.lowerBound + 1))
    }
}

/// The memory of buckets, which never grows.
struct BucketTableTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)
    private let quota = Quota(10, perSeconds: 60)

    private func isTaken(_ verdict: BucketVerdict) -> Bool {
        if case .taken = verdict { true } else { false }
    }

    @Test func keysOfDifferentKindsNeverMeet() {
        let buckets = TokenBuckets(redis: nil)
        for kind in UInt16(1)...3 {
            let key = BucketKey(kind: kind, high: 7, low: 9)
            let taken = (0..<20).filter { _ in isTaken(buckets.spend(key, quota, at: now)) }
            #expect(taken.count == 10)
        }
    }

    /// A million addresses, more than any memory: who has spent most is still refused.
    @Test func anAttackFromManyAddressesMakesNobodyForgottenWhoSpentAll() {
        let buckets = TokenBuckets(redis: nil)
        let attacker = BucketKey(kind: 1, high: 1, low: 1)
        for _ in 0..<10 { _ = buckets.spend(attacker, quota, at: now) }
        for number in 0..<UInt64(1_000_000) {
            _ = buckets.spend(BucketKey(kind: 1, high: 2, low: number), quota, at: now)
        }
        #expect(!isTaken(buckets.spend(attacker, quota, at: now)))
    }

    @Test func aSlotIsSmall() {
        #expect(MemoryLayout<BucketTable.Slot>.stride == 32)
    }

    @Test func severalBucketsAreTakenFromTogetherOrNotAtAll() async {
        let buckets = TokenBuckets(redis: nil)
        let wide = BucketKey(kind: 1, high: 0, low: 1), narrow = BucketKey(kind: 2, high: 0, low: 1)
        let one = Quota(1, perSeconds: 60)
        let first = await buckets.take([(wide, quota), (narrow, one)], at: now)
        #expect(first.verdict == .taken(left: 0, fullAfterMicroseconds: 60_000_000))
        for _ in 0..<20 {
            let next = await buckets.take([(wide, quota), (narrow, one)], at: now)
            #expect(next.verdict == .refused(afterMicroseconds: 60_000_000))
            #expect(next.place == 1)
        }
        // Nine of ten are left: the refusals took nothing.
        let left = await buckets.take([(wide, quota)], at: now)
        #expect(left.verdict == .taken(left: 8, fullAfterMicroseconds: 12_000_000))
    }
}

struct CircuitTests {
    @Test func restsLongerEachTimeAndTellsOnce() {
        var circuit = Circuit()
        #expect(circuit.mayTry(at: 0))
        #expect(circuit.failed(at: 0) == .went)
        #expect(!circuit.mayTry(at: 99))
        #expect(circuit.mayTry(at: 100))
        #expect(circuit.failed(at: 100) == .nothing)
        #expect(!circuit.mayTry(at: 299))
        #expect(circuit.mayTry(at: 300))
        for _ in 0..<20 { #expect(circuit.failed(at: 300) == .nothing) }
        #expect(!circuit.mayTry(at: 5299))
        #expect(circuit.mayTry(at: 5300))
        #expect(circuit.succeeded() == .cameBack)
        #expect(circuit.succeeded() == .nothing)
        #expect(circuit.failed(at: 6000) == .went)
        #expect(circuit.mayTry(at: 6100))
    }
}

struct RedisAddressTests {
    @Test(arguments: [
        ("redis://cache", "cache:6379"), ("redis://cache:7000/3", "cache:7000"),
        ("redis://[::1]:7000", "::1:7000"), ("redis://:secret@cache", "cache:6379"),
        ("/run/redis.sock", "/run/redis.sock"),
        ("unix://user:secret@/run/redis.sock?db=4", "/run/redis.sock"),
    ])
    func isReadAndNeverShowsThePassword(text: String, description: String) {
        #expect(RedisAddress(text)?.description == description)
    }

    @Test func carriesWhoAndWhich() {
        let address = RedisAddress("redis://florin:p%40ss:word@cache/2")
        #expect(address?.user == "florin")
        #expect(address?.password == "p@ss:word")
        #expect(address?.database == 2)
        #expect(RedisAddress("redis://:secret@cache")?.user == nil)
    }

    @Test(arguments: [
        "", "cache", "http://cache", "redis://", "redis://cache:0", "redis://cache:65536",
        "redis://cache:x", "redis://user@cache", "redis://user:@cache", "redis://cache/x",
        "redis://cache/-1", "redis://cache/1024", "redis://u:%zz@cache", "redis://u:%00@cache",
        "redis://[::1", "unix://run/redis.sock", "unix:///run/redis.sock?x=1", "/",
        "/run/ space.sock",
    ])
    func refusesWhatItDoesNotUnderstand(text: String) {
        #expect(RedisAddress(text) == nil)
    }
}
