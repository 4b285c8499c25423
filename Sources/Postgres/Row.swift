import CPostgres

/// The rows that one statement returned. They belong to the thread that asked.
@safe
package final class QueryResult {
    private let handle: OpaquePointer

    /// How many rows the statement wrote, or returned if it only reads.
    package let affected: Int
    package let count: Int
    fileprivate let columns: Int

    /// Takes the libpq result over, and clears it at the end.
    init(taking handle: OpaquePointer) {
        unsafe self.handle = handle
        count = unsafe Int(PQntuples(handle))
        columns = unsafe Int(PQnfields(handle))
        affected = unsafe PQcmdTuples(handle).map { unsafe Int(String(cString: $0)) ?? 0 } ?? 0
    }

    deinit { unsafe PQclear(handle) }

    package var rows: [Row] { (0..<count).map { Row(result: self, index: Int32($0)) } }
    package var first: Row? { count > 0 ? Row(result: self, index: 0) : nil }

    fileprivate func cell(_ row: Int32, _ column: Int) throws(DatabaseError) -> SQLCell {
        guard (0..<columns).contains(column) else {
            throw .decoding(column: column, expected: "a column of this result")
        }
        let column = Int32(column)
        let type = unsafe SQLType(oid: PQftype(handle, column))
        guard unsafe PQgetisnull(handle, row, column) == 0 else {
            return unsafe SQLCell(column: Int(column), type: type, bytes: nil)
        }
        let bytes = unsafe UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
        return unsafe SQLCell(column: Int(column), type: type, bytes: bytes)
    }
}

/// One row of a result; reading a column decodes it there and then.
package struct Row {
    fileprivate let result: QueryResult
    fileprivate let index: Int32

    /// The value of a column, counted from 0. A null reads only as an `Optional`.
    package subscript<Value: SQLDecodable>(column: Int) -> Value {
        get throws(DatabaseError) {
            // The cell points into the result, which this row keeps alive for the whole call.
            try Value(cell: result.cell(index, column))
        }
    }

    package var count: Int { result.columns }
}

/// One value of a row, in the server's binary format. It cannot be kept: it points into the result.
@safe
package struct SQLCell: ~Copyable {
    package let column: Int
    package let type: SQLType
    let bytes: UnsafeRawBufferPointer?

    init(column: Int, type: SQLType, bytes: UnsafeRawBufferPointer?) {
        self.column = column
        self.type = type
        unsafe self.bytes = bytes
    }

    package var isNull: Bool { unsafe bytes == nil }

    package func mismatch(_ expected: String) -> DatabaseError {
        .decoding(column: column, expected: expected)
    }
}
