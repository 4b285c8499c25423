package import Postgres
package import Values

/// Forgets what this slice no longer needs: events long told, and jobs given up long ago.
package struct Retention: Sendable {
    /// How long an event is kept after it happened.
    static let eventSeconds: Int64 = 7 * 86_400
    /// How long a job that was given up is kept for a person to look at.
    static let jobSeconds: Int64 = 90 * 86_400
    /// Rows removed in one transaction.
    static let rowsMax = 5_000

    private let database: Database
    private let clock: Clock

    package init(database: Database, clock: Clock) {
        self.database = database
        self.clock = clock
    }

    package func tidy() async throws {
        let now = clock.now
        try await repeatedly(
            """
            DELETE FROM jobs.events WHERE id <= (
                SELECT max(id) FROM (
                    SELECT id FROM jobs.events ORDER BY id LIMIT \(Self.rowsMax)) AS oldest)
                AND created_at < \(now.adding(seconds: -Self.eventSeconds))
            """)
        try await repeatedly(
            """
            DELETE FROM jobs.jobs WHERE id IN (
                SELECT id FROM jobs.jobs
                WHERE given_up_at < \(now.adding(seconds: -Self.jobSeconds))
                LIMIT \(Self.rowsMax))
            """)
    }

    private func repeatedly(_ statement: SQL) async throws {
        var removed = Self.rowsMax
        while removed == Self.rowsMax {
            removed = try await database.transaction { try $0.execute(statement) }
        }
    }
}
