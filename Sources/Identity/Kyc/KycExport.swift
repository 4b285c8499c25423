internal import Cryptography
internal import HTTP
internal import Postgres
internal import Values

// What somebody sent in to be known better, for the copy that they may ask for.

extension Identity {
    var kycSubmissions: ExportPart {
        .list("kyc_submissions") { user, cursor in
            let after = cursor.flatMap { ID<KycSubmission>($0) } ?? ID(high: 0, low: 0)
            return try await database.read { transaction in
                guard let key = try key(of: user, transaction) else {
                    return Page([], nextCursor: nil)
                }
                let rows = try transaction.query(
                    """
                    SELECT id, tier, state, submitted_at, decided_at, cause, details_sealed
                    FROM identity.kyc_submissions
                    WHERE user_id = \(user) AND id > \(after)
                    ORDER BY id LIMIT \(ExportPart.rowsMax)
                    """)
                let items = try rows.map { try Self.submission($0, key) }
                let isFull = rows.count == ExportPart.rowsMax
                let last: ID<KycSubmission>? = isFull ? try rows[rows.count - 1][0] : nil
                return Page(items, nextCursor: last.map { "\($0)" })
            }
        }
    }

    private static func submission(_ row: Row, _ key: PersonKey) throws -> ExportPart.Item {
        let id: ID<KycSubmission> = try row[0]
        let details: [UInt8] = try key.open(try row[6], .kycDetails(id))
        return try ExportPart.item { item in
            item.field("id", id)
            item.field("tier", try row[1] as Int64)
            item.field("state", try row[2] as String)
            item.field("submitted_at", try row[3] as Timestamp)
            item.field("decided_at", moment: try row[4])
            item.field("cause", try row[5] as String?)
            item.field("details", try JSON(parsing: details))
        }
    }

    /// One at a time: a photograph may have two megabytes.
    var kycImages: ExportPart {
        .list("kyc_images") { user, cursor in
            let after = cursor.flatMap { ID<KycImage>($0) } ?? ID(high: 0, low: 0)
            return try await database.read { transaction in
                let row = try transaction.first(
                    """
                    SELECT id, submission_id, side, media_type, created_at, sealed
                    FROM identity.kyc_images WHERE user_id = \(user) AND id > \(after)
                    ORDER BY id LIMIT 1
                    """)
                guard let row, let key = try key(of: user, transaction) else {
                    return Page([], nextCursor: nil)
                }
                let id: ID<KycImage> = try row[0]
                let bytes: [UInt8] = try key.open(try row[5], .kycImage(id))
                let item = try ExportPart.item { item in
                    item.field("submission", (try row[1] as ID<KycSubmission>?).map { "\($0)" })
                    item.field("side", try row[2] as String)
                    item.field("media_type", try row[3] as String)
                    item.field("created_at", try row[4] as Timestamp)
                    item.field("base64", Base64.encode(bytes))
                }
                return Page([item], nextCursor: "\(id)")
            }
        }
    }

    /// When staff saw the person in the clear. Who it was is theirs; why is in the acts.
    var disclosures: ExportPart {
        .rows("disclosures", by: ID<User>.self, in: database) { user, after in
            """
            SELECT id, at FROM identity.disclosures
            WHERE person = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, disclosure in
            disclosure.field("at", try row[1] as Timestamp)
        }
    }
}
