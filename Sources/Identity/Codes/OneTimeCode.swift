internal import Cryptography
package import Values

/// One-time codes: six digits, good for five minutes and five tries, one a minute.
enum CodeRules {
    /// From the asking for a code to the answer, several times what the work takes: how long it
    /// took does not tell whether the address is anybody's.
    static let answerAfter = Duration.milliseconds(25)
    static let digits = 6
    static let secondsValid: Int64 = 300
    static let triesMax: Int64 = 5
    static let secondsBetween: Int64 = 60
    /// Codes of one purpose to one address in an hour.
    static let perHourMax: Int64 = 5
    /// What people type around the digits, at most.
    static let charactersMax = 16
}

/// What a one-time code proves.
package enum CodePurpose: String, Sendable, CaseIterable {
    case phone
    case logIn = "log_in"
    case resetPassword = "reset_password"
    case resetPin = "reset_pin"
    case changePhone = "change_phone"
    case changeEmail = "change_email"

    /// What is sent. It says what the code is for, so that nobody is talked out of one.
    func message(_ code: String) -> String {
        let use =
            switch self {
            case .phone: "Your Florin code is \(code)."
            case .logIn: "Your Florin code to log in on another device is \(code)."
            case .resetPassword: "Your Florin code for a new password is \(code)."
            case .resetPin: "Your Florin code for a new PIN is \(code)."
            case .changePhone: "Your Florin code to use this telephone number is \(code)."
            case .changeEmail: "Your Florin code to use this e-mail address is \(code)."
            }
        return use + " It is good for 5 minutes. Never tell it to anyone."
    }
}

/// Where a code goes.
package enum CodeAddress: Sendable, Hashable {
    case phone(PhoneNumber)
    case email(EmailAddress)

    /// A telephone number or an e-mail address, as people type them.
    package init?(_ text: String) {
        if let phone = PhoneNumber(text) {
            self = .phone(phone)
        } else if let email = EmailAddress(text) {
            self = .email(email)
        } else {
            return nil
        }
    }
}

extension User {
    /// Where codes for this person go.
    package var codeAddress: CodeAddress? {
        phone.map { .phone($0) } ?? email.map { .email($0) }
    }
}
