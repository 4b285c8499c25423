package import HTTP
package import Postgres
package import Values

/// What one feature keeps of a person, for the copy that they may ask for. Each slice tells its
/// own, so that its SQL stays with it; the composition root puts them together.
package struct ExportPart: Sendable {
    /// A JSON object.
    package typealias Item = [UInt8]

    enum Content: Sendable {
        case one(@Sendable (ID<User>) async throws -> Item)
        case list(@Sendable (ID<User>, _ cursor: String?) async throws -> Page<Item>)
    }

    /// Rows read at once: what is in memory of a copy at any moment.
    package static let rowsMax = 200

    let name: StaticString
    let content: Content

    /// One object, which everybody has.
    package static func one(
        _ name: StaticString, _ read: @escaping @Sendable (ID<User>) async throws -> Item
    ) -> ExportPart {
        ExportPart(name: name, content: .one(read))
    }

    /// Objects, page by page; each page goes on where the cursor of the one before says.
    package static func list(
        _ name: StaticString,
        _ read: @escaping @Sendable (ID<User>, _ cursor: String?) async throws -> Page<Item>
    ) -> ExportPart {
        ExportPart(name: name, content: .list(read))
    }

    /// Rows of one table in the order of their ids.
    ///
    /// - Parameters:
    ///   - read: the rows after that id, by id, and at most `rowsMax`; the id is the first column.
    ///   - write: the members of a row's object.
    package static func rows<Owner>(
        _ name: StaticString, by id: ID<Owner>.Type, in database: Database,
        _ read: @escaping @Sendable (ID<User>, _ after: ID<Owner>) -> SQL,
        _ write: @escaping @Sendable (Row, inout JSONWriter) throws -> Void
    ) -> ExportPart {
        list(name) { user, cursor in
            let after = cursor.flatMap { ID<Owner>($0) } ?? ID(high: 0, low: 0)
            return try await database.read { transaction in
                let rows = try transaction.query("\(read(user, after)) LIMIT \(rowsMax)")
                let isFull = rows.count == rowsMax
                let last: ID<Owner>? = isFull ? try rows[rowsMax - 1][0] : nil
                return Page(
                    try rows.map { row in try item { try write(row, &$0) } },
                    nextCursor: last.map { "\($0)" })
            }
        }
    }

    package static func item(_ write: (inout JSONWriter) throws -> Void) rethrows -> Item {
        var writer = JSONWriter()
        try writer.object(write)
        return writer.bytes
    }
}
