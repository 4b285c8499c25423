package import Values

/// Reads the rows of one table of a dump, in COPY's text format: chapter "COPY", section "Text
/// Format", of PostgreSQL's manual.
///
/// Stands at one row at a time. Every value is checked: a dump is a file that anyone may have
/// written.
@safe
package final class DumpReader: RowReader {
    private let file: DumpFile
    private let table: DumpFile.Table
    /// Which column of the file each wanted one is.
    private let places: [Int]
    /// Where each column of the current row begins, and one past the last's end.
    private var starts: [Int]
    package private(set) var column = -1

    /// The columns that are wanted, in the order in which they will be read.
    package init(
        _ file: DumpFile, _ name: StaticString, columns: [StaticString]
    ) throws(DumpError) {
        guard let table = file.tables[name.description] else {
            throw DumpError(
                "this dump holds no \(name): it is of another program, of an older Florin, or made "
                    + "without that table's data")
        }
        var places: [Int] = []
        for column in columns {
            guard let place = table.columns.firstIndex(of: column.description) else {
                throw DumpError(
                    "\(name) of this dump has no column \(column): it is of another version of "
                        + "Florin")
            }
            places.append(place)
        }
        self.file = file
        self.table = table
        self.places = places
        starts = Array(repeating: 0, count: table.columns.count + 1)
    }

    /// Stands at each row in the order of the file, and gives its place to `body`.
    package func eachRow(_ body: (_ place: Int) throws -> Void) throws {
        var position = table.rows.lowerBound
        while position < table.rows.upperBound {
            let end = try stand(at: position)
            try body(position)
            position = end + 1
        }
    }

    /// Goes to the row that begins at this place; returns where its newline is.
    @discardableResult
    package func stand(at place: Int) throws(DatabaseError) -> Int {
        column = -1
        let end = min(file.endOfLine(from: place), table.rows.upperBound)
        var count = 0
        starts[0] = place
        for position in place..<end where unsafe file.bytes[position] == 0x09 {
            count += 1
            guard count < starts.count - 1 else { break }
            starts[count] = position + 1
        }
        guard count == starts.count - 2 else {
            throw .decoding(column: places.count, expected: "what each row holds")
        }
        starts[count + 1] = end + 1
        return end
    }

    // MARK: Columns

    /// The bytes of the next column; nil for a null.
    private func next() throws(DatabaseError) -> Range<Int>? {
        column += 1
        guard places.indices.contains(column) else { throw mismatch("a column") }
        let place = places[column]
        let range = starts[place]..<starts[place + 1] - 1
        let isNull =
            range.count == 2 && byte(range.lowerBound) == UInt8(ascii: "\\")
            && byte(range.lowerBound + 1) == UInt8(ascii: "N")
        return isNull ? nil : range
    }

    private func byte(_ position: Int) -> UInt8 { unsafe file.bytes[position] }

    private func mismatch(_ expected: String) -> DatabaseError {
        .decoding(column: column, expected: expected)
    }

    /// Where the bytes of the next column are, which is no null.
    private func present() throws(DatabaseError) -> Range<Int> {
        guard let range = try next() else { throw mismatch("a value") }
        return range
    }

    private func number<Number: FixedWidthInteger>(
        at range: Range<Int>
    ) throws(DatabaseError) -> Number {
        var text = DumpText(file, range)
        guard let wide = text.integer(), text.isAtEnd, let number = Number(exactly: wide) else {
            throw mismatch("a whole number")
        }
        return number
    }

    package func int16() throws(DatabaseError) -> Int16 { try number(at: present()) }
    package func int32() throws(DatabaseError) -> Int32 { try number(at: present()) }
    package func int64() throws(DatabaseError) -> Int64 { try number(at: present()) }

    package func int32OrNull() throws(DatabaseError) -> Int32? {
        guard let range = try next() else { return nil }
        return try number(at: range)
    }

    package func int64OrNull() throws(DatabaseError) -> Int64? {
        guard let range = try next() else { return nil }
        return try number(at: range)
    }

    package func bool() throws(DatabaseError) -> Bool {
        let range = try present()
        guard range.count == 1 else { throw mismatch("a boolean") }
        switch byte(range.lowerBound) {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: throw mismatch("a boolean")
        }
    }

    package func timestamp() throws(DatabaseError) -> Timestamp { try timestamp(at: present()) }

    package func timestampOrNull() throws(DatabaseError) -> Timestamp? {
        guard let range = try next() else { return nil }
        return try timestamp(at: range)
    }

    private func timestamp(at range: Range<Int>) throws(DatabaseError) -> Timestamp {
        var text = DumpText(file, range)
        guard let moment = text.timestamp(), text.isAtEnd else { throw mismatch("a moment") }
        return moment
    }

    package func day() throws(DatabaseError) -> Int64 {
        var text = DumpText(file, try present())
        guard let day = text.day(), text.isAtEnd else { throw mismatch("a day") }
        return day
    }

    package func uuidOrNull() throws(DatabaseError) -> (high: UInt64, low: UInt64)? {
        guard let range = try next() else { return nil }
        var text = DumpText(file, range)
        guard let id = text.uuid(), text.isAtEnd else { throw mismatch("an id") }
        return id
    }

    package func bytes() throws(DatabaseError) -> [UInt8] {
        var text = DumpText(file, try present())
        guard let bytes = text.bytes(), text.isAtEnd else {
            throw mismatch("bytes in hexadecimal digits")
        }
        return bytes
    }

    package func text() throws(DatabaseError) -> String {
        var text = DumpText(file, try present())
        guard let value = text.text(), text.isAtEnd else { throw mismatch("text") }
        return value
    }
}
