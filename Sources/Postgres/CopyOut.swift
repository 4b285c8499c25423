import CPostgres
package import Values

extension Transaction {
    /// Gives each row of `query` to `body` while it comes, so that any number of rows takes the
    /// memory of one. Returns how many there were.
    ///
    /// COPY binds no values, so the query's own may only be whole numbers, which are written into
    /// its text. An error that `body` throws ends the connection, and with it the transaction: the
    /// server cannot be told otherwise to stop sending.
    @discardableResult
    package func copy(
        from query: SQL, _ body: (inout CopyRow) throws -> Void
    ) throws -> Int {
        try connection.copy(from: query.withNumbers, body)
    }
}

extension SQL {
    /// The text with its values, which must be whole numbers, in their places.
    fileprivate var withNumbers: String {
        var text = self.text
        // From the last: `$1` is the beginning of `$12`.
        for (place, value) in values.enumerated().reversed() {
            guard case .int64(let number) = value else {
                preconditionFailure("COPY takes no values but whole numbers")
            }
            text = text.replacing("$\(place + 1)", with: "'\(number)'::bigint")
        }
        return text
    }
}

extension Connection {
    fileprivate func copy(
        from query: String, _ body: (inout CopyRow) throws -> Void
    ) throws -> Int {
        let link = try linkInTransaction()
        do throws(DatabaseError) {
            _ = try link.simple("COPY (\(query)) TO STDOUT (FORMAT binary)").get()
        } catch {
            throw fail(error)
        }
        var count = 0
        do {
            count = try link.receiveRows(body)
        } catch {
            // Whatever it was, the server is still sending.
            _ = fail(.connection("the rows were not read to their end"))
            throw error
        }
        do throws(DatabaseError) {
            try link.endReceiving()
        } catch {
            throw fail(error)
        }
        return count
    }
}

extension Link {
    fileprivate func receiveRows(_ body: (inout CopyRow) throws -> Void) throws -> Int {
        var (count, isFirst) = (0, true)
        var buffer: UnsafeMutablePointer<CChar>?
        while true {
            let length = unsafe PQgetCopyData(handle, &buffer, 0)
            // −1 is the end and −2 an error; either way the last result says what happened.
            guard length >= 0, let start = unsafe buffer else { return count }
            defer { unsafe PQfreemem(start) }
            let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(length))
            let head = isFirst ? try unsafe Self.headBytes(bytes) : 0
            isFirst = false
            count += try unsafe Self.rows(in: bytes, from: head, body)
        }
    }

    /// The bytes before the first row.
    private static func headBytes(
        _ bytes: UnsafeRawBufferPointer
    ) throws(DatabaseError) -> Int {
        let signature = CopyFormat.signature
        let fixed = signature.count + 8
        guard bytes.count >= fixed, unsafe bytes.prefix(signature.count).elementsEqual(signature)
        else { throw .decoding(column: 0, expected: "rows in binary") }
        let more = unsafe Int32(
            bigEndian: bytes.loadUnaligned(fromByteOffset: fixed - 4, as: Int32.self))
        guard more >= 0, bytes.count >= fixed + Int(more) else {
            throw .decoding(column: 0, expected: "rows in binary")
        }
        return fixed + Int(more)
    }

    private static func rows(
        in bytes: UnsafeRawBufferPointer, from start: Int,
        _ body: (inout CopyRow) throws -> Void
    ) throws -> Int {
        var (position, count) = (start, 0)
        while position + 2 <= bytes.count {
            let columns = unsafe Int16(
                bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int16.self))
            guard columns != CopyFormat.end else { break }
            var row = unsafe CopyRow(bytes, from: position + 2, columns: Int(columns))
            try body(&row)
            position = try row.end()
            count += 1
        }
        return count
    }

    fileprivate func endReceiving() throws(DatabaseError) {
        var outcome: Result<QueryResult, DatabaseError> = .failure(.connection(message))
        if let raw = unsafe PQgetResult(handle) { outcome = unsafe simpleOutcome(of: raw) }
        while let more = unsafe PQgetResult(handle) { unsafe PQclear(more) }
        _ = try outcome.get()
    }
}

/// One row on its way out, in the server's binary format. It cannot be kept: it points into what
/// libpq has received.
@safe
package struct CopyRow: ~Copyable, RowReader {
    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private let columns: Int
    package private(set) var column = -1

    fileprivate init(_ bytes: UnsafeRawBufferPointer, from position: Int, columns: Int) {
        unsafe self.bytes = bytes
        self.position = position
        self.columns = columns
    }

    /// Where the next row begins.
    fileprivate mutating func end() throws(DatabaseError) -> Int {
        while column + 1 < columns { _ = try next() }
        return position
    }

    /// Where the next column's bytes are; nil for a null. Checked against what was received.
    private mutating func next() throws(DatabaseError) -> Range<Int>? {
        column += 1
        guard column < columns, unsafe position + 4 <= bytes.count else {
            throw mismatch("a column")
        }
        let length = unsafe Int32(
            bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self))
        position += 4
        guard length >= 0 else { return nil }
        guard unsafe position + Int(length) <= bytes.count else { throw mismatch("a whole column") }
        defer { position += Int(length) }
        return position..<position + Int(length)
    }

    private func mismatch(_ expected: String) -> DatabaseError {
        .decoding(column: column, expected: expected)
    }

    private mutating func numberOrNull<Number: FixedWidthInteger & BitwiseCopyable>()
        throws(DatabaseError) -> Number?
    {
        guard let range = try next() else { return nil }
        guard range.count == MemoryLayout<Number>.size else { throw mismatch("\(Number.self)") }
        return unsafe Number(
            bigEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self))
    }

    package mutating func int16OrNull() throws(DatabaseError) -> Int16? { try numberOrNull() }
    package mutating func int64OrNull() throws(DatabaseError) -> Int64? { try numberOrNull() }

    package mutating func boolOrNull() throws(DatabaseError) -> Bool? {
        try (numberOrNull() as UInt8?).map { $0 != 0 }
    }

    package mutating func timestampOrNull() throws(DatabaseError) -> Timestamp? {
        guard let since: Int64 = try numberOrNull() else { return nil }
        guard case let (sum, false) = since.addingReportingOverflow(ByteWriter.epochMicroseconds),
            let moment = Timestamp(readable: sum)
        else { throw mismatch("a moment") }
        return moment
    }

    package mutating func dayOrNull() throws(DatabaseError) -> Int64? {
        guard let since: Int32 = try numberOrNull() else { return nil }
        guard since != .min, since != .max else { throw mismatch("a day") }
        return Int64(since) + ByteWriter.epochMicroseconds / Timestamp.microsecondsPerDay
    }

    package mutating func uuidOrNull() throws(DatabaseError) -> (high: UInt64, low: UInt64)? {
        guard let number: UInt128 = try numberOrNull() else { return nil }
        return (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
    }

    package mutating func bytesOrNull() throws(DatabaseError) -> [UInt8]? {
        guard let range = try next() else { return nil }
        return unsafe Array(bytes[range])
    }

    package mutating func textOrNull() throws(DatabaseError) -> String? {
        guard let range = try next() else { return nil }
        return unsafe String(decoding: bytes[range], as: UTF8.self)
    }
}
