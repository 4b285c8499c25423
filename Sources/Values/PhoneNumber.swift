/// A telephone number in E.164: a plus sign and 7 to 15 digits, the first not zero.
package struct PhoneNumber: Sendable, Hashable, CustomStringConvertible {
    package let e164: String

    package static let digitsMin = 7
    package static let digitsMax = 15

    /// Accepts E.164 with the spaces, dashes, dots and brackets that people type; letters are
    /// refused.
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
        guard text.hasPrefix("+"), (Self.digitsMin...Self.digitsMax).contains(digits.count),
            !digits.hasPrefix("0")
        else { return nil }
        e164 = "+" + digits
    }

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
