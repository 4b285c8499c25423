package import Cryptography
package import Postgres

/// One kind of rows that the operator's master keys have sealed, told by the slice that owns them.
package struct SealedRows: Sendable {
    package struct Row: Sendable {
        let id: String
        let context: [UInt8]
        let sealed: [[UInt8]]

        /// - Parameters:
        ///   - id: what orders the rows, as text.
        ///   - context: what was authenticated with all of `sealed`.
        package init(id: String, context: [UInt8], sealed: [[UInt8]]) {
            self.id = id
            self.context = context
            self.sealed = sealed
        }
    }

    /// A row that was opened and sealed by the first key.
    package struct Resealed: Sendable {
        package let id: String
        package let plain: [[UInt8]]
        package let sealed: [[UInt8]]
        package let key: SealingKey
    }

    /// The rows after that id, by id, and at most so many.
    package typealias Read =
        @Sendable (_ after: String?, _ limit: Int, borrowing Transaction) throws -> [Row]

    let name: String
    let purpose: String
    let read: Read
    let write: @Sendable (Resealed) -> SQL

    /// - Parameter write: the statement that puts the sealed values in the place of the old ones.
    package init(
        _ name: String, purpose: String, read: @escaping Read,
        write: @escaping @Sendable (Resealed) -> SQL
    ) {
        self.name = name
        self.purpose = purpose
        self.read = read
        self.write = write
    }
}

/// Seals anew, under the first of the operator's master keys, what the others have sealed; then
/// shows that everything opens with the first alone.
///
/// May be stopped anywhere and begun again: what is done says so by the name of its key. Servers go
/// on meanwhile, as long as they have the same keys.
package struct Rotation: Sendable {
    /// Rows read, and sealed, in one transaction.
    static let rowsMax = 500

    private let database: Database
    private let ring: KeyRing

    package init(database: Database, ring: KeyRing) {
        self.database = database
        self.ring = ring
    }

    package struct Progress: Sendable {
        package let name: String
        package var rows = 0
        package var resealed = 0
    }

    /// A row that none of the keys opens; nothing can be done about it but to find its key.
    package struct Unopened: Error, CustomStringConvertible {
        let name: String
        let id: String

        package var description: String {
            "\(name): the row \(id) opens with none of the keys in FLORIN_MASTER_KEY or master.key"
        }
    }

    /// Returns how many rows there are, and how many were sealed anew.
    package func reseal(
        _ kind: SealedRows, tell: (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        let key = ring.sealingKey(kind.purpose)
        return try await eachPage(kind, tell) { rows, transaction in
            let others = rows.filter { row in
                !row.sealed.allSatisfy { $0.starts(with: key.head) }
            }
            guard !others.isEmpty else { return 0 }
            let statements = try others.map { row in
                kind.write(try Self.reseal(row, of: kind, key))
            }
            _ = try transaction.pipeline(statements)
            return others.count
        }
    }

    /// Opens every row with the first key alone.
    @discardableResult
    package func verify(
        _ kind: SealedRows, tell: (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        let key = ring.current.sealingKey(kind.purpose)
        return try await eachPage(kind, tell) { rows, _ in
            for row in rows { _ = try Self.open(row, of: kind, key) }
            return 0
        }
    }

    // MARK: Steps

    private func eachPage(
        _ kind: SealedRows, _ tell: (Progress) -> Void,
        _ body: @escaping @Sendable ([SealedRows.Row], borrowing Transaction) throws -> Int
    ) async throws -> Progress {
        var progress = Progress(name: kind.name)
        var (after, isOver) = (String?.none, false)
        while !isOver {
            let cursor = after
            let (last, rows, resealed) = try await database.transaction { transaction in
                let rows = try kind.read(cursor, Self.rowsMax, transaction)
                return (rows.last?.id, rows.count, try body(rows, transaction))
            }
            progress.rows += rows
            progress.resealed += resealed
            tell(progress)
            after = last
            isOver = rows < Self.rowsMax
        }
        return progress
    }

    private static func reseal(
        _ row: SealedRows.Row, of kind: SealedRows, _ key: SealingKey
    ) throws -> SealedRows.Resealed {
        let plain = try open(row, of: kind, key)
        return SealedRows.Resealed(
            id: row.id, plain: plain, sealed: plain.map { key.seal($0, context: row.context) },
            key: key)
    }

    private static func open(
        _ row: SealedRows.Row, of kind: SealedRows, _ key: SealingKey
    ) throws(Unopened) -> [[UInt8]] {
        do {
            return try row.sealed.map { try key.open($0, context: row.context) }
        } catch {
            throw Unopened(name: kind.name, id: row.id)
        }
    }
}
