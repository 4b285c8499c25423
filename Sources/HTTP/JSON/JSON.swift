/// A JSON value (RFC 8259) as the wire carried it.
///
/// Numbers keep their exact text unless they are integers that fit `Int64`: money must never
/// travel through a binary fraction.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Any other number, as it was written: `12.50`, `1e3`, `9223372036854775808`.
    case decimal(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

// MARK: Reading

extension JSON {
    package var isNull: Bool { self == .null }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    /// The text of any number, integers included.
    package var decimal: String? {
        switch self {
        case .integer(let value): String(value)
        case .decimal(let text): text
        default: nil
        }
    }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var array: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var object: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    /// The member of that name, or nil when this is no object, lacks it, or holds `null` there.
    package subscript(name: String) -> JSON? {
        guard let value = object?[name], !value.isNull else { return nil }
        return value
    }

    package subscript(position: Int) -> JSON? {
        guard let array, array.indices.contains(position) else { return nil }
        return array[position]
    }
}

/// The members of a JSON object, in the order of the text; no name occurs twice.
package struct JSONObject: Sendable {
    package typealias Member = (name: String, value: JSON)
    package private(set) var members: [Member]

    package init(_ members: [Member] = []) {
        self.members = members
    }

    /// Linear on purpose: requests have a handful of members, and hashing them costs more.
    package subscript(name: String) -> JSON? {
        for member in members where member.name == name { return member.value }
        return nil
    }

    package mutating func append(_ name: String, _ value: JSON) {
        members.append((name, value))
    }
}

extension JSONObject: Equatable {
    /// Equal regardless of order, as RFC 8259 calls objects unordered.
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.count == right.members.count
            && left.members.allSatisfy { right[$0.name] == $0.value }
    }
}

// MARK: Literals

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements.map { (name: $0.0, value: $0.1) }))
    }
}

// MARK: Writing

extension JSON {
    /// The shortest text: no white space, members in their order.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    package var text: String { String(decoding: encoded(), as: UTF8.self) }

    package func encode(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): JSONText.append(value, to: &bytes)
        case .decimal(let text): bytes.append(contentsOf: text.utf8)
        case .string(let value): JSONText.append(quoted: value, to: &bytes)
        case .array(let elements): Self.encode(elements, into: &bytes)
        case .object(let object): Self.encode(object, into: &bytes)
        }
    }

    private static func encode(_ elements: [JSON], into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        for (position, element) in elements.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            element.encode(into: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private static func encode(_ object: JSONObject, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for (position, member) in object.members.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(quoted: member.name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.value.encode(into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
