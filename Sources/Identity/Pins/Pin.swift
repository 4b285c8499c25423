internal import Values

/// Six digits by which a person allows a payment. Never printed.
package struct Pin: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package static let digitsCount = 6
    package static let pattern = "^[0-9]{6}$"

    let digits: [UInt8]

    package init?(_ text: String) {
        guard Self.isWellFormed(text) else { return nil }
        digits = text.utf8.map { $0 - UInt8(ascii: "0") }
    }

    package static func isWellFormed(_ text: String) -> Bool {
        text.utf8.count == digitsCount
            && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    var text: String { digits.map { "\($0)" }.joined() }

    package var description: String { "••••••" }
    package var debugDescription: String { description }
}

/// Which PINs everybody would try first.
enum PinRules {
    /// What people choose besides repeats and sequences: walks over the keypad and known numbers,
    /// from the heads of published lists of six-digit PINs.
    private static let common: Set<String> = [
        "147258", "258369", "147852", "258147", "369258", "963852", "852963", "852456", "456852",
        "789456", "456789", "456123", "123789", "789123", "321654", "654321", "123654", "456654",
        "159357", "357159", "159753", "753159", "142536", "362514", "102030", "010203", "302010",
        "112211", "123321", "321123", "520131", "201314", "131420", "110119", "110120", "420420",
        "696969", "314159", "271828", "161803", "141421", "007007", "911911", "786786", "254254",
    ]

    /// Why the PIN is too easily guessed, or nil.
    static func weakness(of pin: Pin, phone: PhoneNumber?, birth: CalendarDay?) -> String? {
        if isRepeated(pin.digits) { return "repeated" }
        if isSequence(pin.digits) { return "sequence" }
        if common.contains(pin.text) { return "common" }
        if phone?.e164.contains(pin.text) == true { return "phone_number" }
        return birth?.spellings.contains(pin.text) == true ? "birth_date" : nil
    }

    static func sentence(_ reason: String) -> String {
        switch reason {
        case "repeated": "This PIN repeats itself; choose another."
        case "sequence": "This PIN is a sequence; choose another."
        case "phone_number": "This PIN stands in your telephone number; choose another."
        case "birth_date": "This PIN is your birth date; choose another."
        case "unchanged": "This is the PIN that you have; choose another."
        default: "This PIN is among the first that anybody tries; choose another."
        }
    }

    /// One or two digits only (112122), a part over and over (123123), or pairs (112233).
    private static func isRepeated(_ digits: [UInt8]) -> Bool {
        let isPeriodic = [2, 3].contains { period in
            zip(digits, digits.dropFirst(period)).allSatisfy { $0 == $1 }
        }
        let isPairs = stride(from: 0, to: digits.count, by: 2).allSatisfy {
            digits[$0] == digits[$0 + 1]
        }
        return Set(digits).count <= 2 || isPeriodic || isPairs
    }

    /// Up or down by one step of any size, going on after 9 with 0: 123456, 890123, 975319.
    private static func isSequence(_ digits: [UInt8]) -> Bool {
        let steps = zip(digits, digits.dropFirst()).map { (10 + $1 - $0) % 10 }
        return Set(steps).count == 1
    }
}

extension CalendarDay {
    /// The six digits that people make of it, in every order of day, month and year.
    fileprivate var spellings: Set<String> {
        let years = [padded(year % 100), padded(year / 100), String(year)]
        let months = [padded(month), String(month)]
        let days = [padded(day), String(day)]
        var spellings: Set<String> = []
        for year in years {
            for month in months {
                for day in days {
                    spellings.formUnion([
                        day + month + year, month + day + year, year + month + day,
                        year + day + month, day + year + month, month + year + day,
                    ])
                }
            }
            // The whole year with one of the two.
            for part in months + days { spellings.formUnion([year + part, part + year]) }
        }
        return spellings.filter { $0.utf8.count == Pin.digitsCount }
    }

    private func padded(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }
}
