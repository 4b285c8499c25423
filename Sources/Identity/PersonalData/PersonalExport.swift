package import HTTP
internal import Postgres
package import Values

/// How often a person may take a copy of everything: reading it costs as much as the person has
/// done.
package enum ExportRules {
    package static let perDayMax: Int64 = 3
    static let daySeconds: Int64 = 86_400
    /// Messages younger than this come without their text. It may hold a code that is still good,
    /// and who has a session without the telephone is who codes are there to keep out.
    static let messageSecondsWithheld: Int64 = 3_600
    static let format = "florin-export-1"
}

/// A copy of everything that is kept of one person, as one JSON object.
package struct PersonalExport: Sendable {
    let identity: Identity
    let parts: [ExportPart]

    package init(_ identity: Identity, _ parts: [ExportPart]) {
        self.identity = identity
        self.parts = identity.exportParts + parts
    }

    /// Notes that the person takes a copy now; `write` gives it to them.
    /// - Throws: `tooManyAttempts` after a few in a day.
    package func begin(for session: Session, from origin: Origin) async throws {
        let now = identity.clock.now
        try await identity.database.transaction { transaction in
            // One at a time: requests side by side would each find room.
            _ = try transaction.query(
                "SELECT id FROM identity.users WHERE id = \(session.user) FOR NO KEY UPDATE")
            let since = now.adding(seconds: -ExportRules.daySeconds)
            let row = try transaction.query(
                """
                SELECT count(*), min(at) FROM identity.exports
                WHERE user_id = \(session.user) AND at > \(since)
                """)[0]
            let (count, oldest): (Int64, Timestamp?) = (try row[0], try row[1])
            if let oldest, count >= ExportRules.perDayMax {
                let next = oldest.adding(seconds: ExportRules.daySeconds)
                let wait = max(1, now.seconds(until: next))
                throw IdentityRejection.tooManyAttempts(retryAfter: wait)
            }
            try transaction.execute(
                """
                INSERT INTO identity.exports (id, user_id, at)
                VALUES (\(ID<ExportPart>.make(at: now)), \(session.user), \(now))
                """)
            try identity.tell(
                session.user,
                "A copy of everything in your Florin wallet was taken. If this was not you, change "
                    + "your password now.", in: transaction)
            try identity.audit.record(
                Act(.dataExported, by: session.user, of: session.user, from: origin),
                in: transaction)
        }
    }

    /// Page by page, so that a long life takes no more memory than a short one. Its parts are of
    /// the moments in which they are read.
    package func write(of user: ID<User>, to body: BodyStream) async throws {
        try await body.write(
            Array(
                #"{"format":"\#(ExportRules.format)","exported_at":"\#(identity.clock.now)""#.utf8))
        for part in parts {
            try await body.write(Array(#","\#(part.name)":"#.utf8))
            switch part.content {
            case .one(let read): try await body.write(try await read(user))
            case .list(let read): try await write(pages: { try await read(user, $0) }, to: body)
            }
        }
        try await body.write(Array("}\n".utf8))
    }

    private func write(
        pages: (String?) async throws -> Page<ExportPart.Item>, to body: BodyStream
    ) async throws {
        try await body.write(Array("[".utf8))
        var (cursor, isFirst) = (String?.none, true)
        repeat {
            let page = try await pages(cursor)
            for item in page.elements {
                try await body.write(Array((isFirst ? "\n" : ",\n").utf8) + item)
                isFirst = false
            }
            cursor = page.nextCursor
        } while cursor != nil
        try await body.write(Array("]".utf8))
    }
}

extension Act.Kind {
    static let dataExported = Act.Kind("data_exported")
}
