/// Reads one flat JSON object of plain strings and whole numbers, as the claims of a token are.
///
/// Far stricter than JSON: no white space, no escapes, no nesting, no duplicate names.
struct FlatJSON {
    enum Value: Equatable {
        case text(String)
        case integer(Int64)
    }

    /// More digits than any moment needs, fewer than could overflow once in microseconds.
    static let digitsMax = 12
    static let fieldsMax = 16

    private let bytes: [UInt8]
    private var position = 0

    private init(bytes: [UInt8]) { self.bytes = bytes }

    static func object(_ bytes: [UInt8]) -> [String: Value]? {
        var reader = FlatJSON(bytes: bytes)
        guard let fields = reader.object(), reader.position == bytes.count else { return nil }
        return fields
    }

    /// Printable ASCII without quotation mark and reverse solidus: needs no escape.
    static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy(isPlain) }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func object() -> [String: Value]? {
        guard skip("{") else { return nil }
        var fields: [String: Value] = [:]
        repeat {
            guard let name = string(), skip(":"), let value = value(), fields[name] == nil,
                fields.count < Self.fieldsMax
            else { return nil }
            fields[name] = value
        } while skip(",")
        return skip("}") ? fields : nil
    }

    private mutating func value() -> Value? {
        if let text = string() { return .text(text) }
        return integer().map(Value.integer)
    }

    private mutating func string() -> String? {
        guard skip("\"") else { return nil }
        let text = take(while: Self.isPlain)
        guard skip("\"") else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func integer() -> Int64? {
        let digits = take { (0x30...0x39).contains($0) }
        guard (1...Self.digitsMax).contains(digits.count),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    private mutating func take(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let taken = bytes[position...].prefix(while: isWanted)
        position = taken.endIndex
        return taken
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else {
            return false
        }
        position += 1
        return true
    }
}
