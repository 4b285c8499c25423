internal import Postgres
package import Values

/// A session as its owner sees it in a list.
package struct ListedSession: Sendable {
    package let id: ID<Session>
    package let name: String
    package let mode: SessionMode
    package let createdAt: Timestamp
    package let seenAt: Timestamp
    package let expiresAt: Timestamp
    /// From where the log-in came; nil when that is not known.
    package let address: String?
    package let isCurrent: Bool
}

extension Identity {
    /// The sessions of a person, the one that was used last first; few enough for one page.
    package func sessions(of session: Session) async throws -> [ListedSession] {
        let now = clock.now
        return try await database.read { transaction in
            let key = try key(of: session.user, transaction)
            return try transaction.query(
                """
                SELECT id, name, mode, created_at, seen_at, expires_at, address_sealed
                FROM identity.sessions
                WHERE user_id = \(session.user) AND ended_at IS NULL AND expires_at > \(now)
                ORDER BY seen_at DESC, id DESC LIMIT \(SessionRules.perPersonMax)
                """
            ).map { try ListedSession(row: $0, key, current: session.id) }
        }
    }

    /// Gives one of one's sessions another name.
    package func renameSession(
        _ id: ID<Session>, to name: String, for session: Session, from origin: Origin
    ) async throws -> ListedSession {
        let name = DeviceName.make(name, agent: nil)
        return try await database.transaction { transaction in
            let before = try requireOwn(id, session, transaction)
            let row = try transaction.query(
                """
                UPDATE identity.sessions SET name = \(name) WHERE id = \(id)
                RETURNING id, name, mode, created_at, seen_at, expires_at, address_sealed
                """)[0]
            try transaction.execute(
                """
                UPDATE identity.devices SET name = \(name)
                WHERE id = (SELECT device_id FROM identity.sessions WHERE id = \(id))
                """)
            let renamed = try ListedSession(
                row: row, try key(of: session.user, transaction), current: session.id)
            try audit.record(
                Act(
                    .sessionRenamed, by: session.user, of: session.user, from: origin,
                    before: before.name, after: name), in: transaction)
            return renamed
        }
    }

    /// Ends one of one's sessions in every process. Its device is asked for a second step when
    /// somebody logs in from it again.
    package func revoke(
        _ id: ID<Session>, for session: Session, from origin: Origin
    ) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            let revoked = try requireOwn(id, session, transaction)
            try end(id, .revoked, now, transaction)
            if let device = revoked.device, id != session.id {
                try forget(devices: [device], transaction)
            }
            try audit.record(
                Act(
                    .sessionRevoked, by: session.user, of: session.user, from: origin,
                    before: revoked.name), in: transaction)
        }
        sessionCache.forget(user: session.user)
    }

    /// Ends all of one's sessions but this one, and forgets their devices.
    /// - Returns: how many there were.
    package func revokeOthers(of session: Session, from origin: Origin) async throws -> Int64 {
        let now = clock.now
        let ended = try await database.transaction { transaction in
            let rows = try transaction.query(
                """
                UPDATE identity.sessions SET ended_at = \(now),
                    end_reason = \(SessionEnd.revoked.rawValue)
                WHERE user_id = \(session.user) AND ended_at IS NULL AND id <> \(session.id)
                RETURNING id
                """)
            try transaction.execute(
                """
                DELETE FROM identity.devices WHERE user_id = \(session.user) AND id IS DISTINCT FROM
                    (SELECT device_id FROM identity.sessions WHERE id = \(session.id))
                """)
            try announceChange(of: session.user, in: transaction)
            try audit.record(
                Act(
                    .sessionsRevoked, by: session.user, of: session.user, from: origin,
                    after: #"{"ended":\#(rows.count)}"#), in: transaction)
            return Int64(rows.count)
        }
        sessionCache.forget(user: session.user)
        return ended
    }

    // MARK: Steps

    /// The name and the device of an open session of the same person; locked.
    private func requireOwn(
        _ id: ID<Session>, _ session: Session, _ transaction: borrowing Transaction
    ) throws -> (name: String, device: ID<Device>?) {
        let row = try transaction.first(
            """
            SELECT name, device_id FROM identity.sessions
            WHERE id = \(id) AND user_id = \(session.user) AND ended_at IS NULL FOR UPDATE
            """)
        guard let row else { throw IdentityRejection.sessionNotFound }
        return (try row[0], try row[1])
    }
}

extension ListedSession {
    fileprivate init(row: Row, _ key: PersonKey?, current: ID<Session>) throws {
        id = try row[0]
        name = try row[1]
        mode = try SessionMode(stored: row[2])
        (createdAt, seenAt, expiresAt) = (try row[3], try row[4], try row[5])
        let sealed: [UInt8]? = try row[6]
        if let sealed, let key {
            address = String(decoding: try key.open(sealed, .sessionAddress), as: UTF8.self)
        } else {
            address = nil
        }
        isCurrent = id == current
    }
}

extension Act.Kind {
    static let sessionRenamed = Act.Kind("session_renamed")
    static let sessionRevoked = Act.Kind("session_revoked")
    static let sessionsRevoked = Act.Kind("sessions_revoked")
}
