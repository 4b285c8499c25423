/// The two scalars that every JSON text is made of: quoted strings and integers.
enum JSONText {
    /// Appends `text` in quotes, escaping what RFC 8259 §7 requires and nothing more.
    static func append(quoted text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        if needsEscape(bytes.span, from: start) {
            bytes.removeSubrange(start...)
            for byte in text.utf8 { append(escaping: byte, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Almost no text does, so that it is cheapest to copy first and look then.
    private static func needsEscape(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        for position in start..<bytes.count {
            switch bytes[position] {
            case 0..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"): return true
            default: continue
            }
        }
        return false
    }

    private static func append(escaping byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(hexDigit(byte >> 4))
            bytes.append(hexDigit(byte & 0xF))
        default: bytes.append(byte)
        }
    }

    static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    /// Appends the decimal digits of `value`, most significant first.
    static func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var digits = InlineArray<19, UInt8>(repeating: 0)
        var start = digits.count
        var rest = value.magnitude
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(digits.span.extracting(start..<digits.count), to: &bytes)
    }

    /// Appends ASCII in quotes that needs no escape.
    static func append(quoted ascii: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        append(ascii, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private static func append(_ ascii: Span<UInt8>, to bytes: inout [UInt8]) {
        unsafe ascii.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
}
