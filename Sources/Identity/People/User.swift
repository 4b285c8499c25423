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
    package var fullName: String?
    package var birthDate: CalendarDay?
    package var standing = Standing.initial
}

/// 3 to 30 characters of a–z, 0–9, dot, dash and underscore, beginning with a letter.
///
/// Lower case and ASCII alone, so that no two names look alike, and never digits alone, so that
/// none can be taken for a telephone number.
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
