import Values

/// One value of a dump, taken apart from its first byte on. Every method leaves the position after
/// what it read, or returns nil.
struct DumpText {
    private let file: DumpFile
    private let end: Int
    private var position: Int

    init(_ file: DumpFile, _ range: Range<Int>) {
        self.file = file
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    private var peek: UInt8? { position < end ? unsafe file.bytes[position] : nil }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func digit() -> Int64? {
        guard let byte = peek, (0x30...0x39).contains(byte) else { return nil }
        position += 1
        return Int64(byte - 0x30)
    }

    // MARK: Numbers

    mutating func integer() -> Int64? {
        let isNegative = skip("-")
        guard let first = digit() else { return nil }
        // Summed on the negative side, which reaches one further than the positive.
        var value = -first
        while let digit = digit() {
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.subtractingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    private mutating func number(digits: ClosedRange<Int>) -> Int64? {
        var (value, count) = (Int64(0), 0)
        while count < digits.upperBound, let digit = digit() {
            value = value * 10 + digit
            count += 1
        }
        return digits.contains(count) ? value : nil
    }

    // MARK: Moments

    /// `2026-11-21`, in a year from 1 to 9999.
    mutating func day() -> Int64? {
        guard let year = number(digits: 4...4), year >= 1, skip("-"),
            let month = number(digits: 2...2), (1...12).contains(month), skip("-"),
            let day = number(digits: 2...2), day >= 1
        else { return nil }
        let date = CalendarDay(year: year, month: month, day: day)
        let number = date.daysSince1970
        // A 30th of February would count as a day of March.
        return CalendarDay(daysSince1970: number) == date ? number : nil
    }

    /// `2026-11-21 09:30:00.123456+05:30`, in any offset; the server writes no other form when
    /// DateStyle is ISO, which pg_dump sees to.
    mutating func timestamp() -> Timestamp? {
        guard let day = day(), skip(" "), let hour = number(digits: 2...2), hour < 24, skip(":"),
            let minute = number(digits: 2...2), minute < 60, skip(":"),
            let second = number(digits: 2...2), second < 60, let fraction = fraction(),
            let offset = offsetSeconds()
        else { return nil }
        let seconds = day * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Timestamp(readable: seconds * 1_000_000 + fraction)
    }

    private mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        var (value, unit) = (Int64(0), Int64(100_000))
        guard peek.map({ (0x30...0x39).contains($0) }) == true else { return nil }
        while unit > 0, let digit = digit() {
            value += digit * unit
            unit /= 10
        }
        return value
    }

    /// `+00`, `-03:30`, `+01:12:12`
    private mutating func offsetSeconds() -> Int64? {
        let isWest = skip("-")
        guard isWest || skip("+"), let hours = number(digits: 2...2) else { return nil }
        var seconds = hours * 3600
        for unit in [60, 1] as [Int64] where skip(":") {
            guard let part = number(digits: 2...2), part < 60 else { return nil }
            seconds += part * unit
        }
        return isWest ? -seconds : seconds
    }

    // MARK: Bytes and text

    /// `\\x00ff`: the backslash of the value, escaped.
    mutating func bytes() -> [UInt8]? {
        guard skip("\\"), skip("\\"), skip("x"), (end - position) % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity((end - position) / 2)
        while let high = hexadecimal(), let low = hexadecimal() { bytes.append(high << 4 | low) }
        return bytes
    }

    private mutating func hexadecimal() -> UInt8? {
        guard let byte = peek, let value = Self.value(ofHexadecimal: byte) else { return nil }
        position += 1
        return value
    }

    private static func value(ofHexadecimal byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// The 36 characters of a UUID.
    mutating func uuid() -> (high: UInt64, low: UInt64)? {
        var (high, low) = (UInt64(0), UInt64(0))
        for place in 0..<36 {
            if [8, 13, 18, 23].contains(place) {
                guard skip("-") else { return nil }
            } else {
                guard let digit = hexadecimal() else { return nil }
                high = high << 4 | low >> 60
                low = low << 4 | UInt64(digit)
            }
        }
        return (high, low)
    }

    /// UTF-8 with the escapes taken out.
    mutating func text() -> String? {
        var bytes: [UInt8] = []
        while let byte = peek {
            position += 1
            if byte == UInt8(ascii: "\\") {
                guard let escaped = escape() else { return nil }
                bytes.append(escaped)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private mutating func escape() -> UInt8? {
        guard let letter = peek else { return nil }
        position += 1
        switch letter {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "v"): return 0x0B
        case UInt8(ascii: "x"): return hexadecimalEscape()
        case 0x30...0x37: return octalEscape(letter - 0x30)
        default: return letter
        }
    }

    /// One or two digits.
    private mutating func hexadecimalEscape() -> UInt8? {
        guard let first = hexadecimal() else { return nil }
        return hexadecimal().map { first << 4 | $0 } ?? first
    }

    /// One to three digits.
    private mutating func octalEscape(_ first: UInt8) -> UInt8? {
        var value = UInt16(first)
        for _ in 0..<2 {
            guard let byte = peek, (0x30...0x37).contains(byte) else { break }
            position += 1
            value = value << 3 | UInt16(byte - 0x30)
        }
        return UInt8(exactly: value)
    }
}
