import Foundation
import Glibc

@testable import Cryptography
@testable import Identity
@testable import Values

/// Single values that people write: numbers of telephones, addresses, names, moments.
extension FuzzTarget {
    static let texts = [
        FuzzTarget("phone", bytesMax: 48, phone), FuzzTarget("email", bytesMax: 300, email),
        FuzzTarget("username", bytesMax: 48, username),
        FuzzTarget("password", bytesMax: 300, password), FuzzTarget("pin", bytesMax: 12, pin),
        FuzzTarget("bcrypt", bytesMax: 64, bcrypt), FuzzTarget("device-name", deviceName),
        FuzzTarget("address", bytesMax: 64, address), FuzzTarget("networks", networks),
        FuzzTarget("timestamp", bytesMax: 64, timestamp), FuzzTarget("id", bytesMax: 48, id),
        FuzzTarget("money", bytesMax: 48, money),
    ]

    private static func phone(_ input: [UInt8]) throws {
        guard let phone = PhoneNumber(input.text) else { return }
        let digits = phone.e164.utf8.dropFirst()
        try hold(phone.e164.utf8.first == UInt8(ascii: "+"), "E.164 begins with a plus sign")
        try hold((7...15).contains(digits.count), "E.164 has 7 to 15 digits")
        try hold(digits.allSatisfy { (0x30...0x39).contains($0) }, "digits are ASCII")
        try hold(digits.first != UInt8(ascii: "0"), "no country's code begins with zero")
        try hold(PhoneNumber(phone.e164) == phone, "the kept form is read as itself")
        let typed = input.filter { (0x30...0x39).contains($0) }
        try hold(typed.elementsEqual(digits), "no digit is lost or added")
        let shown = phone.description.filter { ("0"..."9").contains($0) }
        try hold(shown.count < digits.count, "what is logged is not the whole number")
    }

    private static func email(_ input: [UInt8]) throws {
        guard let email = EmailAddress(input.text) else { return }
        let bytes = Array(email.text.utf8)
        try hold(bytes.allSatisfy { (0x21...0x7E).contains($0) }, "visible ASCII alone")
        try hold(bytes.count { $0 == UInt8(ascii: "@") } == 1, "one @")
        try hold(!email.text.contains(where: { "<>,;:\"()[]\\".contains($0) }), "no list, no name")
        try hold(EmailAddress(email.text) == email, "the kept form is read as itself")
        try hold(bytes.count == input.count, "nothing is dropped")
    }

