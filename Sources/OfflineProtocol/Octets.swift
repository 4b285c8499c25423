/// Why bytes are no object of OFP1. Decoders are strict: each object has exactly one encoding.
package enum DecodingFault: Error, Equatable, CaseIterable, Sendable {
    case wrongLength
    case unknownType
    /// A counter, hop or count of zero, or an amount or total of 2³¹ and more.
    case valueOutOfRange
    case amountMustBePositive
    case sourceSpentBelowAmount
    case sentTotalBelowSourceSpent
    case pointNotOnCurve
    /// Not UTF-8, or with characters that no name or memo needs and that could deceive.
    case textInvalid
    case notSorted
    /// A payment whose certificates or records are not exactly those it needs, in their order.
    case chainInvalid
    case alphabet
    case notCanonical
}

extension String {
    /// As UTF-8. By way of a span: other ways bring half of Unicode into a page's program.
    var octets: [UInt8] {
        let span = utf8.span
        var octets: [UInt8] = []
        octets.reserveCapacity(span.count)
        for index in span.indices { octets.append(span[index]) }
        return octets
    }
}

/// Reads fixed-width big-endian fields; what is too short throws, what is left over too.
struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func take(_ count: Int) throws(DecodingFault) -> [UInt8] {
        guard count <= remaining else { throw .wrongLength }
        defer { position += count }
        var taken: [UInt8] = []
        taken.reserveCapacity(count)
        for index in position..<position + count { taken.append(bytes[index]) }
        return taken
    }

    mutating func uint8() throws(DecodingFault) -> UInt8 {
        guard remaining >= 1 else { throw .wrongLength }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func uint16() throws(DecodingFault) -> UInt16 {
        UInt16(try uint8()) << 8 | UInt16(try uint8())
    }

    mutating func uint32() throws(DecodingFault) -> UInt32 {
        UInt32(try uint16()) << 16 | UInt32(try uint16())
    }

    mutating func uint64() throws(DecodingFault) -> UInt64 {
        UInt64(try uint32()) << 32 | UInt64(try uint32())
    }

    /// An amount, a total or a counter.
    mutating func value() throws(DecodingFault) -> UInt32 {
        let value = try uint32()
        guard value <= .valueMax else { throw .valueOutOfRange }
        return value
    }

    mutating func type(_ expected: ObjectType) throws(DecodingFault) {
        guard try uint8() == expected.rawValue else { throw .unknownType }
    }

    mutating func wallet() throws(DecodingFault) -> WalletID { WalletID(try uint64()) }

    mutating func id() throws(DecodingFault) -> ObjectID {
        ObjectID(try uint64(), try uint64())
    }

    /// A length of four bytes, then so many.
    mutating func field() throws(DecodingFault) -> [UInt8] {
        // An `Int` has 32 bits in a browser.
        guard let count = Int(exactly: try uint32()) else { throw .wrongLength }
        return try take(count)
    }

    /// A length of one byte, then so much UTF-8.
    mutating func text(bytesMax: Int) throws(DecodingFault) -> [UInt8] {
        let count = Int(try uint8())
        guard count <= bytesMax else { throw .wrongLength }
        let text = try take(count)
        guard PlainText.isValid(text) else { throw .textInvalid }
        return text
    }

    func end() throws(DecodingFault) {
        guard remaining == 0 else { throw .wrongLength }
    }
}

/// Writes what `ByteReader` reads.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func put(_ more: [UInt8]) { bytes += more }
    mutating func put(_ value: UInt8) { bytes.append(value) }

    mutating func put(_ value: UInt16) {
        put(UInt8(value >> 8))
        put(UInt8(truncatingIfNeeded: value))
    }

    mutating func put(_ value: UInt32) {
        put(UInt16(value >> 16))
        put(UInt16(truncatingIfNeeded: value))
    }

    mutating func put(_ value: UInt64) {
        put(UInt32(value >> 32))
        put(UInt32(truncatingIfNeeded: value))
    }

    mutating func put(_ type: ObjectType) { put(type.rawValue) }
    mutating func put(_ wallet: WalletID) { put(wallet.number) }

    mutating func put(_ id: ObjectID) {
        put(id.high)
        put(id.low)
    }

    mutating func put(field: [UInt8]) {
        put(UInt32(field.count))
        put(field)
    }

    mutating func put(text: [UInt8]) {
        precondition(text.count <= 255, "the length of a text is one byte")
        put(UInt8(text.count))
        put(text)
    }
}

extension UInt32 {
    /// The largest amount, total or counter: sums of two never overflow.
    static let valueMax: UInt32 = 1 << 31 - 1
}

/// Fields of an object whose length was checked.
extension Array where Element == UInt8 {
    func number<Value: FixedWidthInteger>(at index: Int) -> Value {
        var value: Value = 0
        for offset in 0..<(Value.bitWidth / 8) {
            value = value << 8 | Value(truncatingIfNeeded: self[index + offset])
        }
        return value
    }

    func id(at index: Int) -> ObjectID { ObjectID(number(at: index), number(at: index + 8)) }

    mutating func put<Value: FixedWidthInteger>(_ value: Value, at index: Int) {
        var rest = value
        for offset in (0..<(Value.bitWidth / 8)).reversed() {
            self[index + offset] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
    }

    mutating func put(_ id: ObjectID, at index: Int) {
        put(id.high, at: index)
        put(id.low, at: index + 8)
    }
}

/// The first byte of an object: its type in the high half, the version of its layout in the low.
package enum ObjectType: UInt8, Sendable {
    case certificate = 0x11
    case record = 0x12
    case payment = 0x21
    case request = 0x22
    case acknowledgement = 0x23
    case decline = 0x24
    case receipt = 0x32
    case fraudProof = 0x41
    case revocations = 0x51
    case issuerKeys = 0x61
}

/// UTF-8 (RFC 3629) without control characters and without the marks that turn the direction of
/// writing: a name on a payer's screen must be what it seems.
enum PlainText {
    static func isValid(_ text: [UInt8]) -> Bool {
        var index = 0
        while index < text.count {
            guard let (scalar, length) = scalar(in: text, at: index), isHarmless(scalar)
            else { return false }
            index += length
        }
        return true
    }

    private static func isHarmless(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7F..<0xA0: false
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: false
        default: true
        }
    }

    private static func scalar(in text: [UInt8], at index: Int) -> (UInt32, Int)? {
        let first = text[index]
        let (length, mask, least): (Int, UInt8, UInt32)
        switch first {
        case 0..<0x80: return (UInt32(first), 1)
        case 0xC2..<0xE0: (length, mask, least) = (2, 0x1F, 0x80)
        case 0xE0..<0xF0: (length, mask, least) = (3, 0x0F, 0x800)
        case 0xF0..<0xF5: (length, mask, least) = (4, 0x07, 0x10000)
        default: return nil
        }
        guard index + length <= text.count else { return nil }
        var scalar = UInt32(first & mask)
        for byte in text[(index + 1)..<(index + length)] {
            guard byte & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        let isSurrogate = (0xD800..<0xE000).contains(scalar)
        guard scalar >= least, scalar < 0x11_0000, !isSurrogate else { return nil }
        return (scalar, length)
    }
}
