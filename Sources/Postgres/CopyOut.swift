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
    private let received: UnsafeRawBufferPointer
    private var position: Int
    private let columns: Int
    package private(set) var column = -1

    fileprivate init(_ bytes: UnsafeRawBufferPointer, from position: Int, columns: Int) {
        unsafe received = bytes
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
        guard column < columns, unsafe position + 4 <= received.count else {
            throw mismatch("a column")
        }
        let length = unsafe Int32(
            bigEndian: received.loadUnaligned(fromByteOffset: position, as: Int32.self))
        position += 4
        guard length >= 0 else { return nil }
        guard unsafe position + Int(length) <= received.count else {
            throw mismatch("a whole column")
        }
        defer { position += Int(length) }
        return position..<position + Int(length)
    }

    private func mismatch(_ expected: String) -> DatabaseError {
        .decoding(column: column, expected: expected)
    }

    private mutating func present() throws(DatabaseError) -> Range<Int> {
        guard let range = try next() else { throw mismatch("a value") }
        return range
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at range: Range<Int>
    ) throws(DatabaseError) -> Number {
        guard range.count == MemoryLayout<Number>.size else { throw mismatch("\(Number.self)") }
        return unsafe Number(
            bigEndian: received.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self))
    }

    package mutating func int16() throws(DatabaseError) -> Int16 { try number(at: present()) }
    package mutating func int32() throws(DatabaseError) -> Int32 { try number(at: present()) }
    package mutating func int64() throws(DatabaseError) -> Int64 { try number(at: present()) }

    package mutating func int32OrNull() throws(DatabaseError) -> Int32? {
        guard let range = try next() else { return nil }
        return try number(at: range)
    }

    package mutating func int64OrNull() throws(DatabaseError) -> Int64? {
        guard let range = try next() else { return nil }
        return try number(at: range)
    }

    package mutating func bool() throws(DatabaseError) -> Bool {
        try number(at: present()) as UInt8 != 0
    }

    package mutating func timestamp() throws(DatabaseError) -> Timestamp {
        try timestamp(at: present())
    }

    package mutating func timestampOrNull() throws(DatabaseError) -> Timestamp? {
        guard let range = try next() else { return nil }
        return try timestamp(at: range)
    }

    private func timestamp(at range: Range<Int>) throws(DatabaseError) -> Timestamp {
        let since: Int64 = try number(at: range)
        guard case let (sum, false) = since.addingReportingOverflow(ByteWriter.epochMicroseconds),
            let moment = Timestamp(readable: sum)
        else { throw mismatch("a moment") }
        return moment
    }

    package mutating func day() throws(DatabaseError) -> Int64 {
        let since: Int32 = try number(at: present())
        let day = Int64(since) + ByteWriter.epochMicroseconds / Timestamp.microsecondsPerDay
        guard Timestamp.daysReadable.contains(day) else { throw mismatch("a day") }
        return day
    }

    package mutating func uuidOrNull() throws(DatabaseError) -> (high: UInt64, low: UInt64)? {
        guard let range = try next() else { return nil }
        let number: UInt128 = try number(at: range)
        return (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
    }

    package mutating func bytes() throws(DatabaseError) -> [UInt8] {
        let range = try present()
        return unsafe Array(received[range])
    }

    package mutating func text() throws(DatabaseError) -> String {
        let range = try present()
        return unsafe String(decoding: received[range], as: UTF8.self)
    }
}
