import CPostgres
package import Values

/// COPY in binary: the fastest way in and out for many rows. The layout is that of PostgreSQL's
/// manual, chapter "COPY", section "Binary Format".
enum CopyFormat {
    static let signature: [UInt8] = [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00,
    ]
    static let flags: Int32 = 0
    static let extensionBytes: Int32 = 0
    static let end: Int16 = -1
    /// How much is gathered before it is handed to libpq.
    static let chunkBytes = 64 * 1024
}

extension Transaction {
    /// Writes rows into `target`, a table and its columns: `"ledger.entries (id, amount)"`.
    ///
    /// Nothing is converted: each value's type must be its column's own. Returns the rows written.
    @discardableResult
    package func copy(
        into target: SQL, _ rows: some Sequence<[SQLValue]>
    ) throws(DatabaseError) -> Int {
        precondition(target.values.isEmpty, "COPY takes no values beside its rows")
        return try connection.copy(into: target.text, rows)
    }
}

extension Connection {
    fileprivate func copy(
        into target: String, _ rows: some Sequence<[SQLValue]>
    ) throws(DatabaseError) -> Int {
        let link = try linkInTransaction()
        do throws(DatabaseError) {
            _ = try link.simple("COPY \(target) FROM STDIN (FORMAT binary)").get()
            try link.send(rows)
            return try link.endCopy()
        } catch {
            throw fail(error)
        }
    }
}

extension Link {
    fileprivate func send(_ rows: some Sequence<[SQLValue]>) throws(DatabaseError) {
        var writer = ByteWriter()
        start(&writer)
        for row in rows {
            writer.put(Int16(row.count))
            for value in row { writer.writeWithLength(value) }
            if writer.count >= CopyFormat.chunkBytes { try flush(&writer) }
        }
        writer.put(CopyFormat.end)
        try flush(&writer)
    }

    fileprivate func start(_ writer: inout ByteWriter) {
        unsafe CopyFormat.signature.withUnsafeBytes { unsafe writer.put($0) }
        writer.put(CopyFormat.flags)
        writer.put(CopyFormat.extensionBytes)
    }

    fileprivate func flush(_ writer: inout ByteWriter) throws(DatabaseError) {
        expectAnswer()
        defer { expectNothing() }
        let bytes = unsafe writer.bytes.assumingMemoryBound(to: CChar.self)
        guard unsafe PQputCopyData(handle, bytes, Int32(writer.count)) == 1 else {
            throw .connection(message)
        }
        writer.removeAll()
    }

    fileprivate func endCopy() throws(DatabaseError) -> Int {
        expectAnswer()
        defer { expectNothing() }
        guard unsafe PQputCopyEnd(handle, nil) == 1 else { throw .connection(message) }
        var outcome: Result<QueryResult, DatabaseError> = .failure(.connection(message))
        if let raw = unsafe PQgetResult(handle) { outcome = unsafe simpleOutcome(of: raw) }
        while let more = unsafe PQgetResult(handle) { unsafe PQclear(more) }
        return try outcome.get().affected
    }
}

/// The fields of rows on their way into COPY, each in its column's own type, one after another.
package struct CopyFields: ~Copyable {
    fileprivate var writer = ByteWriter()

    package mutating func put(_ number: some FixedWidthInteger & BitwiseCopyable) {
        writer.put(Int32(number.bitWidth / 8))
        writer.put(number)
    }

    package mutating func put(_ flag: Bool) { put(UInt8(flag ? 1 : 0)) }

    package mutating func put(_ moment: Timestamp) { writer.writeWithLength(.timestamp(moment)) }

    /// A UUID.
    package mutating func put(high: UInt64, low: UInt64) {
        writer.put(Int32(16))
        writer.put(high)
        writer.put(low)
    }

    package mutating func putNull() { writer.put(Int32(-1)) }
}

extension Connection {
    /// Writes rows into `target`, a table and its columns, in the transaction that is open.
    ///
    /// For rows in great number: `put` lays out the fields of one row, and nothing stands between
    /// them and the wire. Returns the rows written.
    @discardableResult
    package func copy(
        into target: SQL, columns: Int, rows: Int, _ put: (Int, inout CopyFields) -> Void
    ) throws(DatabaseError) -> Int {
        precondition(target.values.isEmpty, "COPY takes no values beside its rows")
        let link = try linkInTransaction()
        do throws(DatabaseError) {
            _ = try link.simple("COPY \(target.text) FROM STDIN (FORMAT binary)").get()
            try link.send(columns: columns, rows: rows, put)
            return try link.endCopy()
        } catch {
            throw fail(error)
        }
    }
}

extension Link {
    fileprivate func send(
        columns: Int, rows: Int, _ put: (Int, inout CopyFields) -> Void
    ) throws(DatabaseError) {
        var fields = CopyFields()
        start(&fields.writer)
        for row in 0..<rows {
            fields.writer.put(Int16(columns))
            put(row, &fields)
            if fields.writer.count >= CopyFormat.chunkBytes { try flush(&fields.writer) }
        }
        fields.writer.put(CopyFormat.end)
        try flush(&fields.writer)
    }
}
