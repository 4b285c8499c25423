internal import HTTP
internal import Postgres
internal import Telemetry
internal import Values

// Codes sent to a prefix and codes that came back from it, counted by the minute in PostgreSQL: all
// processes see one count, and nothing that is flushed lets a stopped prefix go on.

extension CodeGate {
    /// Counts a code that goes out, in the transaction that sends it.
    ///
    /// - Parameter isWithheld: it goes nowhere, which takes as long and counts for nothing.
    func sent(
        to address: CodeAddress, isWithheld: Bool, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        guard case .phone(let phone) = address else { return }
        try count(NumberPrefix(phone), sent: isWithheld ? 0 : 1, answered: 0, transaction)
    }

    /// Counts a code that came back right.
    func answered(
        by address: CodeAddress, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        guard case .phone(let phone) = address else { return }
        try count(NumberPrefix(phone), sent: 0, answered: 1, transaction)
    }

    /// Refuses while the prefix is stopped, and stops it when its codes go unanswered.
    func requireNotPumped(_ prefix: NumberPrefix, _ now: Timestamp) async throws {
        let state = try await identity.database.transaction { transaction -> State in
            if let end = try end(of: prefix, now, transaction) { return .stopped(until: end) }
            guard try isPumped(prefix, now, transaction) != nil else { return .open }
            // One at a time, and whoever comes second finds the stop of the first.
            _ = try transaction.query(
                """
                SELECT pg_advisory_xact_lock(\(Self.lockNumber), hashtext(\(prefix.text)))
                """)
            if let end = try end(of: prefix, now, transaction) { return .stopped(until: end) }
            guard let traffic = try isPumped(prefix, now, transaction) else { return .open }
            return .justStopped(try stop(prefix, traffic, now, transaction))
        }
        switch state {
        case .open: return
        case .stopped(let end):
            CodeInstruments.shared.count(.stop)
            throw IdentityRejection.tooManyAttempts(retryAfter: max(1, now.seconds(until: end)))
        case .justStopped(let stop):
            CodeInstruments.shared.stops.increment()
            CodeInstruments.shared.count(.stop)
            Log.warning(
                "codes_stopped",
                [
                    "prefix": .text(stop.prefix), "sent": .integer(stop.sent),
                    "answered": .integer(stop.answered),
                ])
            throw IdentityRejection.tooManyAttempts(
                retryAfter: max(1, now.seconds(until: stop.endsAt)))
        }
    }

    // MARK: Steps

    /// Any number that no other lock of two numbers has.
    private static let lockNumber: Int32 = 15

    private enum State: Sendable {
        case open
        case stopped(until: Timestamp)
        case justStopped(CodeStop)
    }

    private struct Traffic {
        let sent: Int64
        let answered: Int64
    }

    private func count(
        _ prefix: NumberPrefix, sent: Int64, answered: Int64,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.code_traffic AS t (prefix, minute, sent, answered)
            VALUES (\(prefix.text), date_trunc('minute', \(identity.clock.now)::timestamptz),
                \(sent), \(answered))
            ON CONFLICT (prefix, minute) DO UPDATE
            SET sent = t.sent + excluded.sent, answered = t.answered + excluded.answered
            """)
    }

    private func end(
        of prefix: NumberPrefix, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Timestamp? {
        try transaction.first(
            """
            SELECT ends_at FROM identity.code_stops
            WHERE prefix = \(prefix.text) AND ends_at > \(now) AND lifted_at IS NULL
            """
        ).map { try $0[0] }
    }

    /// What came of the codes since the last stop was over, when it is that of a pumped prefix.
    private func isPumped(
        _ prefix: NumberPrefix, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Traffic? {
        let from = now.adding(seconds: -PumpingRule.secondsLookedAt)
        // A minute's count is as young as its last code.
        let until = now.adding(seconds: -PumpingRule.secondsToAnswer - 60)
        let row = try transaction.query(
            """
            SELECT coalesce(sum(sent) FILTER (WHERE minute <= \(until)), 0)::bigint,
                coalesce(sum(answered), 0)::bigint
            FROM identity.code_traffic
            WHERE prefix = \(prefix.text) AND minute > greatest(\(from), (
                SELECT max(coalesce(lifted_at, ends_at)) FROM identity.code_stops
                WHERE prefix = \(prefix.text)))
            """)[0]
        let traffic = Traffic(sent: try row[0], answered: try row[1])
        let rule = identity.codeLimits.pumping
        return rule.isPumped(sent: traffic.sent, answered: traffic.answered) ? traffic : nil
    }

    private func stop(
        _ prefix: NumberPrefix, _ traffic: Traffic, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> CodeStop {
        let stop = CodeStop(
            id: .make(at: now), prefix: prefix.text, startedAt: now,
            endsAt: now.adding(seconds: identity.codeLimits.pumping.stopSeconds),
            sent: traffic.sent, answered: traffic.answered, liftedAt: nil)
        try transaction.execute(
            """
            INSERT INTO identity.code_stops (id, prefix, started_at, ends_at, sent, answered)
            VALUES (\(stop.id), \(stop.prefix), \(now), \(stop.endsAt), \(stop.sent),
                \(stop.answered))
            """)
        try identity.tell([.admin, .support], stop.alarm, in: transaction)
        try identity.audit.record(
            Act(.codesStopped, by: nil, of: nil, from: .program, after: stop.description),
            in: transaction)
        return stop
    }
}

extension Act.Kind {
    static let codesStopped = Act.Kind("codes_stopped")
}
