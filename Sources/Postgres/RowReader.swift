package import Values

/// Reads one row column by column, in order: the same words for rows that come from the server and
/// for rows of a dump.
///
/// Each method reads the next column as the type that its table gives it, or throws `.decoding`.
package protocol RowReader: ~Copyable {
    /// The column that was read last, counted from 0.
    var column: Int { get }

    mutating func int16OrNull() throws(DatabaseError) -> Int16?
    mutating func int64OrNull() throws(DatabaseError) -> Int64?
    mutating func boolOrNull() throws(DatabaseError) -> Bool?
    mutating func timestampOrNull() throws(DatabaseError) -> Timestamp?
    /// A `date`, as days since 1970-01-01.
    mutating func dayOrNull() throws(DatabaseError) -> Int64?
    mutating func uuidOrNull() throws(DatabaseError) -> (high: UInt64, low: UInt64)?
    mutating func bytesOrNull() throws(DatabaseError) -> [UInt8]?
    mutating func textOrNull() throws(DatabaseError) -> String?
}

extension RowReader where Self: ~Copyable {
    package mutating func int16() throws(DatabaseError) -> Int16 { try present(int16OrNull()) }
    package mutating func int64() throws(DatabaseError) -> Int64 { try present(int64OrNull()) }
    package mutating func bool() throws(DatabaseError) -> Bool { try present(boolOrNull()) }
    package mutating func timestamp() throws(DatabaseError) -> Timestamp {
        try present(timestampOrNull())
    }
    package mutating func day() throws(DatabaseError) -> Int64 { try present(dayOrNull()) }
    package mutating func bytes() throws(DatabaseError) -> [UInt8] { try present(bytesOrNull()) }
    package mutating func text() throws(DatabaseError) -> String { try present(textOrNull()) }

    private func present<Value>(_ value: Value?) throws(DatabaseError) -> Value {
        guard let value else { throw .decoding(column: column, expected: "a value") }
        return value
    }
}

extension Timestamp {
    /// The years that four digits can write; the server's calendar is longer.
    private static let microsecondsReadable: ClosedRange<Int64> =
        -62_135_596_800_000_000...253_402_300_799_999_999

    /// Nil when the moment is in no year from 1 to 9999.
    init?(readable microseconds: Int64) {
        guard Self.microsecondsReadable.contains(microseconds) else { return nil }
        self.init(microseconds: microseconds)
    }
}
