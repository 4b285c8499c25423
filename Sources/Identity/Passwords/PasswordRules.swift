internal import Cryptography
internal import Postgres
internal import Values

/// What a password must be: long enough, and not what others would guess first. Composition rules
/// are not asked for (NIST SP 800-63B section 5.1.1.2).
enum PasswordRules {
    static let charactersMin = 8
    /// As people count them; each is checked, none is cut off.
    static let charactersMax = 128
    /// Of Unicode, of which a letter as people count may be several.
    static let scalarsMax = 256
    /// 2^26 guesses: who tries one a minute takes a hundred years.
    static let guessBitsMin = 26
    /// Shorter parts of names are found in too many passwords by chance.
    private static let wordCharactersMin = 3

    /// Cheap rules, before any work is done for the password.
    static func checkLength(_ password: String) throws(IdentityRejection) {
        guard password.count >= charactersMin else { throw .passwordTooWeak(reason: "too_short") }
        guard password.count <= charactersMax else { throw .passwordTooWeak(reason: "too_long") }
    }

    /// Why the password is too weak, or nil. Takes milliseconds and may read a file.
    static func weakness(
        of password: String, knowing words: [String], _ breached: BreachedPasswords?
    ) -> String? {
        if PasswordStrength.guessBits(password) < guessBitsMin { return "too_common" }
        if PasswordStrength.guessBits(password, knowing: words) < guessBitsMin {
            return "too_personal"
        }
        return breached?.contain(password) == true ? "breached" : nil
    }

    /// Why a password was refused, for the person.
    static func sentence(_ reason: String) -> String {
        switch reason {
        case "too_short": "A password has at least \(charactersMin) characters."
        case "too_long": "A password has at most \(charactersMax) characters."
        case "too_personal": "This password is too much like your name, number or address."
        case "breached": "This password is known from a breach elsewhere; choose another."
        case "unchanged": "This is the password that you have; choose another."
        default: "This password is too easy to guess; choose another."
        }
    }

    /// What everybody who knows this person would try first.
    static func words(of user: User) -> [String] {
        let email = user.email?.text ?? ""
        let names = [user.username.text, email, String(email.prefix { $0 != "@" })]
        let parts = names.flatMap { $0.split { "._-@".contains($0) }.map { String($0) } }
        let words = names + parts + (names + parts).map { String($0.reversed()) }
        return (words + numbers(of: user.phone)).filter { $0.count >= wordCharactersMin }
    }

    /// The telephone number as people write it: with the country, with a zero, without either.
    private static func numbers(of phone: PhoneNumber?) -> [String] {
        guard let digits = phone?.e164.dropFirst() else { return [] }
        let countryDigits = 1...3
        return [String(digits)]
            + countryDigits.flatMap { count in
                let national = digits.dropFirst(count)
                return [String(national), "0" + national]
            }
    }
}

extension Identity {
    /// Refuses a password that is too short or too easily guessed.
    func requireStrong(_ password: String, for user: User?) async throws {
        try PasswordRules.checkLength(password)
        if let weakness = try await weakness(of: password, for: user) {
            throw IdentityRejection.passwordTooWeak(reason: weakness)
        }
    }

    /// Whether somebody should take another password: it was let in when the rules were others, or
    /// has become known since. Where there is no room to look just now, another log-in will come.
    func isAdvisedAgainst(_ password: String, of user: User) async throws -> Bool {
        do { return try await weakness(of: password, for: user) != nil } catch is PasswordHasher
            .Overloaded
        { return false }
    }

    /// Tells the owner, once for each password; answers to log-ins say so every time.
    func adviseAgainstPassword(
        of user: User, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let noted = try transaction.execute(
            """
            UPDATE identity.users SET password_advised_at = \(now)
            WHERE id = \(user.id) AND password_advised_at IS NULL
            """)
        guard noted == 1 else { return }
        try tell(
            user,
            """
            The password of your Florin wallet is easy to guess or known from a breach elsewhere. \
            Change it soon, and wherever else you use it.
            """, in: transaction)
    }

    private func weakness(of password: String, for user: User?) async throws -> String? {
        let words = user.map(PasswordRules.words) ?? []
        let breached = breached
        return try await passwords.run {
            PasswordRules.weakness(of: password, knowing: words, breached)
        }
    }
}