    private static func username(_ input: [UInt8]) throws {
        guard let username = Username(input.text) else { return }
        try hold(
            username.text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || ".-_".utf8.contains($0)
            }, "no letter that looks like another")
        try hold(Username(username.text) == username, "the kept form is read as itself")
        try hold(PhoneNumber(username.text) == nil, "no name is a telephone number")
        try hold(EmailAddress(username.text) == nil, "no name is an e-mail address")
        try hold(Username(pseudonym: username.text) == nil, "no name is one of who was erased")
    }

    /// The estimate is a C library's, so that it holds out is what is tried most.
    private static func password(_ input: [UInt8]) throws {
        let text = input.text
        guard try decoded({ try PasswordRules.checkLength(text) }) != nil else { return }
        try hold(text.count >= PasswordRules.charactersMin, "no short password passes")
        try hold(text.count <= PasswordRules.charactersMax, "no endless password passes")
        let bits = PasswordStrength.guessBits(text)
        let known = PasswordStrength.guessBits(text, knowing: ["amina", "254712345678"])
        try hold(known <= bits, "knowing more makes no guess harder: \(known) and \(bits)")
        if let first = text.utf8.first, text.utf8.allSatisfy({ $0 == first }) {
            let weakness = PasswordRules.weakness(of: text, knowing: [], nil)
            try hold(weakness == "too_common", "one character over and over is weak")
        }
    }

    private static func pin(_ input: [UInt8]) throws {
        guard let pin = Pin(input.text) else { return }
        try hold(Array(pin.text.utf8) == input && input.count == 6, "six digits of ASCII")
        try hold(!"\(pin)\(String(reflecting: pin))".contains(pin.text), "never printed")
        let phone = PhoneNumber("+2547" + pin.text)
        try hold(
            PinRules.weakness(of: pin, phone: phone, birth: nil) != nil, "no piece of the number")
    }

    /// A name that was given, and below it what the client calls itself. It goes into messages.
    private static func deviceName(_ input: [UInt8]) throws {
        let lines = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let agent = lines.count > 1 ? Array(lines[1]).text : nil
        let name = DeviceName.make(Array(lines[0]).text, agent: agent)
        try hold((1...DeviceRules.nameCharactersMax).contains(name.unicodeScalars.count), "a size")
        for scalar in name.unicodeScalars {
            let isLetter = scalar == " " || scalar.properties.generalCategory != .spaceSeparator
            try hold(isLetter && !scalar.properties.isBidiControl, "one line, read as it stands")
            try hold(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value), "no control")
            try hold(![0x2028, 0x2029, 0x200B, 0xFEFF].contains(scalar.value), "nothing unseen")
        }
        try hold(DeviceName.clean(name) == name, "what is clean stays as it is")
    }

    /// What people from elsewhere bring. Cheap ones are checked as a log-in does it.
    private static func bcrypt(_ input: [UInt8]) throws {
        guard let hash = BcryptHash(input.text) else { return }
        try hold(Array(hash.text.utf8) == input && input.count == 60, "sixty characters")
        try hold((4...BcryptHash.costMax).contains(hash.cost), "none takes for ever")
        guard hash.cost == 4 else { return }
        try hold(!hash.matches("a quiet river in June"), "noise is no hash of that")
    }

    /// The C library's reader of addresses reads the same ones as the same bytes.
    private static func address(_ input: [UInt8]) throws {
        let text = input.text
        let own = NetworkAddress(text)
        // It has no zones, and it stops at the first NUL.
        guard !input.contains(0), !input.contains(UInt8(ascii: "%")) else { return }
        let other = four(text) ?? sixteen(text)
        try hold(own == other, "\(String(describing: own)) here, \(String(describing: other)) in C")
        guard let own else { return }
        try hold(NetworkAddress(own.description) == own, "the written form is read as itself")
    }

    private static func four(_ text: String) -> NetworkAddress? {
        var address = in_addr()
        guard unsafe inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return NetworkAddress(
            high: 0, low: 0xFFFF << 32 | UInt64(UInt32(bigEndian: address.s_addr)))
    }

    private static func sixteen(_ text: String) -> NetworkAddress? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        return NetworkAddress(
            high: bytes.number(bytes: 8).0, low: Array(bytes[8...]).number(bytes: 8).0)
    }

    private static func networks(_ input: [UInt8]) throws {
        let lines = input.lines.map(\.text)
        guard let one = lines.first.flatMap({ NetworkAddress($0) }) else { return }
        guard let ranges = NetworkRanges(Array(lines.dropFirst())) else { return }
        guard lines.count > 1 else {
            return try hold(!ranges.contains(one), "no network has no address")
        }
        if lines.dropFirst().contains(one.description) {
            try hold(ranges.contains(one), "an address is in its own network")
        }
        let all = NetworkRanges([one.isIPv4 ? "0.0.0.0/0" : "::/0"])
        try hold(all?.contains(one) == true, "every address is in the network of all")
    }

    private static func timestamp(_ input: [UInt8]) throws {
        guard let moment = Timestamp(input.text) else { return }
        try hold(Timestamp(moment.description) == moment, "\(moment) is read as itself")
        try hold(moment.description.utf8.count == 27, "a moment has one width")
        let day = CalendarDay(daysSince1970: moment.day)
        try hold(CalendarDay(day.description) == day, "\(day) is read as itself")
    }

    private static func id(_ input: [UInt8]) throws {
        // Foundation also reads what is no id of RFC 9562, such as one with a digit too few.
        guard let id = ID<Never>(input.text) else { return }
        let other = UUID(uuidString: input.text)
        try hold(id.description == input.text.lowercased(), "an id has one spelling")
        try hold(id.description == other?.uuidString.lowercased(), "both read the same id")
    }

    private static func money(_ input: [UInt8]) throws {
        guard let code = input.first, let currency = currencies.first(where: { _ in true }) else {
            return
        }
        let chosen = Currency(currencies[Int(code) % currencies.count].code) ?? currency
        guard let money = Money(decimal: Array(input.dropFirst()).text, chosen) else { return }
        try hold(Money(decimal: money.decimal, chosen) == money, "\(money) is read as itself")
        let parts = try money.minorUnits < 0 ? [money] : money.allocated(by: [1, 2, 4])
        let sum = try parts.reduce(Money(0, chosen)) { try $0.adding($1) }
        try hold(sum == money, "the parts of \(money) make \(sum)")
    }

    /// Of 0, 2 and 3 decimals.
    private static let currencies = ["JPY", "KES", "KWD"].compactMap { Currency($0) }
}
