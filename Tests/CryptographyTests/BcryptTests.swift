import Testing

@testable import Cryptography

@Suite("Bcrypt hashes from elsewhere")
struct BcryptTests {
    let hasher = PasswordHasher(memoryKiB: 64, passes: 1, threads: 2, queueMax: 64, niceness: 10)

    @Test(
        "are checked as their makers check them",
        arguments: [
            // crypt_blowfish's own test vectors (wrapper.c), with the tests' passwords.
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        ])
    func knownAnswers(password: String, hash: String) async throws {
        #expect(try await hasher.verify(password, against: hash))
        #expect(try await !hasher.verify(password + "x", against: hash))
        #expect(hasher.needsRehash(hash))
    }

    @Test(
        "are refused when they are none, or too dear",
        arguments: [
            "", "$2b$12$abcdefghijklmnopqrstuv",
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe:",
        ])
    func unreadable(hash: String) async throws {
        #expect(BcryptHash(hash) == nil)
        #expect(try await !hasher.verify("U*U", against: hash))
    }
}

@Suite("How easily a password is guessed")
struct PasswordStrengthTests {
    @Test(arguments: [
        "password123", "P@ssw0rd1", "qwertyuiop", "michelle1990", "nairobi254", "kenya123",
        "aaaaaaaaaa", "19850412", "1q2w3e4r5t", "Manchester1",
    ])
    func whatPeopleChooseIsGuessedSoon(password: String) {
        #expect(PasswordStrength.guessBits(password) < 26)
    }

    @Test(arguments: ["a quiet river in June", "try-florin-now", "xkqjzvwp", "siku njema leo"])
    func whatTheyDoNotIsNot(password: String) {
        #expect(PasswordStrength.guessBits(password) >= 26)
    }

    @Test func whatIsKnownOfAPersonIsGuessedFirst() {
        for password in ["wanjiku_m", "W4njiku_m1", "wanjiku_m1985"] {
            #expect(
                PasswordStrength.guessBits(password, knowing: ["wanjiku_m"])
                    < PasswordStrength.guessBits(password), "\(password)")
        }
    }

    @Test func itTakesNoLongerForLongOnes() {
        // 256 bytes of this would take a second and a half, were they all looked at.
        #expect(PasswordStrength.guessBits(String(repeating: "12", count: 128)) < 26)
        #expect(PasswordStrength.guessBits("") == 0)
    }
}
