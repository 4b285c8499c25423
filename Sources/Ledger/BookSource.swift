internal import Postgres

/// Where the auditor reads the books: a database, or a dump of one.
protocol BookSource: ~Copyable {
    /// Gives the rows whose first column lies in `range` to `body`, in its order, and says how many
    /// there were.
    @discardableResult
    func each<Row: BookRow>(
        _ rows: Row.Type, in range: ClosedRange<Int64>, limit: Int64,
        _ body: (Row) throws -> Void
    ) throws -> Int

    /// The lines that reversals take back, so that only those need to be remembered.
    func reversedLines() throws -> Set<Int64>

    /// How many lines there are to read, about.
    func linesCount() throws -> Int64
}

extension BookSource where Self: ~Copyable {
    @discardableResult
    func each<Row: BookRow>(_ rows: Row.Type, _ body: (Row) throws -> Void) throws -> Int {
        try each(rows, in: .min ... .max, limit: .max, body)
    }
}

/// A row that is not what its table may hold.
struct UnreadableRow: Error {
    let finding: String

    /// - Parameter columns: those that were read, in their order.
    init(_ table: StaticString, _ columns: [StaticString], column: Int, expected: String) {
        let name = columns.indices.contains(column) ? columns[column] : "it"
        finding = "a row of \(table) cannot be read: \(name) does not hold \(expected)"
    }
}

extension BookRow {
    /// The row that `reader` stands at, or why it is none.
    static func read<Reader: RowReader & ~Copyable>(_ reader: inout Reader) throws -> Self {
        do throws(DatabaseError) {
            return try Self(reading: &reader)
        } catch .decoding(let column, let expected) {
            throw UnreadableRow(table, columns, column: column, expected: expected)
        }
    }
}

// MARK: The database

extension Transaction: BookSource {
    /// What one audit wants of its session: any statement may take long, and rows come in the order
    /// of an index, never sorted on the server's disk.
    func prepareForAudit() throws(DatabaseError) {
        _ = try pipeline([
            "SET LOCAL statement_timeout = 0", "SET LOCAL enable_sort = off",
            "SET LOCAL enable_bitmapscan = off", "SET LOCAL jit = off",
            "SET LOCAL max_parallel_workers_per_gather = 0",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
        ])
    }

    @discardableResult
    func each<Row: BookRow>(
        _ rows: Row.Type, in range: ClosedRange<Int64>, limit: Int64,
        _ body: (Row) throws -> Void
    ) throws -> Int {
        let names = rows.columns.map { SQL(stringLiteral: $0) }
        return try copy(
            from: """
                SELECT \(names.joined(separator: ", ")) FROM \(SQL(stringLiteral: rows.table))
                WHERE \(names[0]) BETWEEN \(range.lowerBound) AND \(range.upperBound)
                ORDER BY \(names[0]) LIMIT \(limit)
                """
        ) { try body(Row.read(&$0)) }
    }

    func reversedLines() throws -> Set<Int64> {
        var reversed: Set<Int64> = []
        let reversal = Int64(TransferKind.reversal.rawValue)
        try copy(
            from: """
                SELECT settles FROM ledger.transfers
                WHERE settles IS NOT NULL AND kind = \(reversal)
                """
        ) { reversed.insert(try $0.int64()) }
        return reversed
    }

    func linesCount() throws -> Int64 {
        try query("SELECT last_transfer FROM ledger.head").first.map { try $0[0] } ?? 0
    }
}
