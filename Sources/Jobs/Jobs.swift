package import Postgres
package import Values

/// Work that must happen if, and only if, the transaction that asked for it commits.
package struct Jobs: Sendable {
    /// Told at commit, so that workers need not look often.
    package static let channel = "florin_jobs"
    package static let attemptsMax = 12

    private let clock: Clock

    package init(clock: Clock) {
        self.clock = clock
    }

    /// Adds a job in the caller's transaction.
    package func enqueue(
        _ kind: JobKind, _ payload: String, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO jobs.jobs (kind, payload, due_at, created_at)
            VALUES (\(kind.rawValue), \(payload), \(clock.now), \(clock.now))
            """)
        try transaction.notify(channel: "florin_jobs", payload: "")
    }
}

/// What a job is for; the slice that owns the work names it.
package struct JobKind: Sendable, Hashable, RawRepresentable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}
