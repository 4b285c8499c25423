import Synchronization
package import Values

/// Buckets of tokens by name: shared through Redis where there is one, remembered here otherwise.
///
/// `spend` never waits: a process decides on what it knows and accounts for what was spent later,
/// in chunks, so together the processes may overdraw a bucket by a chunk each, and owe it. `take`
/// waits for Redis and is exact. Both know here what they last heard, so that without Redis, or
/// after it lost everything, nobody starts afresh.
package final class TokenBuckets: Sendable {
    private let redis: Redis?
    private let table = BucketTable()
    /// Several buckets are taken from by one at a time.
    private let taking = Mutex(())

    /// A process tells Redis after it has spent this part of a bucket.
    static let chunksOfBucket: Int64 = 32

    package init(redis: Redis?) {
        self.redis = redis
    }

    // MARK: Without waiting

    /// Takes a token if, as far as this process knows, there is one.
    package func spend(
        _ key: BucketKey, _ quota: Quota, at now: Timestamp
    ) -> BucketVerdict {
        let now = now.microseconds
        let sharesAtAll = redis != nil
        let (verdict, report) = table.change(key) { slot -> (BucketVerdict, Report?) in
            var bucket = TokenBucket(fullAt: slot.fullAt)
            let verdict = bucket.take(quota, at: now)
            slot.fullAt = bucket.fullAt
            guard sharesAtAll, case .taken = verdict else { return (verdict, nil) }
            slot.untold += 1
            return (verdict, slot.report(key, quota))
        }
        if let report { tell(report, at: now) }
        return verdict
    }

    fileprivate struct Report: Sendable {
        let key: BucketKey
        let quota: Quota
        let count: UInt32
        /// What this process knew before it spent these.
        let known: Int64
    }

    private func tell(_ report: Report, at now: Int64) {
        let charge = Charge(report.key, report.quota, Int64(report.count), known: report.known)
        redis?.send(BucketScript.command([charge], isDebt: true, at: now)) { [weak self] outcome in
            self?.settle(report, BucketScript.Answer(outcome, buckets: 1))
        }
    }

    /// What others have spent counts here from now on. Without an answer nothing is told later:
    /// what this process knows goes along with its next report.
    private func settle(_ report: Report, _ answer: BucketScript.Answer?) {
        table.changeIfKnown(report.key) { slot in
            slot.isTelling = false
            slot.untold -= min(slot.untold, report.count)
            guard let shared = answer?.fullAt.first else { return }
            let since = Int64(slot.untold) * report.quota.tokenMicroseconds
            slot.fullAt = max(slot.fullAt, shared + since)
        }
    }

    // MARK: Exactly

    /// Takes one token of each bucket, or none of any: then the answer is the longest wait and the
    /// place of the bucket that asks for it.
    package func take(
        _ wishes: [(key: BucketKey, quota: Quota)], at now: Timestamp
    ) async -> (verdict: BucketVerdict, place: Int?) {
        let now = now.microseconds
        let charges = wishes.map { wish in
            Charge(wish.key, wish.quota, 1, known: table.change(wish.key) { $0.fullAt })
        }
        if let redis {
            let command = BucketScript.command(charges, isDebt: false, at: now)
            let outcome = await redis.outcome(of: command)
            if let answer = BucketScript.Answer(outcome, buckets: charges.count) {
                return learn(answer, charges, at: now)
            }
        }
        return takeHere(charges, at: now)
    }

    private func learn(
        _ answer: BucketScript.Answer, _ charges: [Charge], at now: Int64
    ) -> (verdict: BucketVerdict, place: Int?) {
        for (charge, fullAt) in zip(charges, answer.fullAt) {
            table.change(charge.key) { $0.fullAt = max($0.fullAt, fullAt) }
        }
        guard answer.refused == 0 else {
            return (.refused(afterMicroseconds: answer.wait), answer.refused - 1)
        }
        return (Self.tightest(zip(charges, answer.fullAt), at: now), nil)
    }

    private func takeHere(
        _ charges: [Charge], at now: Int64
    ) -> (verdict: BucketVerdict, place: Int?) {
        taking.withLock { _ in
            var longest: (wait: Int64, place: Int)?
            for (place, charge) in charges.enumerated() {
                let fullAt = table.change(charge.key) { $0.fullAt }
                let verdict = TokenBucket(fullAt: fullAt).verdict(charge.quota, at: now)
                guard case .refused(let wait) = verdict else { continue }
                if wait > longest?.wait ?? -1 { longest = (wait, place) }
            }
            if let longest { return (.refused(afterMicroseconds: longest.wait), longest.place) }
            let fullAt = charges.map { charge in
                table.change(charge.key) { slot in
                    var bucket = TokenBucket(fullAt: slot.fullAt)
                    _ = bucket.take(charge.quota, at: now)
                    slot.fullAt = bucket.fullAt
                    return slot.fullAt
                }
            }
            return (Self.tightest(zip(charges, fullAt), at: now), nil)
        }
    }

    private static func tightest(
        _ buckets: Zip2Sequence<[Charge], [Int64]>, at now: Int64
    ) -> BucketVerdict {
        let standings = buckets.map { charge, fullAt in
            let debt = max(0, fullAt - now)
            let left = (charge.quota.fillMicroseconds - debt) / charge.quota.tokenMicroseconds
            return (left: max(0, left), debt: debt)
        }
        let least = standings.min { $0.left < $1.left } ?? (left: 0, debt: 0)
        return .taken(left: least.left, fullAfterMicroseconds: least.debt)
    }
}

extension BucketTable.Slot {
    /// What to tell Redis, when there is enough of it and nothing is under way.
    fileprivate mutating func report(
        _ key: BucketKey, _ quota: Quota
    ) -> TokenBuckets.Report? {
        let chunk = max(1, quota.tokens / TokenBuckets.chunksOfBucket)
        guard !isTelling, Int64(untold) >= chunk else { return nil }
        isTelling = true
        return TokenBuckets.Report(
            key: key, quota: quota, count: untold,
            known: fullAt - Int64(untold) * quota.tokenMicroseconds)
    }
}

extension Redis {
    fileprivate func outcome(of command: RedisCommand) async -> Outcome {
        do throws(RedisError) { return .success(try await run(command)) } catch {
            return .failure(error)
        }
    }
}
