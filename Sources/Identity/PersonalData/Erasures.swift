internal import Postgres
internal import Telemetry
internal import Values

/// Forgetting people: the wish, the time to think, and the deed.
package struct Erasures: Sendable {
    let identity: Identity
    let parts: [ErasurePart]
    let secondsToThink: Int64

    package init(_ identity: Identity, _ parts: [ErasurePart], daysToThink: Int64) {
        self.identity = identity
        self.parts = parts
        secondsToThink = daysToThink * ErasureRules.daySeconds
    }

    /// - Throws: `erasureBlocked` with everything that stands in the way.
    package func ask(_ session: Session, from origin: Origin) async throws -> Erasure {
        let now = identity.clock.now
        let erasure = Erasure(
            id: .make(at: now), user: session.user, askedAt: now,
            dueAt: now.adding(seconds: secondsToThink), blockedAt: nil)
        do {
            try await identity.database.transaction { transaction in
                guard let person = try identity.lock(session.user, transaction) else {
                    throw IdentityRejection.sessionInvalid
                }
                try requireNoObstacles(to: person, transaction)
                try transaction.execute(
                    """
                    INSERT INTO identity.erasures (id, user_id, asked_at, due_at)
                    VALUES (\(erasure.id), \(person.id), \(now), \(erasure.dueAt))
                    """)
                try identity.tell(person, Self.farewell(erasure), in: transaction)
                try identity.audit.record(
                    Act(.erasureAsked, by: person.id, of: person.id, from: origin),
                    in: transaction)
            }
        } catch let error as DatabaseError
            where error.isUniqueViolation("erasures_one_at_a_time")
        {
            throw IdentityRejection.erasureExists
        }
        return erasure
    }

    /// The wish that waits for its day.
    package func waiting(of session: Session) async throws -> Erasure {
        let found = try await identity.database.read { transaction in
            try Self.waiting("user_id = \(session.user)", transaction).first
        }
        guard let found else { throw IdentityRejection.erasureNotFound }
        return found
    }

    package func cancel(_ session: Session, from origin: Origin) async throws {
        let now = identity.clock.now
        try await identity.database.transaction { transaction in
            let cancelled = try transaction.execute(
                """
                UPDATE identity.erasures SET ended_at = \(now), outcome = 'cancelled'
                WHERE user_id = \(session.user) AND ended_at IS NULL AND erased_at IS NULL
                """)
            guard cancelled == 1 else { throw IdentityRejection.erasureNotFound }
            try identity.tell(
                session.user, "Your Florin wallet stays: the erasure was cancelled.",
                in: transaction)
            try identity.audit.record(
                Act(.erasureCancelled, by: session.user, of: session.user, from: origin),
                in: transaction)
        }
    }

    /// Erases whose day has come. What stands in the way of one keeps no other waiting.
    package func eraseDue() async throws {
        let now = identity.clock.now
        let due = try await identity.database.read { transaction in
            try Self.waiting(
                "due_at <= \(now) ORDER BY due_at LIMIT \(ErasureRules.atOnceMax)", transaction)
        }
        for erasure in due {
            do {
                try await erase(erasure)
                try await sweep(erasure)
            } catch IdentityRejection.erasureBlocked {
                try await postpone(erasure)
            } catch {
                Log.error(
                    "identity.not_erased", ["id": "\(erasure.id)", "error": "\(error)"])
            }
        }
    }

    /// Asks for those who signed up long ago and never proved their telephone number: it may be
    /// somebody else's, who could not have it. They are not told, for the same reason.
    package func askForUnproven() async throws {
        let now = identity.clock.now
        let oldest = now.adding(seconds: -IdentityKept.unprovenSeconds)
        var asked = IdentityKept.rowsMax
        while asked == IdentityKept.rowsMax {
            asked = try await identity.database.transaction { transaction in
                let people: [ID<User>] = try transaction.query(
                    """
                    SELECT id FROM identity.users u
                    WHERE verified_at IS NULL AND erased_at IS NULL AND created_at < \(oldest)
                        AND NOT EXISTS (SELECT FROM identity.erasures e
                            WHERE e.user_id = u.id AND e.ended_at IS NULL)
                    ORDER BY created_at LIMIT \(IdentityKept.rowsMax)
                    """
                ).map { try $0[0] }
                let ids = people.map { _ in ID<Erasure>.make(at: now) }
                return try transaction.execute(
                    """
                    INSERT INTO identity.erasures (id, user_id, asked_at, due_at)
                    SELECT id, user_id, \(now), \(now)
                    FROM unnest(\(ids), \(people)) AS t(id, user_id)
                    """)
            }
        }
    }

    // MARK: Steps

    private static func waiting(
        _ condition: SQL, _ transaction: borrowing Transaction
    ) throws -> [Erasure] {
        try transaction.query(
            """
            SELECT id, user_id, asked_at, due_at, blocked_at FROM identity.erasures
            WHERE ended_at IS NULL AND \(condition)
            """
        ).map { row in
            Erasure(
                id: try row[0], user: try row[1], askedAt: try row[2], dueAt: try row[3],
                blockedAt: try row[4])
        }
    }

    private func requireNoObstacles(
        to person: User, _ transaction: borrowing Transaction
    ) throws {
        var obstacles = try parts.flatMap { try $0.obstacles(person.id, transaction) }
        // Somebody else takes a role away: a member of staff who vanishes leaves work undone.
        if person.role.isStaff { obstacles.append(Fact("role", person.role.rawValue)) }
        guard obstacles.isEmpty else { throw IdentityRejection.erasureBlocked(obstacles) }
    }

    /// Destroys the key, in one transaction with everything that must not outlive it.
    ///
    /// The person's row is locked first and the ledger last, as whoever changes a plan does; what
    /// is removed before the ledger's fence is reached keeps no payment waiting.
    private func erase(_ erasure: Erasure) async throws {
        let now = identity.clock.now
        try await identity.database.transaction { transaction in
            let isOurs = try transaction.execute(
                """
                UPDATE identity.erasures SET erased_at = \(now)
                WHERE id = \(erasure.id) AND ended_at IS NULL AND erased_at IS NULL
                """)
            guard isOurs == 1, let person = try identity.lock(erasure.user, transaction) else {
                return
            }
            try requireNoObstacles(to: person, transaction)
            try identity.removeEverything(of: person, now, transaction)
            for part in parts { try part.erase(person.id, transaction) }
            try identity.empty(person, now, transaction)
            try identity.audit.record(
                Act(.erased, by: nil, of: person.id, from: .program), in: transaction)
        }
        identity.sessionCache.forget(user: erasure.user)
    }

    private func sweep(_ erasure: Erasure) async throws {
        for part in parts { try await part.sweep(erasure.user) }
        try await identity.sweepOrigins(of: erasure.user)
        let now = identity.clock.now
        try await identity.database.transaction { transaction in
            _ = try transaction.execute(
                """
                UPDATE identity.erasures SET ended_at = \(now), outcome = 'erased'
                WHERE id = \(erasure.id) AND erased_at IS NOT NULL AND ended_at IS NULL
                """)
        }
    }

    private func postpone(_ erasure: Erasure) async throws {
        let now = identity.clock.now
        try await identity.database.transaction { transaction in
            let postponed = try transaction.execute(
                """
                UPDATE identity.erasures SET blocked_at = \(now),
                    due_at = \(now.adding(seconds: ErasureRules.retrySeconds))
                WHERE id = \(erasure.id) AND ended_at IS NULL AND erased_at IS NULL
                """)
            guard postponed == 1, erasure.blockedAt == nil else { return }
            try identity.tell(erasure.user, Self.blocked, in: transaction)
        }
    }

    private static func farewell(_ erasure: Erasure) -> String {
        "Your Florin wallet will be erased after \("\(erasure.dueAt)".prefix(10)). Until then, log "
            + "in to keep it. If you did not ask for this, change your password now."
    }

    private static let blocked =
        "Your Florin wallet could not be erased yet, because money or a request has come in. "
        + "Empty it, and it will be erased within a day; or log in to keep it."
}

extension Act.Kind {
    static let erasureAsked = Act.Kind("erasure_asked")
    static let erasureCancelled = Act.Kind("erasure_cancelled")
    static let erased = Act.Kind("erased")
}
