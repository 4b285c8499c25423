internal import Cryptography
package import Jobs
internal import Postgres
internal import Values

extension Notifications {
    /// What the master keys have sealed in this slice; messages are found under the new key too.
    package static var sealedRows: [SealedRows] {
        [
            SealedRows("messages", purpose: purpose) { after, limit, transaction in
                let last = after.flatMap { ID<Message>($0) } ?? ID(high: 0, low: 0)
                return try transaction.query(
                    """
                    SELECT id, recipient_sealed, body_sealed FROM notifications.messages
                    WHERE id > \(last) ORDER BY id LIMIT \(limit)
                    """
                ).map { row in
                    let id: ID<Message> = try row[0]
                    return SealedRows.Row(
                        id: "\(id)", context: Array("\(id)".utf8),
                        sealed: [try row[1], try row[2]])
                }
            } write: { row in
                let recipient = String(decoding: row.plain[0], as: UTF8.self)
                return """
                    UPDATE notifications.messages SET recipient_sealed = \(row.sealed[0]),
                        body_sealed = \(row.sealed[1]),
                        recipient_index = \(row.key.blindIndex(recipient))
                    WHERE id = \(row.id)::uuid
                    """
            }
        ]
    }
}
