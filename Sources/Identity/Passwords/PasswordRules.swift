/// What a password must be. Length and the common ones are what matters; composition rules are not.
enum PasswordRules {
    static let charactersMin = 8
    static let bytesMax = 256

    static func check(_ password: String, username: Username?) throws(IdentityRejection) {
        guard password.count >= charactersMin else { throw .passwordTooWeak(reason: "too_short") }
        guard password.utf8.count <= bytesMax else { throw .passwordTooWeak(reason: "too_long") }
        let folded = password.lowercased()
        let isTrivial =
            Set(folded).count < 3 || common.contains(folded) || folded == username?.text
        guard !isTrivial else { throw .passwordTooWeak(reason: "too_common") }
    }

    /// The head of every list of leaked passwords, of eight characters and more.
    private static let common: Set<String> = [
        "password", "password1", "password123", "passw0rd", "p@ssw0rd", "12345678", "123456789",
        "1234567890", "87654321", "qwerty123", "qwertyuiop", "qwerty12", "1q2w3e4r", "1qaz2wsx",
        "iloveyou", "sunshine", "princess", "football", "baseball", "superman", "trustno1",
        "welcome1", "letmein1", "whatever", "starwars", "computer", "michelle", "jennifer",
        "abcd1234", "abc12345", "11223344", "changeme", "admin123", "00000000", "asdfghjk",
    ]
}
