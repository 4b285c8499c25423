package import Values

/// Writes JSON straight into bytes: no tree, no dictionary, no intermediate strings.
///
/// ```swift
/// var writer = JSONWriter()
/// writer.object {
///     $0.field("id", transfer.id.description)
///     $0.field("amount", transfer.amount)
///     $0.object("balance") { $0.field("available", available) }
/// }
/// ```
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8]
    /// Whether the next member or element needs a comma before it.
    private var needsComma = false

    package init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// A top-level object, or an element of the array being written.
    package mutating func object(_ write: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        try nest(UInt8(ascii: "{"), UInt8(ascii: "}"), write)
    }

    /// A top-level array, or an element of the array being written.
    package mutating func array(_ write: (inout JSONWriter) -> Void) {
        separate()
        nest(UInt8(ascii: "["), UInt8(ascii: "]"), write)
    }

    private mutating func nest(
        _ start: UInt8, _ end: UInt8, _ write: (inout JSONWriter) throws -> Void
    ) rethrows {
        bytes.append(start)
        needsComma = false
        try write(&self)
        bytes.append(end)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Names stand in our sources, where none needs an escape.
    private mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}

/// The contract's name for the writer inside an object.
package typealias JSONObjectWriter = JSONWriter

// MARK: Members of an object

extension JSONWriter {
    /// Writes `null` for nil; leave the call out where a member should be absent.
    package mutating func field(_ name: StaticString, _ value: String?) {
        self.name(name)
        if let value { JSONText.append(quoted: value, to: &bytes) } else { appendNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Int64?) {
        self.name(name)
        if let value { JSONText.append(value, to: &bytes) } else { appendNull() }
    }

    package mutating func field<Owner>(_ name: StaticString, _ id: ID<Owner>) {
        self.name(name)
        let characters = id.characters
        JSONText.append(quoted: characters.span, to: &bytes)
    }

    package mutating func field(_ name: StaticString, _ moment: Timestamp) {
        self.name(name)
        let characters = moment.characters
        JSONText.append(quoted: characters.span, to: &bytes)
    }

    package mutating func field(_ name: StaticString, moment: Timestamp?) {
        if let moment { field(name, moment) } else { null(name) }
    }

    package mutating func field(_ name: StaticString, _ value: Int) {
        field(name, Int64(value))
    }

    package mutating func field(_ name: StaticString, _ value: Bool?) {
        self.name(name)
        guard let value else { return appendNull() }
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func field(_ name: StaticString, _ value: JSON) {
        self.name(name)
        value.encode(into: &bytes)
    }

    package mutating func field(_ name: StaticString, _ values: [String]) {
        array(name, values) { $1.element($0) }
    }

    /// A fact of a refusal, under its own name.
    package mutating func field(_ fact: Fact) {
        separate()
        JSONText.append(quoted: fact.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        switch fact.value {
        case .integer(let value): JSONText.append(value, to: &bytes)
        case .text(let text): JSONText.append(quoted: text, to: &bytes)
        case .boolean(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .texts(let texts):
            nest(UInt8(ascii: "["), UInt8(ascii: "]")) { for text in texts { $0.element(text) } }
        }
    }

    package mutating func null(_ name: StaticString) {
        self.name(name)
        appendNull()
    }

    /// A number whose exact text the caller vouches for, such as a decimal amount.
    package mutating func literal(_ name: StaticString, _ number: String) {
        self.name(name)
        bytes.append(contentsOf: number.utf8)
    }

    package mutating func object(_ name: StaticString, _ write: (inout JSONWriter) -> Void) {
        self.name(name)
        nest(UInt8(ascii: "{"), UInt8(ascii: "}"), write)
    }

    package mutating func array(_ name: StaticString, _ write: (inout JSONWriter) -> Void) {
        self.name(name)
        nest(UInt8(ascii: "["), UInt8(ascii: "]"), write)
    }

    /// An array with one element for each item; the closure writes exactly one.
    package mutating func array<Item>(
        _ name: StaticString, _ items: some Sequence<Item>,
        _ write: (Item, inout JSONWriter) -> Void
    ) {
        array(name) { for item in items { write(item, &$0) } }
    }

    /// An array of objects; the closure writes the members of one.
    package mutating func objects<Item>(
        _ name: StaticString, _ items: some Sequence<Item>,
        _ write: (Item, inout JSONWriter) -> Void
    ) {
        array(name) { for item in items { $0.object { write(item, &$0) } } }
    }

    private mutating func appendNull() {
        bytes.append(contentsOf: "null".utf8)
    }
}

// MARK: Elements of an array

extension JSONWriter {
    package mutating func element(_ value: String) {
        separate()
        JSONText.append(quoted: value, to: &bytes)
    }

    package mutating func element(_ value: Int64) {
        separate()
        JSONText.append(value, to: &bytes)
    }

    package mutating func element(_ value: JSON) {
        separate()
        value.encode(into: &bytes)
    }
}
