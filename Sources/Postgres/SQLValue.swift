package import Values

/// A value on its way to the server, in the types Florin's tables use.
///
/// Each is sent in PostgreSQL's binary format under its own type, arrays included, so nothing is
/// quoted, escaped or parsed on the way.
package enum SQLValue: Sendable {
    /// A null whose type the server works out from where it stands.
    case null
    /// A null of a known type, for places that do not tell, such as `$1 IS NULL`.
    case nullOf(SQLType)
    case bool(Bool)
    case int16(Int16)
    case int32(Int32)
    case int64(Int64)
    case text(String)
    case bytes([UInt8])
    case uuid(high: UInt64, low: UInt64)
    case timestamp(Timestamp)

    case bools([Bool])
    case int16s([Int16])
    case int32s([Int32])
    case int64s([Int64])
    case int64sOrNull([Int64?])
    case texts([String])
    case textsOrNull([String?])
    case bytess([[UInt8]])
    case bytessOrNull([[UInt8]?])
    case uuids([(high: UInt64, low: UInt64)])
    case uuidsOrNull([(high: UInt64, low: UInt64)?])
    case timestamps([Timestamp])
    case timestampsOrNull([Timestamp?])
}

extension SQLValue {
    /// The type the server is told.
    package var type: SQLType {
        switch self {
        case .null: .unknown
        case .nullOf(let type): type
        case .bool: .bool
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .text: .text
        case .bytes: .bytes
        case .uuid: .uuid
        case .timestamp: .timestamp
        case .bools: .bools
        case .int16s: .int16s
        case .int32s: .int32s
        case .int64s, .int64sOrNull: .int64s
        case .texts, .textsOrNull: .texts
        case .bytess, .bytessOrNull: .bytess
        case .uuids, .uuidsOrNull: .uuids
        case .timestamps, .timestampsOrNull: .timestamps
        }
    }
}

extension SQLValue: CustomStringConvertible, CustomReflectable {
    /// The type only: bound values may be personal, and descriptions end in logs.
    package var description: String { "SQLValue(\(type))" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A type of the server, by its number in `pg_type.dat` of PostgreSQL's sources, which is for ever.
package struct SQLType: Sendable, Hashable {
    package let oid: UInt32

    package init(oid: UInt32) { self.oid = oid }

    package static let unknown = SQLType(oid: 0)
    package static let bool = SQLType(oid: 16)
    package static let bytes = SQLType(oid: 17)
    package static let name = SQLType(oid: 19)
    package static let int64 = SQLType(oid: 20)
    package static let int16 = SQLType(oid: 21)
    package static let int32 = SQLType(oid: 23)
    package static let text = SQLType(oid: 25)
    package static let json = SQLType(oid: 114)
    package static let character = SQLType(oid: 1042)
    package static let varchar = SQLType(oid: 1043)
    package static let timestamp = SQLType(oid: 1184)
    package static let numeric = SQLType(oid: 1700)
    package static let uuid = SQLType(oid: 2950)
    package static let jsonb = SQLType(oid: 3802)

    package static let bools = SQLType(oid: 1000)
    package static let bytess = SQLType(oid: 1001)
    package static let int16s = SQLType(oid: 1005)
    package static let int32s = SQLType(oid: 1007)
    package static let texts = SQLType(oid: 1009)
    package static let int64s = SQLType(oid: 1016)
    package static let timestamps = SQLType(oid: 1185)
    package static let uuids = SQLType(oid: 2951)

    /// The first number given to types that a database defines itself, enumerations among them.
    static let oidOfFirstUserType: UInt32 = 16_384
}
