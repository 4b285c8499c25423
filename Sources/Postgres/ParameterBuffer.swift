import CPostgres

/// The parameters of one statement in the shape libpq takes them, in memory that is used again.
@safe
final class ParameterBuffer {
    private var writer = ByteWriter()
    private var offsets: [Int] = []
    private var pointers: [UnsafePointer<CChar>?] = unsafe []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// The most parameters the protocol can count.
    static let valuesMax = 65_535

    /// Sends the execution of a prepared statement, and says whether libpq took it.
    ///
    /// libpq copies the values before it returns, so the memory can serve the next statement.
    func execute(_ name: String, _ values: [SQLValue], on handle: OpaquePointer) -> Bool {
        precondition(values.count <= Self.valuesMax, "lists of values belong in array parameters")
        encode(values)
        defer { clear() }
        return unsafe PQsendQueryPrepared(
            handle, name, Int32(values.count), pointers, lengths, formats, 1) == 1
    }

    private func encode(_ values: [SQLValue]) {
        for value in values {
            let start = writer.count
            offsets.append(writer.write(value) ? start : -1)
            lengths.append(Int32(clamping: writer.count - start))
            formats.append(1)
        }
        // Only now: the memory may have moved while it grew.
        let base = unsafe writer.bytes.assumingMemoryBound(to: CChar.self)
        for offset in offsets {
            unsafe pointers.append(offset < 0 ? nil : base + offset)
        }
    }

    private func clear() {
        writer.removeAll()
        offsets.removeAll(keepingCapacity: true)
        unsafe pointers.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
    }
}
