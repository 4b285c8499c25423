/// A `numeric` of the server in binary is four 16-bit words (how many digits follow, the weight of
/// the first, the sign and the decimals to show) and then digits of base 10 000, each 16 bits:
/// `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`.
private enum NumericLayout {
    static let bytesOfHead = 8
    static let base: Int128 = 10_000
    static let signPositive: UInt16 = 0x0000
    static let signNegative: UInt16 = 0x4000
}

extension SQLCell {
    var isText: Bool {
        switch type {
        case .text, .varchar, .character, .name, .json, .jsonb: true
        default: type.oid >= SQLType.oidOfFirstUserType
        }
    }

    /// The bytes as one number, when they are exactly as many as it needs.
    func number<Number: FixedWidthInteger & BitwiseCopyable>() -> Number? {
        guard let bytes = unsafe bytes, bytes.count == MemoryLayout<Number>.size else {
            return nil
        }
        return unsafe Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }

    /// An integer column of any width, when the value fits.
    func integer<Number: FixedWidthInteger>() throws(DatabaseError) -> Number {
        let wide: Int64? =
            switch type {
            case .int64: number()
            case .int32: (number() as Int32?).map(Int64.init)
            case .int16: (number() as Int16?).map(Int64.init)
            default: nil
            }
        guard let wide, let value = Number(exactly: wide) else { throw mismatch("\(Number.self)") }
        return value
    }

    func numeric() throws(DatabaseError) -> Int128 {
        guard let value = wholeNumeric() else { throw mismatch("a whole number") }
        return value
    }

    private func wholeNumeric() -> Int128? {
        guard let bytes = unsafe bytes, bytes.count >= NumericLayout.bytesOfHead else {
            return nil
        }
        let words = (0..<bytes.count / 2).map {
            unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
        }
        let (sign, digits) = (words[2], words[4...])
        let digitsOfWhole = Int(Int16(bitPattern: words[1])) + 1
        guard digits.count <= max(0, digitsOfWhole) else { return nil }
        var value: Int128 = 0
        for position in 0..<max(0, digitsOfWhole) {
            let digit = position < digits.count ? Int128(digits[4 + position]) : 0
            let (shifted, overflow) = value.multipliedReportingOverflow(by: NumericLayout.base)
            let (sum, carry) = shifted.subtractingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        // Summed on the negative side, which reaches one further than the positive.
        switch sign {
        case NumericLayout.signNegative: return value
        case NumericLayout.signPositive where value != .min: return -value
        default: return nil
        }
    }

    /// The elements of a one-dimensional array, laid out as `array_send` does.
    func elements<Element: SQLDecodable>() throws(DatabaseError) -> [Element] {
        guard let bytes = unsafe bytes, bytes.count >= 12 else { throw mismatch("an array") }
        let dimensions = unsafe Self.int32(bytes, at: 0)
        let type = SQLType(oid: UInt32(bitPattern: unsafe Self.int32(bytes, at: 8)))
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.count >= 20 else { throw mismatch("a flat array") }
        var elements: [Element] = []
        var position = 20
        let count = unsafe Self.int32(bytes, at: 12)
        for _ in 0..<max(0, count) {
            let length =
                position + 4 <= bytes.count ? unsafe Int(Self.int32(bytes, at: position)) : 0
            position += 4
            let end = position + max(0, length)
            guard end <= bytes.count else { throw mismatch("a whole array") }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[position..<end])
            let cell = unsafe SQLCell(column: column, type: type, bytes: length < 0 ? nil : piece)
            elements.append(try Element(cell: cell))
            position = end
        }
        return elements
    }

    private static func int32(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        unsafe Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }
}
