/// Strict RFC 8259: one value, valid UTF-8, no duplicate names, bounded depth and numbers.
///
/// What other parsers read differently is refused here, so that two systems never see two
/// different payments in one text.
struct JSONParser {
    private let bytes: [UInt8]
    private let depthMax: Int
    private var position = 0

    /// Digits, sign, point and exponent together; more than any amount or rate will ever need.
    static let numberBytesMax = 64

    init(_ bytes: [UInt8], depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    mutating func parse() throws(JSONError) -> JSON {
        do { _ = try UTF8Span(validating: bytes.span) } catch { throw fail(.notUTF8) }
        skipWhiteSpace()
        let value = try value(depth: 0)
        skipWhiteSpace()
        guard position == bytes.count else { throw fail(.trailingBytes) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        switch try peek() {
        case UInt8(ascii: "{"): .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): .string(try string())
        case UInt8(ascii: "t"): try keyword("true", .bool(true))
        case UInt8(ascii: "f"): try keyword("false", .bool(false))
        case UInt8(ascii: "n"): try keyword("null", .null)
        default: try number()
        }
    }

    // MARK: Containers

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        try open(depth: depth)
        var object = JSONObject()
        if try closes(UInt8(ascii: "}")) { return object }
        var names = Names()
        repeat {
            guard try peek() == UInt8(ascii: "\"") else { throw fail(.unexpectedByte) }
            let start = position
            let name = try string()
            guard names.insert(name, into: object) else { throw fail(.duplicateName, at: start) }
            skipWhiteSpace()
            try expect(UInt8(ascii: ":"))
            skipWhiteSpace()
            object.append(name, try value(depth: depth))
        } while try continues(until: UInt8(ascii: "}"))
        return object
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSON] {
        try open(depth: depth)
        var elements: [JSON] = []
        if try closes(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try value(depth: depth))
        } while try continues(until: UInt8(ascii: "]"))
        return elements
    }

    private mutating func open(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw fail(.tooDeep) }
        position += 1
        skipWhiteSpace()
    }

    private mutating func closes(_ end: UInt8) throws(JSONError) -> Bool {
        guard try peek() == end else { return false }
        position += 1
        return true
    }

    /// After an element: true past a comma, false past the end, and an error at anything else.
    private mutating func continues(until end: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        if try closes(end) { return false }
        try expect(UInt8(ascii: ","))
        skipWhiteSpace()
        return true
    }

    // MARK: Scalars

    private mutating func keyword(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for scalar in text.description.utf8 { try expect(scalar) }
        return value
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        var scan = NumberScan(position: position)
        position = scan.run(bytes)
        guard scan.isValid else { throw fail(reasonOfBadNumber(from: start)) }
        guard position - start <= Self.numberBytesMax else {
            throw fail(.numberTooLong, at: start)
        }
        if let integer = scan.integer { return .integer(integer) }
        return .decimal(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private func reasonOfBadNumber(from start: Int) -> JSONError.Reason {
        if position == start { return .unexpectedByte }
        let mightGoOn = position == bytes.count && ASCII.digitValue(bytes[position - 1]) == nil
        return mightGoOn ? .unexpectedEnd : .invalidNumber
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return String(decoding: bytes[start..<position - 1], as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw fail(.controlCharacter) }
            position += 1
        }
        throw fail(.unexpectedEnd)
    }

    /// The slow road, taken from the first backslash on.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try escape()).utf8)
            default:
                guard byte >= 0x20 else { throw fail(.controlCharacter) }
                text.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        position += 1
        let letter = try peek()
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw fail(.invalidEscape, at: position - 1)
        }
    }

    /// `\uXXXX`, or two of them that form a surrogate pair (RFC 8259 §7).
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw fail(.loneSurrogate, at: start) }
        position += 2
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second) else { throw fail(.loneSurrogate, at: start) }
        let value = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        guard let scalar = Unicode.Scalar(value) else { throw fail(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = ASCII.hexValue(try peek()) else { throw fail(.invalidEscape) }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    // MARK: Steps

    private func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw fail(.unexpectedEnd) }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw fail(.unexpectedByte) }
        position += 1
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private func fail(_ reason: JSONError.Reason, at offset: Int? = nil) -> JSONError {
        JSONError(reason: reason, offset: offset ?? position)
    }
}

/// Sees that no name comes twice: by looking back while an object is small, by hashing after.
private struct Names {
    private var hashed: Set<String> = []
    private static let lookBackMax = 16

    mutating func insert(_ name: String, into object: JSONObject) -> Bool {
        if object.members.count < Self.lookBackMax { return object[name] == nil }
        if hashed.isEmpty { hashed = Set(object.members.map(\.name)) }
        return hashed.insert(name).inserted
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`, and its value while it fits `Int64`.
private struct NumberScan {
    var position: Int
    private(set) var isValid = false
    private(set) var integer: Int64?

    init(position: Int) { self.position = position }

    /// Returns the position after the last byte that belongs to the number.
    mutating func run(_ bytes: [UInt8]) -> Int {
        let isNegative = skip(UInt8(ascii: "-"), in: bytes)
        let start = position
        integer = wholePart(bytes, isNegative: isNegative)
        let digits = position - start
        guard digits > 0, digits == 1 || bytes[start] != UInt8(ascii: "0") else { return position }
        isValid = true
        if skip(UInt8(ascii: "."), in: bytes) { fraction(bytes) }
        if isValid, skip(UInt8(ascii: "e"), in: bytes) || skip(UInt8(ascii: "E"), in: bytes) {
            _ = skip(UInt8(ascii: "+"), in: bytes) || skip(UInt8(ascii: "-"), in: bytes)
            fraction(bytes)
        }
        return position
    }

    /// Counts downwards for negative numbers, because `Int64.min` has no positive twin.
    private mutating func wholePart(_ bytes: [UInt8], isNegative: Bool) -> Int64? {
        var value: Int64? = 0
        while position < bytes.count, let digit = ASCII.digitValue(bytes[position]) {
            value = value.flatMap { Self.append(isNegative ? -digit : digit, to: $0) }
            position += 1
        }
        return value
    }

    private static func append(_ digit: Int64, to value: Int64) -> Int64? {
        let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
        let (sum, sumOverflows) = product.addingReportingOverflow(digit)
        return productOverflows || sumOverflows ? nil : sum
    }

    private mutating func fraction(_ bytes: [UInt8]) {
        integer = nil
        let start = position
        while position < bytes.count, ASCII.digitValue(bytes[position]) != nil { position += 1 }
        isValid = position > start
    }

    private mutating func skip(_ byte: UInt8, in bytes: [UInt8]) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }
}

extension JSON {
    /// Levels of arrays and objects inside each other.
    package static let depthMaxDefault = 32

    /// Reads one JSON text.
    package init(
        parsing bytes: [UInt8], depthMax: Int = depthMaxDefault
    ) throws(JSONError) {
        var parser = JSONParser(bytes, depthMax: depthMax)
        self = try parser.parse()
    }

    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }
}
