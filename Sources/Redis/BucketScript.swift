/// Tokens of one bucket, with what this process knows of it.
struct Charge: Sendable {
    let key: BucketKey
    let quota: Quota
    let count: Int64
    let known: Int64

    init(_ key: BucketKey, _ quota: Quota, _ count: Int64, known: Int64) {
        self.key = key
        self.quota = quota
        self.count = count
        self.known = known
    }
}

/// The arithmetic of `TokenBucket` where all processes see it.
///
/// Lua's numbers are exact to 2^53, in microseconds the year 2255. The script goes along with every
/// call, because a Redis that was flushed or restarted knows none; it is 1 KiB and few calls.
enum BucketScript {
    /// Arguments: the time, whether the tokens are spent already, then for each key: a token's
    /// time, a bucket's time, tokens, and what the caller knows. Answers with the place of the
    /// bucket that refuses or 0, the wait, and each bucket's moment.
    private static let text: StaticString = """
        local now, debt = tonumber(ARGV[1]), ARGV[2] == '1'
        local result, refused, wait, after = {0, 0}, 0, -1, {}
        for i, key in ipairs(KEYS) do
          local p = 4 * i - 1
          local token, fill = tonumber(ARGV[p]), tonumber(ARGV[p + 1])
          local full = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(ARGV[p + 3]), now)
          full = math.min(full, now + 2 * fill)
          after[i] = full + token * tonumber(ARGV[p + 2])
          if debt then after[i] = math.min(after[i], now + 2 * fill)
          elseif after[i] - now - fill > math.max(0, wait) then
            refused, wait = i, after[i] - now - fill
          end
          result[i + 2] = full
        end
        if refused == 0 then
          for i, key in ipairs(KEYS) do
            local life = math.ceil((after[i] - now) / 1000)
            redis.call('SET', key, string.format('%.0f', after[i]), 'PX', life)
            result[i + 2] = after[i]
          end
        end
        result[1], result[2] = refused, wait
        return result
        """

    static func command(_ charges: [Charge], isDebt: Bool, at now: Int64) -> RedisCommand {
        let arguments = charges.flatMap { charge in
            [
                charge.quota.tokenMicroseconds, charge.quota.fillMicroseconds, charge.count,
                charge.known,
            ].map { String($0) }
        }
        return .evaluate(
            text, keys: charges.map(\.key.name), [String(now), isDebt ? "1" : "0"] + arguments)
    }

    struct Answer {
        let refused: Int
        let wait: Int64
        let fullAt: [Int64]

        init?(_ outcome: Redis.Outcome, buckets: Int) {
            guard case .success(let reply) = outcome, let numbers = reply.integers,
                numbers.count == buckets + 2, (0...Int64(buckets)).contains(numbers[0])
            else { return nil }
            refused = Int(numbers[0])
            wait = numbers[1]
            fullAt = Array(numbers.dropFirst(2))
        }
    }
}
