package import Values

/// What may stand in a hole of `SQL`.
package protocol SQLBindable {
    var sqlValue: SQLValue { get }
    /// The type that a null of this kind has.
    static var sqlType: SQLType { get }
}

/// What may be an element of an array in a hole of `SQL`.
package protocol SQLElement {
    static var sqlArrayType: SQLType { get }
    static func sqlArray(_ values: [Self]) -> SQLValue
}

/// What may be missing inside an array.
package protocol SQLNullableElement: SQLElement {
    static func sqlArray(_ values: [Self?]) -> SQLValue
}

extension SQLValue: SQLBindable {
    package var sqlValue: SQLValue { self }
    package static var sqlType: SQLType { .unknown }
}

extension Optional: SQLBindable where Wrapped: SQLBindable {
    package var sqlValue: SQLValue { self?.sqlValue ?? .nullOf(Wrapped.sqlType) }
    package static var sqlType: SQLType { Wrapped.sqlType }
}

extension Array: SQLBindable where Element: SQLElement {
    package var sqlValue: SQLValue { Element.sqlArray(self) }
    package static var sqlType: SQLType { Element.sqlArrayType }
}

extension Optional: SQLElement where Wrapped: SQLNullableElement {
    package static var sqlArrayType: SQLType { Wrapped.sqlArrayType }
    package static func sqlArray(_ values: [Wrapped?]) -> SQLValue { Wrapped.sqlArray(values) }
}

// MARK: Enumerations, under their raw value

extension SQLBindable where Self: RawRepresentable, RawValue: SQLBindable {
    package var sqlValue: SQLValue { rawValue.sqlValue }
    package static var sqlType: SQLType { RawValue.sqlType }
}

extension SQLElement where Self: RawRepresentable, RawValue: SQLElement {
    package static var sqlArrayType: SQLType { RawValue.sqlArrayType }
    package static func sqlArray(_ values: [Self]) -> SQLValue {
        RawValue.sqlArray(values.map(\.rawValue))
    }
}

// MARK: The plain types

extension Bool: SQLBindable, SQLElement {
    package var sqlValue: SQLValue { .bool(self) }
    package static var sqlType: SQLType { .bool }
    package static var sqlArrayType: SQLType { .bools }
    package static func sqlArray(_ values: [Bool]) -> SQLValue { .bools(values) }
}

extension Int16: SQLBindable, SQLElement {
    package var sqlValue: SQLValue { .int16(self) }
    package static var sqlType: SQLType { .int16 }
    package static var sqlArrayType: SQLType { .int16s }
    package static func sqlArray(_ values: [Int16]) -> SQLValue { .int16s(values) }
}

extension Int32: SQLBindable, SQLElement {
    package var sqlValue: SQLValue { .int32(self) }
    package static var sqlType: SQLType { .int32 }
    package static var sqlArrayType: SQLType { .int32s }
    package static func sqlArray(_ values: [Int32]) -> SQLValue { .int32s(values) }
}

extension Int64: SQLBindable, SQLNullableElement {
    package var sqlValue: SQLValue { .int64(self) }
    package static var sqlType: SQLType { .int64 }
    package static var sqlArrayType: SQLType { .int64s }
    package static func sqlArray(_ values: [Int64]) -> SQLValue { .int64s(values) }
    package static func sqlArray(_ values: [Int64?]) -> SQLValue { .int64sOrNull(values) }
}

extension Int: SQLBindable, SQLElement {
    package var sqlValue: SQLValue { .int64(Int64(self)) }
    package static var sqlType: SQLType { .int64 }
    package static var sqlArrayType: SQLType { .int64s }
    package static func sqlArray(_ values: [Int]) -> SQLValue { .int64s(values.map(Int64.init)) }
}

extension String: SQLBindable, SQLNullableElement {
    package var sqlValue: SQLValue { .text(self) }
    package static var sqlType: SQLType { .text }
    package static var sqlArrayType: SQLType { .texts }
    package static func sqlArray(_ values: [String]) -> SQLValue { .texts(values) }
    package static func sqlArray(_ values: [String?]) -> SQLValue { .textsOrNull(values) }
}

/// An array of bytes is one value of type `bytea`.
extension UInt8: SQLElement {
    package static var sqlArrayType: SQLType { .bytes }
    package static func sqlArray(_ values: [UInt8]) -> SQLValue { .bytes(values) }
}

extension Array: SQLElement, SQLNullableElement where Element == UInt8 {
    package static var sqlArrayType: SQLType { .bytess }
    package static func sqlArray(_ values: [[UInt8]]) -> SQLValue { .bytess(values) }
    package static func sqlArray(_ values: [[UInt8]?]) -> SQLValue { .bytessOrNull(values) }
}

// MARK: Florin's vocabulary

extension Timestamp: SQLBindable, SQLNullableElement {
    package var sqlValue: SQLValue { .timestamp(self) }
    package static var sqlType: SQLType { .timestamp }
    package static var sqlArrayType: SQLType { .timestamps }
    package static func sqlArray(_ values: [Timestamp]) -> SQLValue { .timestamps(values) }
    package static func sqlArray(_ values: [Timestamp?]) -> SQLValue { .timestampsOrNull(values) }
}

extension ID: SQLBindable, SQLElement, SQLNullableElement {
    package var sqlValue: SQLValue { .uuid(high: high, low: low) }
    package static var sqlType: SQLType { .uuid }
    package static var sqlArrayType: SQLType { .uuids }
    package static func sqlArray(_ values: [ID]) -> SQLValue {
        .uuids(values.map { (high: $0.high, low: $0.low) })
    }
    package static func sqlArray(_ values: [ID?]) -> SQLValue {
        .uuidsOrNull(values.map { id in id.map { (high: $0.high, low: $0.low) } })
    }
}

extension Currency: SQLBindable, SQLElement {
    package var sqlValue: SQLValue { .text(code) }
    package static var sqlType: SQLType { .text }
    package static var sqlArrayType: SQLType { .texts }
    package static func sqlArray(_ values: [Currency]) -> SQLValue { .texts(values.map(\.code)) }
}
