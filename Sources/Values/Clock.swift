import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Where the time comes from: the machine's clock, and in a sandbox an offset that tests may
/// advance.
///
/// Time enters every rule as a `Timestamp` parameter; only the edges hold a `Clock`.
package final class Clock: Sendable {
    private let offsetMicroseconds = Atomic<Int64>(0)

    package init() {}

    package var now: Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let real = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        return Timestamp(microseconds: real + offsetMicroseconds.load(ordering: .relaxed))
    }

    /// Moves this clock forward; it never goes back, because codes and limits would come alive
    /// again.
    package func advance(seconds: Int64) {
        precondition(seconds >= 0, "a clock only moves forward")
        offsetMicroseconds.add(seconds * 1_000_000, ordering: .relaxed)
    }

    package var offsetSeconds: Int64 { offsetMicroseconds.load(ordering: .relaxed) / 1_000_000 }
}
