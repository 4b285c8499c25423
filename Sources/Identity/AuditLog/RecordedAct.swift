internal import Cryptography
internal import HTTP
internal import Postgres
package import Values

/// An act as it is read, with what its keys still open.
package struct RecordedAct: Sendable {
    package struct Party: Sendable, Equatable {
        package let id: ID<User>
        /// `a former user` for who was erased.
        package let username: String
    }

    package let position: Int64
    package let at: Timestamp
    package let kind: String
    package let actor: Party?
    package let subject: Party?
    package let reason: String?
    package let address: String?
    package let agent: String?
    /// JSON.
    package let before: String?
    package let after: String?
}

/// What to look for; everything that is given must be true of an act.
package struct ActFilter: Sendable {
    package var actor: ID<User>?
    package var subject: ID<User>?
    package var kind: String?
    package var from: Timestamp?
    package var to: Timestamp?
    package var address: String?
    /// Words of the reason, in any case.
    package var reason: String?

    package init() {}
}

extension Identity {
    /// Acts of everybody, newest first: those before the one that the cursor names.
    package func acts(
        _ filter: ActFilter, before cursor: Int64?, limit: Int
    ) async throws -> Page<RecordedAct> {
        let condition = condition(filter, before: cursor)
        let found = try await database.read { transaction in
            try transaction.query(
                """
                \(Self.actColumns) WHERE \(condition)
                ORDER BY a.position DESC LIMIT \(limit + 1)
                """
            ).map { try act($0) }
        }
        return Self.page(found, limit)
    }

    /// What this person did, and what was done to them.
    package func acts(
        ofOrBy user: ID<User>, before cursor: Int64?, limit: Int
    ) async throws -> Page<RecordedAct> {
        let before = cursor ?? .max
        let found = try await database.read { transaction in
            try transaction.query(
                """
                \(Self.actColumns) WHERE a.position IN (
                    (SELECT position FROM identity.acts
                        WHERE subject = \(user) AND position < \(before)
                        ORDER BY position DESC LIMIT \(limit + 1))
                    UNION ALL
                    (SELECT position FROM identity.acts
                        WHERE actor = \(user) AND position < \(before)
                        ORDER BY position DESC LIMIT \(limit + 1)))
                ORDER BY a.position DESC LIMIT \(limit + 1)
                """
            ).map { try act($0) }
        }
        return Self.page(found, limit)
    }

    // MARK: Steps

    private func condition(_ filter: ActFilter, before cursor: Int64?) -> SQL {
        var conditions: [SQL] = ["a.position < \(cursor ?? .max)"]
        if let actor = filter.actor { conditions.append("a.actor = \(actor)") }
        if let subject = filter.subject { conditions.append("a.subject = \(subject)") }
        if let kind = filter.kind { conditions.append("a.kind = \(kind)") }
        if let from = filter.from { conditions.append("a.at >= \(from)") }
        if let to = filter.to { conditions.append("a.at < \(to)") }
        if let address = filter.address {
            conditions.append("o.address_index = \(vault.index(address: address))")
        }
        if let reason = filter.reason {
            conditions.append(
                "a.reason IS NOT NULL AND strpos(lower(a.reason), lower(\(reason))) > 0")
        }
        return conditions.joined(separator: " AND ")
    }

    private static func page(_ found: [RecordedAct], _ limit: Int) -> Page<RecordedAct> {
        let page = Array(found.prefix(limit))
        return Page(
            page, nextCursor: found.count > limit ? page.last.map { "\($0.position)" } : nil)
    }

    private static let actColumns: SQL = """
        SELECT a.position, a.at, a.kind, a.actor, actor.username, a.subject, subject.username,
            a.reason, a.change_sealed, subject_key.wrapped, o.sealed, o.person, origin_key.wrapped
        FROM identity.acts a
        LEFT JOIN identity.people actor ON actor.id = a.actor
        LEFT JOIN identity.people subject ON subject.id = a.subject
        LEFT JOIN identity.person_keys subject_key ON subject_key.user_id = a.subject
        LEFT JOIN identity.act_origins o ON o.position = a.position
        LEFT JOIN identity.person_keys origin_key ON origin_key.user_id = o.person
        """

    private func act(_ row: Row) throws -> RecordedAct {
        let subject: ID<User>? = try row[5]
        let change = try opened(
            try row[8], of: subject, try row[9], .actChange, AuditLog.changeContext)
        let origin = try opened(
            try row[10], of: try row[11], try row[12], .actOrigin, AuditLog.originContext)
        return RecordedAct(
            position: try row[0], at: try row[1], kind: try row[2],
            actor: try party(try row[3], try row[4]), subject: try party(subject, try row[6]),
            reason: try row[7], address: origin?["address"]?.string,
            agent: origin?["agent"]?.string, before: change?["before"]?.string,
            after: change?["after"]?.string)
    }

    private func party(_ id: ID<User>?, _ username: String?) throws -> RecordedAct.Party? {
        id.map { RecordedAct.Party(id: $0, username: username ?? "nobody") }
    }

    /// Nil when there is nothing, and when the key was destroyed.
    private func opened(
        _ sealed: [UInt8]?, of user: ID<User>?, _ wrapped: [UInt8]?, _ field: PersonalField,
        _ context: String
    ) throws -> JSON? {
        guard let sealed else { return nil }
        do {
            guard let user, let wrapped else {
                return try JSON(parsing: vault.openFromLog(sealed, context))
            }
            return try JSON(parsing: vault.person(user, wrapped).open(sealed, field) as [UInt8])
        } catch .damaged as SealingError {
            return nil
        }
    }
}
