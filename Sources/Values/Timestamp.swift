/// A moment, in microseconds since 1970-01-01T00:00:00Z: the resolution of PostgreSQL's
/// `timestamptz`.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    package func adding(seconds: Int64) -> Timestamp {
        Timestamp(microseconds: microseconds + seconds * 1_000_000)
    }

    /// Whole seconds until `later`, rounded up, never negative: what `Retry-After` wants.
    package func seconds(until later: Timestamp) -> Int64 {
        max(0, (later.microseconds - microseconds + 999_999) / 1_000_000)
    }

    /// Days since 1970-01-01 in UTC, floored.
    package var day: Int64 { Self.floorDivide(microseconds, Self.microsecondsPerDay) }

    /// The first moment of the given day since 1970-01-01.
    package init(day: Int64) {
        self.init(microseconds: day * Self.microsecondsPerDay)
    }

    package static let microsecondsPerDay: Int64 = 86_400_000_000

    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// A day of the proleptic Gregorian calendar, in UTC.
package struct CalendarDay: Sendable, Hashable {
    package let year: Int64
    package let month: Int64
    package let day: Int64

    /// Howard Hinnant's `civil_from_days`, which starts years in March so that leap days come last.
    package init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        let era = Timestamp.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Hinnant's `days_from_civil`, the inverse of the above.
    package var daysSince1970: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Timestamp.floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    /// Reads a day that is written as `2026-03-31`, if there is such a day.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 10, let moment = Timestamp(text) else { return nil }
        self.init(daysSince1970: moment.day)
    }

    /// The first day of the following month.
    package var startOfNextMonth: CalendarDay {
        month == 12
            ? CalendarDay(year: year + 1, month: 1, day: 1)
            : CalendarDay(year: year, month: month + 1, day: 1)
    }
}

extension CalendarDay: CustomStringConvertible {
    /// `2026-03-31`
    package var description: String {
        String(Timestamp(day: daysSince1970).description.prefix(10))
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds: `2026-11-21T04:15:26.000123Z`.
    package var description: String {
        let characters = characters
        return String(decoding: characters.indices.map { characters[$0] }, as: UTF8.self)
    }

    /// The same characters in ASCII, for who writes many: they take no memory of their own.
    package var characters: InlineArray<27, UInt8> {
        let calendar = CalendarDay(daysSince1970: day)
        let inDay = microseconds - day * Self.microsecondsPerDay
        let (seconds, fraction) = inDay.quotientAndRemainder(dividingBy: 1_000_000)
        var text = InlineArray<27, UInt8>(repeating: UInt8(ascii: "-"))
        Self.write(calendar.year, 0..<4, &text)
        Self.write(calendar.month, 5..<7, &text)
        Self.write(calendar.day, 8..<10, &text)
        text[10] = UInt8(ascii: "T")
        Self.write(seconds / 3600, 11..<13, &text)
        text[13] = UInt8(ascii: ":")
        Self.write(seconds / 60 % 60, 14..<16, &text)
        text[16] = UInt8(ascii: ":")
        Self.write(seconds % 60, 17..<19, &text)
        text[19] = UInt8(ascii: ".")
        Self.write(fraction, 20..<26, &text)
        text[26] = UInt8(ascii: "Z")
        return text
    }

    /// The lowest digits of the value, from the last one backwards.
    private static func write(
        _ value: Int64, _ places: Range<Int>, _ text: inout InlineArray<27, UInt8>
    ) {
        var rest = value
        for place in places.reversed() {
            text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
    }

    /// Reads RFC 3339 with an offset, with or without fraction, or a bare date as its first moment
    /// in UTC.
    package init?(_ text: some StringProtocol) {
        var reader = DigitReader(bytes: Array(text.utf8))
        guard let year = reader.number(width: 4), reader.skip("-"),
            let month = reader.number(width: 2), reader.skip("-"),
            let day = reader.number(width: 2), (1...12).contains(month)
        else { return nil }
        let date = CalendarDay(year: year, month: month, day: day)
        guard day >= 1, CalendarDay(daysSince1970: date.daysSince1970) == date else { return nil }
        if reader.isAtEnd {
            self.init(day: date.daysSince1970)
            return
        }
        guard reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(width: 2), reader.skip(":"),
            let minute = reader.number(width: 2), reader.skip(":"),
            let second = reader.number(width: 2), hour < 24, minute < 60, second < 60,
            let fraction = reader.fraction(), let offset = reader.offsetMinutes(), reader.isAtEnd
        else { return nil }
        let seconds = hour * 3600 + (minute - offset) * 60 + second
        self.init(
            microseconds: date.daysSince1970 * Self.microsecondsPerDay + seconds * 1_000_000
                + fraction)
        // An offset can lead out of the years that four digits can write.
        guard (0...9999).contains(CalendarDay(daysSince1970: self.day).year) else { return nil }
    }
}

/// Reads fixed-width numbers from ASCII; every step says whether it could.
private struct DigitReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else {
            return false
        }
        position += 1
        return true
    }

    mutating func number(width: Int) -> Int64? {
        guard position + width <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<position + width] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        position += width
        return value
    }

    /// An optional `.digits`, as microseconds; digits past the sixth are dropped.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        var (value, unit, digits) = (Int64(0), Int64(100_000), 0)
        while let digit = number(width: 1) {
            value += digit * unit
            unit /= 10
            digits += 1
        }
        return digits > 0 ? value : nil
    }

    mutating func offsetMinutes() -> Int64? {
        if skip("Z") || skip("z") { return 0 }
        let isWest = skip("-")
        guard isWest || skip("+"), let hours = number(width: 2), skip(":"),
            let minutes = number(width: 2), hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
}
