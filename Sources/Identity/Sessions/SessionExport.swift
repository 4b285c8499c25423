internal import HTTP
internal import Postgres
internal import Values

// Where somebody is and was logged in, for the copy that they may ask for.

extension Identity {
    var sessions: ExportPart {
        .list("sessions") { user, cursor in
            let after = cursor.flatMap { ID<Session>($0) } ?? ID(high: 0, low: 0)
            return try await database.read { transaction in
                let key = try key(of: user, transaction)
                let rows = try transaction.query(
                    """
                    SELECT id, name, mode, created_at, seen_at, expires_at, ended_at, end_reason,
                        address_sealed
                    FROM identity.sessions WHERE user_id = \(user) AND id > \(after)
                    ORDER BY id LIMIT \(ExportPart.rowsMax)
                    """)
                let isFull = rows.count == ExportPart.rowsMax
                let last: ID<Session>? = isFull ? try rows[rows.count - 1][0] : nil
                return Page(
                    try rows.map { try Self.session($0, key) }, nextCursor: last.map { "\($0)" })
            }
        }
    }

    private static func session(_ row: Row, _ key: PersonKey?) throws -> ExportPart.Item {
        let sealed: [UInt8]? = try row[8]
        let address = try sealed.flatMap { try key?.open($0, .sessionAddress) as String? }
        return try ExportPart.item { session in
            session.field("id", try row[0] as ID<Session>)
            session.field("name", try row[1] as String)
            session.field("mode", try row[2] as String)
            session.field("created_at", try row[3] as Timestamp)
            session.field("seen_at", try row[4] as Timestamp)
            session.field("expires_at", try row[5] as Timestamp)
            session.field("ended_at", moment: try row[6])
            session.field("end_reason", try row[7] as String?)
            session.field("address", address)
        }
    }

    var devices: ExportPart {
        .rows("devices", by: ID<Device>.self, in: database) { user, after in
            """
            SELECT id, name, created_at, used_at FROM identity.devices
            WHERE user_id = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, device in
            device.field("id", try row[0] as ID<Device>)
            device.field("name", try row[1] as String)
            device.field("created_at", try row[2] as Timestamp)
            device.field("used_at", try row[3] as Timestamp)
        }
    }

    var sessionSettings: ExportPart {
        .rows("session_settings", by: ID<User>.self, in: database) { user, after in
            """
            SELECT user_id, mode, changed_at FROM identity.session_settings
            WHERE user_id = \(user) AND user_id > \(after)
            """
        } _: { row, setting in
            setting.field("mode", try row[1] as String)
            setting.field("changed_at", try row[2] as Timestamp)
        }
    }
}
