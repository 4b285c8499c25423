package import Postgres
package import Values

/// Whether money may leave what belongs to customers: stopped when the books do not match, or by a
/// person, and resumed by a person.
///
/// What holds is one column of the head, which every writer of every process reads with its fence;
/// moving the version makes each of them read it before it writes again. Money in, voids and
/// expiries go on.
package struct MoneyOut: Sendable {
    /// Tells of a decision in the transaction that makes it.
    package typealias Announcement = @Sendable (Stop, borrowing Transaction) throws -> Void

    /// Characters of why.
    package static let reasonCharactersMax = 200
    /// Differences that are kept with a stop.
    static let findingsMax = 20
    /// Differences in spite of which a person may resume. More is no accident that somebody has
    /// understood.
    package static let findingsAcceptedMax = 1_000

    private let database: Database
    private let clock: Clock
    private let announce: Announcement

    package init(database: Database, clock: Clock, announce: @escaping Announcement) {
        self.database = database
        self.clock = clock
        self.announce = announce
    }

    /// The stop that holds now, if one does.
    package func current() async throws -> Stop? {
        try await database.read { transaction in
            guard
                let row = try transaction.first(
                    "SELECT stopped_at FROM ledger.head WHERE id = 1 AND stopped_at IS NOT NULL")
            else { return nil }
            let latest = try Self.decision(where: "true", transaction)
            if let latest, latest.kind == .stopped { return latest }
            // Whoever set the column by hand left no row of why.
            return Stop(setByHandAt: try row[0])
        }
    }

    /// One decision of the past.
    package func decision(_ id: Int64) async throws -> Stop? {
        try await database.read { transaction in
            try Self.decision(where: "id = \(id)", transaction)
        }
    }

    /// Stops money-out. Returns the number of this decision, or nil when it is stopped already.
    @discardableResult
    package func stop(
        by actor: String, because reason: String, findings: [Finding] = []
    ) async throws -> Int64? {
        let now = clock.now
        return try await decide(
            """
            UPDATE ledger.head SET stopped_at = \(now), version = version + 1
            WHERE id = 1 AND stopped_at IS NULL
            """,
            .stopped, at: now, by: actor, because: reason, findings.prefix(Self.findingsMax))
    }

    package enum Resumption: Sendable, Equatable {
        case nothingWasStopped
        /// The books still do not match, and nobody said to go on all the same.
        case refused([Finding])
        /// In spite of these differences, if there are some.
        case resumed([Finding])
    }

    /// Looks at every account and the totals, then lets money out again.
    ///
    /// - Parameter despiteMismatch: goes on whatever was found. The running check then passes over
    ///   these differences, and stops for new ones.
    package func resume(
        by actor: String, because reason: String, despiteMismatch: Bool = false
    ) async throws -> Resumption {
        guard try await current() != nil else { return .nothingWasStopped }
        let findings = try await Look.everything(in: database)
        guard findings.isEmpty || despiteMismatch && findings.count <= Self.findingsAcceptedMax
        else { return .refused(findings) }
        let decision = try await decide(
            """
            UPDATE ledger.head SET stopped_at = NULL, version = version + 1
            WHERE id = 1 AND stopped_at IS NOT NULL
            """,
            .resumed, at: clock.now, by: actor, because: reason, findings[...])
        return decision == nil ? .nothingWasStopped : .resumed(findings)
    }

    // MARK: Steps

    /// Moves the head, and if that changed something writes down who and why and tells of it, all
    /// in one transaction. The head's row is locked first, as every writer does.
    private func decide(
        _ change: SQL, _ what: Stop.Kind, at now: Timestamp, by actor: String,
        because reason: String, _ findings: ArraySlice<Finding>
    ) async throws -> Int64? {
        let texts = findings.map(\.description)
        let announce = announce
        return try await database.transaction { transaction in
            guard try transaction.execute(change) == 1 else { return nil }
            let row = try transaction.query(
                """
                INSERT INTO ledger.stops (at, what, actor, reason, findings)
                VALUES (\(now), \(what.rawValue), \(actor), \(reason), \(texts))
                RETURNING id, at, what, actor, reason, findings
                """)[0]
            let stop = try Stop(row: row)
            try announce(stop, transaction)
            return stop.id
        }
    }

    private static func decision(
        where condition: SQL, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Stop? {
        let row = try transaction.first(
            """
            SELECT id, at, what, actor, reason, findings FROM ledger.stops
            WHERE \(condition) ORDER BY id DESC LIMIT 1
            """)
        guard let row else { return nil }
        return try Stop(row: row)
    }
}

/// A decision about money-out: who, when and why.
package struct Stop: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case stopped
        case resumed
    }

    package let id: Int64
    package let at: Timestamp
    package let kind: Kind
    package let actor: String
    package let reason: String
    /// What did not match.
    package let findings: [String]

    fileprivate init(row: Row) throws(DatabaseError) {
        id = try row[0]
        at = try row[1]
        guard let known = Kind(rawValue: try row[2]) else {
            throw .decoding(column: 2, expected: "stopped or resumed")
        }
        kind = known
        actor = try row[3]
        reason = try row[4]
        findings = try row[5]
    }

    fileprivate init(setByHandAt moment: Timestamp) {
        id = 0
        at = moment
        kind = .stopped
        actor = "somebody"
        reason = "The head was changed by hand."
        findings = []
    }
}
