package import Values

/// What a column can be read as.
package protocol SQLDecodable {
    init(cell: borrowing SQLCell) throws(DatabaseError)
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = cell.isNull ? nil : try Wrapped(cell: cell)
    }
}

/// An enumeration reads as its raw value, and a value it does not know is an error.
extension SQLDecodable where Self: RawRepresentable, RawValue: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard let value = Self(rawValue: try RawValue(cell: cell)) else {
            throw cell.mismatch("\(Self.self)")
        }
        self = value
    }
}

// MARK: Numbers

extension Int16: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = try cell.integer()
    }
}

extension Int32: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = try cell.integer()
    }
}

extension Int64: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = try cell.integer()
    }
}

extension Int: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = try cell.integer()
    }
}

/// Reads whole numbers of every kind, `numeric` included, which is what `sum` of a `bigint` gives.
extension Int128: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        if cell.type == .numeric {
            self = try cell.numeric()
        } else {
            self = Int128(try cell.integer() as Int64)
        }
    }
}

extension Bool: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard cell.type == .bool, let byte: UInt8 = cell.number() else {
            throw cell.mismatch("a boolean")
        }
        self = byte != 0
    }
}

// MARK: Text and bytes

extension String: SQLDecodable {
    /// Reads text, names, enumerations of the database and JSON of both kinds.
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard let bytes = unsafe cell.bytes, cell.isText else { throw cell.mismatch("text") }
        // The binary form of `jsonb` is a version, 1, before the text.
        let start = cell.type == .jsonb ? 1 : 0
        self = unsafe String(decoding: bytes.dropFirst(start), as: UTF8.self)
    }
}

extension Currency: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard let currency = Currency(try String(cell: cell)) else {
            throw cell.mismatch("a currency")
        }
        self = currency
    }
}

// MARK: Moments and ids

extension Timestamp: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        // `infinity` and the last years of the server's calendar do not fit and are refused.
        guard cell.type == .timestamp, let since: Int64 = cell.number(),
            since != .min, since != .max,
            case let (sum, false) = since.addingReportingOverflow(ByteWriter.epochMicroseconds)
        else { throw cell.mismatch("a moment") }
        self.init(microseconds: sum)
    }
}

extension ID: SQLDecodable {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        guard cell.type == .uuid, let bytes = unsafe cell.bytes, bytes.count == 16 else {
            throw cell.mismatch("an id")
        }
        self.init(
            high: unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: unsafe UInt64(
                bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}

// MARK: Arrays

/// What an array of the server can be read as the elements of.
package protocol SQLDecodableElement {
    static func array(from cell: borrowing SQLCell) throws(DatabaseError) -> [Self]
}

extension SQLDecodableElement where Self: SQLDecodable {
    package static func array(from cell: borrowing SQLCell) throws(DatabaseError) -> [Self] {
        try cell.elements()
    }
}

extension Array: SQLDecodable where Element: SQLDecodableElement {
    package init(cell: borrowing SQLCell) throws(DatabaseError) {
        self = try Element.array(from: cell)
    }
}

extension UInt8: SQLDecodableElement {
    package static func array(from cell: borrowing SQLCell) throws(DatabaseError) -> [UInt8] {
        guard cell.type == .bytes, let bytes = unsafe cell.bytes else {
            throw cell.mismatch("bytes")
        }
        return unsafe Array(bytes)
    }
}

extension Array: SQLDecodableElement where Element == UInt8 {}
extension Optional: SQLDecodableElement where Wrapped: SQLDecodable {}
extension Bool: SQLDecodableElement {}
extension Int16: SQLDecodableElement {}
extension Int32: SQLDecodableElement {}
extension Int64: SQLDecodableElement {}
extension Int: SQLDecodableElement {}
extension String: SQLDecodableElement {}
extension Timestamp: SQLDecodableElement {}
extension ID: SQLDecodableElement {}
extension Currency: SQLDecodableElement {}
