internal import HTTP
package import Identity
package import Jobs
internal import Postgres
internal import Values

extension Rails {
    /// Of what is in the copy that a person may take along, one page.
    private static let pageMax = 200

    /// What of this slice is in the copy that a person may take along.
    package var exportParts: [ExportPart] {
        [
            .list("payments_outside") { user, cursor in
                let after = cursor.flatMap { ID<RailPayment>($0) } ?? ID(high: 0, low: 0)
                let found = try await stored(
                    where: """
                        user_id = \(user) AND id > \(after) ORDER BY id
                        LIMIT \(Int64(Self.pageMax) + 1)
                        """)
                let page = Array(found.prefix(Self.pageMax))
                return Page(
                    page.map { payment in ExportPart.item { RailWire.write(payment, &$0) } },
                    nextCursor: found.count > page.count ? page.last.map { "\($0.id)" } : nil)
            }
        ]
    }

    /// Nobody is forgotten while their money is under way; afterwards what was said about it goes,
    /// and what moved stays.
    package var erasurePart: ErasurePart {
        ErasurePart(
            obstacles: { try Self.obstacles(to: $0, $1) },
            erase: { user, transaction in
                let obstacles = try Self.obstacles(to: user, transaction)
                guard obstacles.isEmpty else {
                    throw IdentityRejection.erasureBlocked(obstacles)
                }
            },
            sweep: { user in
                try await database.transaction { transaction in
                    for statement in Self.forgetting(user) {
                        _ = try transaction.execute(statement)
                    }
                }
            })
    }

    private static func obstacles(
        to user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [Fact] {
        let open: Int64 = try transaction.query(
            """
            SELECT count(*) FROM rails.payments WHERE user_id = \(user)
                AND state IN ('created', 'held', 'calling', 'unknown', 'review')
            """)[0][0]
        return open == 0 ? [] : [Fact("payments_under_way", open)]
    }

    private static func forgetting(_ user: ID<User>) -> [SQL] {
        let theirs: SQL = "payment IN (SELECT id FROM rails.payments WHERE user_id = \(user))"
        return [
            "DELETE FROM rails.exchanges WHERE \(theirs)",
            "DELETE FROM rails.callbacks WHERE \(theirs)",
            "DELETE FROM rails.destinations WHERE user_id = \(user)",
            "UPDATE rails.payments SET contact = '' WHERE user_id = \(user)",
        ]
    }

    /// What the master keys have sealed in this slice.
    package static var sealedRows: [SealedRows] { [contactRows, exchangeRows, callbackRows] }

    private static var contactRows: SealedRows {
        SealedRows("rails.payments", purpose: purpose) { after, limit, transaction in
            let last = after.flatMap { ID<RailPayment>($0) } ?? ID(high: 0, low: 0)
            return try transaction.query(
                """
                SELECT id, contact FROM rails.payments
                WHERE id > \(last) AND contact <> '' ORDER BY id LIMIT \(Int64(limit))
                """
            ).map { row in
                let id: ID<RailPayment> = try row[0]
                return SealedRows.Row(
                    id: "\(id)", context: context(contactField, id), sealed: [try row[1]])
            }
        } write: { row in
            "UPDATE rails.payments SET contact = \(row.sealed[0]) WHERE id = \(id(row))"
        }
    }

    private static var exchangeRows: SealedRows {
        SealedRows("rails.exchanges", purpose: purpose) { after, limit, transaction in
            let last = after.flatMap { Int64($0) } ?? 0
            return try transaction.query(
                """
                SELECT id, payment, at, said FROM rails.exchanges
                WHERE id > \(last) ORDER BY id LIMIT \(Int64(limit))
                """
            ).map { row in
                let (id, payment): (Int64, ID<RailPayment>) = (try row[0], try row[1])
                let at: Timestamp = try row[2]
                return SealedRows.Row(
                    id: "\(id)",
                    context: context(exchangeField, "\(payment) \(at.microseconds)"),
                    sealed: [try row[3]])
            }
        } write: { row in
            "UPDATE rails.exchanges SET said = \(row.sealed[0]) WHERE id = \(Int64(row.id) ?? 0)"
        }
    }

    private static var callbackRows: SealedRows {
        SealedRows("rails.callbacks", purpose: purpose) { after, limit, transaction in
            let last = after.flatMap { ID<StoredCallback>($0) } ?? ID(high: 0, low: 0)
            return try transaction.query(
                """
                SELECT id, raw FROM rails.callbacks
                WHERE id > \(last) ORDER BY id LIMIT \(Int64(limit))
                """
            ).map { row in
                let id: ID<StoredCallback> = try row[0]
                return SealedRows.Row(
                    id: "\(id)", context: context(callbackField, id), sealed: [try row[1]])
            }
        } write: { row in
            "UPDATE rails.callbacks SET raw = \(row.sealed[0]) WHERE id = \(id(row))"
        }
    }

    private static func id(_ row: SealedRows.Resealed) -> ID<RailPayment> {
        ID(row.id) ?? ID(high: 0, low: 0)
    }
}
