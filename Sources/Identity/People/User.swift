package import Values

/// What a person may do, from least to most seen.
package enum Role: String, Sendable, CaseIterable {
    case customer
    case worker
    case merchant
    case support
    case finance
    case admin
    case auditor

    package var isStaff: Bool {
        switch self {
        case .customer, .worker, .merchant: false
        case .support, .finance, .admin, .auditor: true
        }
    }
}

/// A person or a business with a wallet.
package struct User: Sendable, Equatable {
    package let id: ID<User>
    package let username: Username
    /// Nil for people of the simple transfer API, which knows e-mail only.
    package let phone: PhoneNumber?
    package let email: EmailAddress?
    package let role: Role
    package let isVerified: Bool
    package let createdAt: Timestamp
    /// What this person calls themselves, in their own letters.
    package var fullName: FullName?
    package var birthDate: CalendarDay?
    /// What this person wants to be written to in.
    package var language: Language?
    /// Whether a code that went to the e-mail address came back.
    package var isEmailProven = false
    /// Whether this person was told to take another password, and has not yet.
    package var isPasswordAdvised = false
    package var standing = Standing.initial
}

/// 3 to 30 characters of a–z, 0–9, dot, dash and underscore, beginning with a letter.
///
/// Lower case and ASCII alone, so that no letter of another script looks like one of these, and
/// never digits alone, so that none can be taken for a telephone number.
package struct Username: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package static let pattern = "^[A-Za-z][A-Za-z0-9._-]{2,29}$"
    package static let charactersMin = 3
    package static let charactersMax = 30

    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard (Self.charactersMin...Self.charactersMax).contains(bytes.count),
            Self.isLetter(bytes[0]), bytes.allSatisfy(Self.isAllowed)
        else { return nil }
        self.text = text.lowercased()
    }

    /// What the name looks like at a glance: who pays `arnina` meant `amina`. Two people never have
    /// names that look the same, which the database sees to by the same rule.
    ///
    /// Zero and o, one and l, rn and m, vv and w, and the three marks among themselves: what of the
    /// Unicode Consortium's list of confusable characters (UTS #39) a name here can be made of.
    package var look: String {
        String(String.UnicodeScalarView(text.unicodeScalars.map(Self.look)))
            .replacing("rn", with: "m").replacing("vv", with: "w")
    }

    private static func look(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "0": "o"
        case "1": "l"
        case ".", "-": "_"
        default: scalar
        }
    }

    /// What stands in the place of the name of who was erased; its spaces keep everybody from
    /// choosing it.
    static func pseudonym(of user: ID<User>) -> Username {
        Username(unchecked: "former user \(user)")
    }

    init?(pseudonym text: String) {
        guard text.hasPrefix("former user ") else { return nil }
        self.init(unchecked: text)
    }

    private init(unchecked text: String) { self.text = text }

    /// Whether usernames may begin so, in any case.
    static func isBeginning(_ text: String) -> Bool {
        (1...charactersMax).contains(text.utf8.count) && text.utf8.first.map(isLetter) == true
            && text.utf8.allSatisfy(isAllowed)
    }

    package var description: String { text }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isLetter(byte) || (0x30...0x39).contains(byte) || [0x2E, 0x2D, 0x5F].contains(byte)
    }
}

/// What a person calls themselves, in their own letters: 1 to 100 characters of any script, no
/// controls, nothing invisible at either end.
package struct FullName: Sendable, Hashable {
    package let text: String

    package static let charactersMax = 100

    package init?(_ text: String) {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, let last = scalars.last,
            scalars.count <= Self.charactersMax, Self.isVisible(first), Self.isVisible(last),
            scalars.allSatisfy({ Self.isVisible($0) || Self.isBetween($0) })
        else { return nil }
        self.text = text
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            false
        default: true
        }
    }

    /// A space, and the joiners without which names of India and Persia are misspelt. What turns
    /// the direction of writing is neither, and could make a name look like another.
    private static func isBetween(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\u{200C}" || scalar == "\u{200D}"
    }
}

/// A language as BCP 47 writes it, such as `sw`, `pt-BR` or `zh-Hant`, perhaps with a script and a
/// region.
package struct Language: Sendable, Hashable {
    package let tag: String

    package static let pattern = "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"
    package static let charactersMax = 11

    package init?(_ tag: String) {
        var parts = tag.split(separator: "-", omittingEmptySubsequences: false)[...]
        guard let language = parts.popFirst(), (2...3).contains(language.utf8.count),
            language.utf8.allSatisfy(Self.isLower)
        else { return nil }
        if let script = parts.first, Self.isScript(script) { parts.removeFirst() }
        if let region = parts.first, Self.isRegion(region) { parts.removeFirst() }
        guard parts.isEmpty else { return nil }
        self.tag = tag
    }

    private static func isScript(_ text: Substring) -> Bool {
        text.utf8.count == 4 && text.utf8.first.map(isUpper) == true
            && text.utf8.dropFirst().allSatisfy(isLower)
    }

    private static func isRegion(_ text: Substring) -> Bool {
        text.utf8.count == 2 && text.utf8.allSatisfy(isUpper)
            || text.utf8.count == 3 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
}
