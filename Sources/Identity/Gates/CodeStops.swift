internal import HTTP
internal import Postgres
package import Values

/// A prefix to which no codes are sent for a while, because those that were went unanswered.
package struct CodeStop: Sendable {
    package let id: ID<CodeStop>
    package let prefix: String
    package let startedAt: Timestamp
    package let endsAt: Timestamp
    /// In the hour before, leaving out those too young to be answered.
    package let sent: Int64
    package let answered: Int64
    package let liftedAt: Timestamp?

    /// The newest of them, as many as a page shows.
    static let shownMax: Int64 = 100

    var alarm: String {
        "Florin has stopped codes to numbers that begin with \(prefix) until \(endsAt): of \(sent) "
            + "sent in an hour \(answered) were answered. Somebody may earn by receiving them. See "
            + "“When codes go unanswered” in docs/operations.md."
    }

    /// For the log of acts.
    var description: String {
        var writer = JSONWriter()
        writer.object { stop in
            stop.field("id", id)
            stop.field("prefix", prefix)
            stop.field("sent", sent)
            stop.field("answered", answered)
            stop.field("ends_at", endsAt)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    fileprivate init(row: Row) throws {
        id = try row[0]
        prefix = try row[1]
        startedAt = try row[2]
        endsAt = try row[3]
        sent = try row[4]
        answered = try row[5]
        liftedAt = try row[6]
    }

    init(
        id: ID<CodeStop>, prefix: String, startedAt: Timestamp, endsAt: Timestamp, sent: Int64,
        answered: Int64, liftedAt: Timestamp?
    ) {
        self.id = id
        self.prefix = prefix
        self.startedAt = startedAt
        self.endsAt = endsAt
        self.sent = sent
        self.answered = answered
        self.liftedAt = liftedAt
    }
}

extension Identity {
    /// The newest stops, those that are over too.
    func codeStops(seenBy staff: StaffView) async throws -> [CodeStop] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, prefix, started_at, ends_at, sent, answered, lifted_at
                FROM identity.code_stops ORDER BY id DESC LIMIT \(CodeStop.shownMax)
                """
            ).map { try CodeStop(row: $0) }
        }
    }

    /// Lets codes go out again before the stop is over.
    func liftCodeStop(
        _ id: ID<CodeStop>, reason: String, by staff: StaffSession, from origin: Origin
    ) async throws -> CodeStop {
        let now = clock.now
        return try await database.transaction { transaction in
            let row = try transaction.first(
                """
                UPDATE identity.code_stops SET lifted_at = \(now), lifted_by = \(staff.user)
                WHERE id = \(id) AND lifted_at IS NULL AND ends_at > \(now)
                RETURNING id, prefix, started_at, ends_at, sent, answered, lifted_at
                """)
            guard let row else { throw IdentityRejection.codeStopNotFound }
            let stop = try CodeStop(row: row)
            try audit.record(
                Act(
                    .codeStopLifted, by: staff.user, of: nil, from: origin, reason: reason,
                    before: stop.description), in: transaction)
            return stop
        }
    }
}

extension Act.Kind {
    static let codeStopLifted = Act.Kind("code_stop_lifted")
}
