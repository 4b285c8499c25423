/// A telephone number in E.164: a plus sign and 7 to 15 digits, the first not zero.
package struct PhoneNumber: Sendable, Hashable, CustomStringConvertible {
    package let e164: String

    package static let digitsMin = 7
    package static let digitsMax = 15

    /// Accepts E.164 with the spaces, dashes, dots and brackets that people type, and the zero that
    /// belongs before the number inside of a country, as in `+44 (0)20 7946 0018`; letters are
    /// refused. However it is typed, a number has one form here, so that nobody has two wallets by
    /// writing it in two ways.
    package init?(_ text: some StringProtocol) {
        var digits = ""
        for (index, character) in text.unicodeScalars.enumerated() {
            switch character {
            case "0"..."9": digits.unicodeScalars.append(character)
            case "+" where index == 0: continue
            case " ", "-", ".", "(", ")": continue
            default: return nil
            }
        }
        guard text.hasPrefix("+"), !digits.hasPrefix("0"),
            let digits = Self.withoutTrunkZero(digits),
            (Self.digitsMin...Self.digitsMax).contains(digits.count)
        else { return nil }
        e164 = "+" + digits
    }

    /// Nil when a second zero follows, which is no number either way.
    private static func withoutTrunkZero(_ digits: String) -> String? {
        for length in 2...3 where countriesWithTrunkZero.contains(String(digits.prefix(length))) {
            let national = digits.dropFirst(length)
            let significant = national.hasPrefix("0") ? national.dropFirst() : national
            guard !significant.hasPrefix("0") else { return nil }
            return String(digits.prefix(length) + significant)
        }
        return digits
    }

    /// Country codes where a zero is dialled before the number inside of the country and no number
    /// begins with one, by the numbering plans that ITU-T E.164 refers to. Elsewhere, as in Italy,
    /// the zero is a part of the number. No code begins another, so two or three digits decide.
    private static let countriesWithTrunkZero: Set<String> = [
        "20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "51", "53", "54", "55",
        "57", "58", "60", "61", "63", "64", "66", "84", "86", "90", "91", "92", "93", "94", "95",
        "98", "211", "212", "213", "218", "231", "232", "233", "234", "243", "249", "251", "252",
        "254", "255", "256", "260", "261", "262", "263", "264", "265", "291", "353", "355", "358",
        "359", "370", "373", "374", "377", "380", "381", "382", "383", "385", "386", "387", "389",
        "421", "423", "508", "590", "591", "593", "594", "595", "596", "686", "850", "855", "856",
        "880", "886", "961", "962", "963", "964", "966", "967", "970", "971", "972", "976", "977",
        "994", "995", "996",
    ]

    /// Digits that nobody is shown; a short number would otherwise be shown whole.
    private static let hiddenMin = 4

    /// Safe to show and to log: `+2547•••••678`.
    package var description: String {
        let hidden = max(Self.hiddenMin, e164.count - 8)
        return String(e164.prefix(e164.count - hidden - 3))
            + String(repeating: "•", count: hidden) + String(e164.suffix(3))
    }
}

/// An e-mail address, kept in lower case: one `@`, a local part, and a domain with a dot.
///
/// Stricter than RFC 5321 on purpose: quoted local parts and address literals are refused.
package struct EmailAddress: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package static let charactersMax = 254

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...64).contains(parts[0].utf8.count),
            text.utf8.count <= Self.charactersMax,
            parts[0].utf8.allSatisfy(Self.isLocal), !parts[0].hasPrefix("."),
            !parts[0].hasSuffix("."),
            !parts[0].contains("..")
        else { return nil }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2,
            labels.allSatisfy({
                (1...63).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isDomain)
                    && !$0.hasPrefix("-") && !$0.hasSuffix("-")
            })
        else { return nil }
        self.text = text.lowercased()
    }

    /// Safe to show and to log: `a•••@example.com`.
    package var description: String {
        String(text.prefix(1)) + "•••@" + (text.split(separator: "@").last ?? "")
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        isDomain(byte) || "!#$%&'*+/=?^_`{|}~.".utf8.contains(byte)
    }

    private static func isDomain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
        default: false
        }
    }
}
