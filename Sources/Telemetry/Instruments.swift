import Synchronization

/// A number that only grows.
package final class Counter: Sendable {
    private let count = Atomic<Int64>(0)

    init() {}

    package func increment(by amount: Int64 = 1) {
        precondition(amount >= 0, "a counter only grows")
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    package var value: Int64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let level = Atomic<Int64>(0)

    init() {}

    package func set(_ value: Int64) { level.store(value, ordering: .relaxed) }
    package func add(_ amount: Int64) { level.wrappingAdd(amount, ordering: .relaxed) }

    package var value: Int64 { level.load(ordering: .relaxed) }
}

/// How long things took, counted in fixed buckets.
package final class Histogram: Sendable {
    /// Upper bounds in microseconds, from a fast query to a time-out; one more bucket has no bound.
    static let boundsMicroseconds: [Int64] = [
        100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000,
    ]

    private let counts: InlineArray<17, Atomic<Int64>>
    private let sum = Atomic<Int64>(0)

    init() {
        precondition(Self.boundsMicroseconds.count == 16)
        counts = InlineArray { _ in Atomic<Int64>(0) }
    }

    package func observe(microseconds: Int64) {
        let bounds = Self.boundsMicroseconds
        var bucket = 0
        while bucket < bounds.count, microseconds > bounds[bucket] { bucket += 1 }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(max(0, microseconds), ordering: .relaxed)
    }

    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(microseconds: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }

    /// How many observations each bucket holds; not cumulative.
    package var buckets: [Int64] { counts.indices.map { counts[$0].load(ordering: .relaxed) } }

    package var sumMicroseconds: Int64 { sum.load(ordering: .relaxed) }
}
