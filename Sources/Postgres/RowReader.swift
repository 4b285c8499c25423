package import Values

/// Reads one row column by column, in order: the same words for rows that come from the server and
/// for rows of a dump.
///
/// Each method reads the next column as the type that its table gives it, or throws `.decoding`.
/// Readers write each of them out, so that none is generic: a line of the journal is 18 calls.
package protocol RowReader: ~Copyable {
    /// The column that was read last, counted from 0.
    var column: Int { get }

    mutating func int16() throws(DatabaseError) -> Int16
    mutating func int32() throws(DatabaseError) -> Int32
    mutating func int32OrNull() throws(DatabaseError) -> Int32?
    mutating func int64() throws(DatabaseError) -> Int64
    mutating func int64OrNull() throws(DatabaseError) -> Int64?
    mutating func bool() throws(DatabaseError) -> Bool
    mutating func timestamp() throws(DatabaseError) -> Timestamp
    mutating func timestampOrNull() throws(DatabaseError) -> Timestamp?
    /// A `date`, as days since 1970-01-01, in a year from 1 to 9999 as moments are.
    mutating func day() throws(DatabaseError) -> Int64
    mutating func uuidOrNull() throws(DatabaseError) -> (high: UInt64, low: UInt64)?
    mutating func bytes() throws(DatabaseError) -> [UInt8]
    mutating func text() throws(DatabaseError) -> String
}

extension Timestamp {
    /// The years that four digits can write; the server's calendar is longer.
    private static let microsecondsReadable: ClosedRange<Int64> =
        -62_135_596_800_000_000...253_402_300_799_999_999

    /// The same years in days since 1970-01-01.
    static let daysReadable: ClosedRange<Int64> = -719_162...2_932_896

    /// Nil when the moment is in no year from 1 to 9999.
    init?(readable microseconds: Int64) {
        guard Self.microsecondsReadable.contains(microseconds) else { return nil }
        self.init(microseconds: microseconds)
    }
}
