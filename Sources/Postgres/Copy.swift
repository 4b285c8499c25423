import CPostgres

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
        unsafe CopyFormat.signature.withUnsafeBytes { unsafe writer.put($0) }
        writer.put(CopyFormat.flags)
        writer.put(CopyFormat.extensionBytes)
        for row in rows {
            writer.put(Int16(row.count))
            for value in row { writer.writeWithLength(value) }
            if writer.count >= CopyFormat.chunkBytes { try flush(&writer) }
        }
        writer.put(CopyFormat.end)
        try flush(&writer)
    }

    private func flush(_ writer: inout ByteWriter) throws(DatabaseError) {
        let bytes = unsafe writer.bytes.assumingMemoryBound(to: CChar.self)
        guard unsafe PQputCopyData(handle, bytes, Int32(writer.count)) == 1 else {
            throw .connection(message)
        }
        writer.removeAll()
    }

    fileprivate func endCopy() throws(DatabaseError) -> Int {
        guard unsafe PQputCopyEnd(handle, nil) == 1 else { throw .connection(message) }
        var outcome: Result<QueryResult, DatabaseError> = .failure(.connection(message))
        if let raw = unsafe PQgetResult(handle) { outcome = unsafe simpleOutcome(of: raw) }
        while let more = unsafe PQgetResult(handle) { unsafe PQclear(more) }
        return try outcome.get().affected
    }
}
