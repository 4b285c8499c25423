import TestSupport
import Testing
import Values

@testable import Redis

/// A real Redis over a socket: shared buckets, time-outs, its death and its return.
struct RedisTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)
    private let key = BucketKey(kind: 1, high: 0, low: 42)

    private func redis(
        _ server: TestRedis, credentials: String = "", timeoutMilliseconds: Int = 2000
    ) throws -> Redis {
        let address = try #require(RedisAddress("unix://\(credentials)\(server.socket)"))
        var settings = Redis.Settings(address)
        settings.timeoutMilliseconds = timeoutMilliseconds
        return Redis(settings)
    }

    private func isTaken(_ verdict: BucketVerdict) -> Bool {
        if case .taken = verdict { true } else { false }
    }

    private func take(_ buckets: TokenBuckets, _ quota: Quota, _ count: Int) async -> Int {
        var taken = 0
        for _ in 0..<count where isTaken(await buckets.take([(key, quota)], at: now).verdict) {
            taken += 1
        }
        return taken
    }

    /// Waits until what was sent before this has been answered.
    private func settle(_ redis: Redis) async throws {
        #expect(try await redis.run(.ping) == .text("PONG"))
    }

    @Test func twoProcessesTakeFromOneBucketExactly() async throws {
        let server = try await TestRedis.start()
        let first = TokenBuckets(redis: try redis(server))
        let second = TokenBuckets(redis: try redis(server))
        let quota = Quota(10, perSeconds: 60)
        #expect(await take(first, quota, 4) == 4)
        #expect(await take(second, quota, 20) == 6)
        #expect(await take(first, quota, 5) == 0)
    }

    @Test func manyAtOnceNeverTakeMoreThanThereIs() async throws {
        let server = try await TestRedis.start()
        let pair = [
            TokenBuckets(redis: try redis(server)), TokenBuckets(redis: try redis(server)),
        ]
        let taken = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let verdict = await pair[number % 2].take(
                        [(key, Quota(50, perSeconds: 3600))], at: now)
                    return isTaken(verdict.verdict)
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(taken == 50)
    }

    @Test func processesThatSpendWithoutWaitingOverdrawByAChunkAtMost() async throws {
        let server = try await TestRedis.start()
        let redises = [try redis(server), try redis(server)]
        let pair = redises.map { TokenBuckets(redis: $0) }
        let quota = Quota(320, perSeconds: 3600)
        var spent = 0
        for _ in 0..<100 {
            for (buckets, redis) in zip(pair, redises) {
                for _ in 0..<10 where isTaken(buckets.spend(key, quota, at: now)) { spent += 1 }
                try await settle(redis)
            }
        }
        let chunk = Int(quota.tokens / TokenBuckets.chunksOfBucket)
        #expect((320...320 + 2 * chunk).contains(spent))
    }

    @Test func aFlushedRedisLearnsWhatAProcessKnows() async throws {
        let server = try await TestRedis.start()
        let quota = Quota(10, perSeconds: 3600)
        let first = TokenBuckets(redis: try redis(server))
        #expect(await take(first, quota, 10) == 10)
        try await server.command("FLUSHALL")
        #expect(await take(first, quota, 5) == 0)
    }

    @Test func withoutRedisMemoryGoesOnWhereItWas() async throws {
        let server = try await TestRedis.start()
        let quota = Quota(10, perSeconds: 3600)
        let buckets = TokenBuckets(redis: try redis(server))
        #expect(await take(buckets, quota, 6) == 6)
        try await server.crash()
        #expect(await take(buckets, quota, 20) == 4)
    }

    @Test func itIsFoundAgainWhenItComesBack() async throws {
        let server = try await TestRedis.start()
        let redis = try redis(server)
        try await settle(redis)
        try await server.crash()
        await #expect(throws: RedisError.self) { try await redis.run(.ping) }
        try await server.restart()
        var isBack = false
        while !isBack {
            do { isBack = try await redis.run(.ping) == .text("PONG") } catch { await Task.yield() }
        }
    }

    @Test func aFrozenRedisIsGivenUpInTime() async throws {
        let server = try await TestRedis.start()
        let redis = try redis(server, timeoutMilliseconds: 50)
        try await settle(redis)
        server.freeze()
        // Each failure makes the next rest longer, until a command does not even wait.
        var last: RedisError?
        while last != .away("it did not answer a moment ago") {
            last = await #expect(throws: RedisError.self) { try await redis.run(.ping) }
        }
        server.thaw()
    }

    @Test func aPasswordIsGivenAndAWrongOneIsNoAccess() async throws {
        let server = try await TestRedis.start(["--requirepass", "let me in"])
        let right = try redis(server, credentials: ":let%20me%20in@")
        try await settle(right)
        let wrong = try redis(server, credentials: ":let%20me%20out@")
        await #expect(throws: RedisError.refused("WRONGPASS")) { try await wrong.run(.ping) }
        let none = try redis(server)
        await #expect(throws: RedisError.refused("NOAUTH")) { try await none.run(.ping) }
    }

    @Test func whatStandsInTheWayOfABucketIsNoToken() async throws {
        let server = try await TestRedis.start()
        let buckets = TokenBuckets(redis: try redis(server))
        try await server.command("LPUSH", key.name, "not a number")
        // Redis refuses, so memory decides.
        #expect(await take(buckets, Quota(3, perSeconds: 3600), 10) == 3)
    }
}
