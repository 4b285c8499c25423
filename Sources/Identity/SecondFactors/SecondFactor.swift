internal import Cryptography
internal import Postgres
package import Values

/// What a person shows besides the password, from an app or from paper.
package enum SecondFactor: Sendable {
    /// The six digits that an authenticator app shows now.
    case totp(String)
    /// One of the codes for the day on which the app is gone.
    case recoveryCode(String)
}

/// What is set up.
package struct SecondFactors: Sendable {
    /// When an authenticator app was confirmed; nil when there is none.
    package let totpSince: Timestamp?
    package let recoveryCodesLeft: Int64
}

enum SecondFactorRules {
    static let recoveryCodes = 10
    /// 80 random bits, 16 characters: nobody guesses one of ten.
    static let recoveryCodeBytes = 10
    static let issuer = "Florin"
    /// Longer than any code in any spelling.
    static let codeCharactersMax = 64
}

extension PersonalField {
    static let totpSecret = PersonalField("totp secret")
}

extension Identity {
    /// What is wrong with the code; nil when it is right, and then it is used up.
    ///
    /// Runs in the caller's transaction, which has to commit either way, so that wrong codes stay
    /// counted. The row of the app is held from here on: of twins with one code one is accepted.
    func check(
        _ factor: SecondFactor, of user: ID<User>, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        guard let app = try app(of: user, transaction), app.isConfirmed else {
            return .totpNotFound
        }
        return try check(factor, against: app, from: origin, now, transaction)
    }

    struct AuthenticatorApp {
        let user: ID<User>
        let secret: [UInt8]
        let isConfirmed: Bool
        let lastStep: Int64
    }

    /// Locked until the commit.
    func app(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> AuthenticatorApp? {
        let row = try transaction.first(
            """
            SELECT secret_sealed, confirmed_at IS NOT NULL, last_step
            FROM identity.authenticator_apps WHERE user_id = \(user) FOR UPDATE
            """)
        guard let row, let key = try key(of: user, transaction) else { return nil }
        return AuthenticatorApp(
            user: user, secret: try key.open(try row[0], .totpSecret), isConfirmed: try row[1],
            lastStep: try row[2])
    }

    func check(
        _ factor: SecondFactor, against app: AuthenticatorApp, from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        let guessed = guesses(at: .secondFactor, of: app.user)
        if let wait = try secondsLocked(guessed, now, transaction) {
            return .tooManyAttempts(retryAfter: wait)
        }
        let found =
            switch factor {
            case .totp(let code): try use(totp: code, of: app, now, transaction)
            case .recoveryCode(let code): try use(recoveryCode: code, of: app, now, transaction)
            }
        if found == .right {
            try forgetGuesses(at: guessed, transaction)
            return nil
        }
        if found == .used { try tellOfUsedCode(app.user, transaction) }
        return switch try countWrongGuess(at: guessed, from: origin, now, transaction) {
        case .counted(let left):
            .secondFactorIncorrect(triesLeft: left, wasUsed: found == .used)
        case .locked(let seconds): .tooManyAttempts(retryAfter: seconds)
        }
    }

    // MARK: Steps

    /// What a code turned out to be.
    private enum FoundCode {
        case right
        /// Of this time and this app, but it was accepted before: somebody may have looked on.
        case used
        case wrong
    }

    private func use(
        totp code: String, of app: AuthenticatorApp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> FoundCode {
        let digits = code.filter { $0 != " " }
        let second = now.microseconds / 1_000_000
        guard
            let step = TOTP.step(
                of: digits, secret: app.secret, atSecond: second, after: app.lastStep)
        else {
            let any = TOTP.step(
                of: digits, secret: app.secret, atSecond: second,
                after: app.lastStep - 1)
            return any == nil ? .wrong : .used
        }
        try transaction.execute(
            """
            UPDATE identity.authenticator_apps SET last_step = \(step) WHERE user_id = \(app.user)
            """)
        return .right
    }

    private func tellOfUsedCode(
        _ user: ID<User>, _ transaction: borrowing Transaction
    ) throws {
        try tell(
            user,
            "A code of your authenticator app was entered again after it had been used, and was "
                + "refused. If that was not you, somebody knows your password: change it now.",
            in: transaction)
    }

    private func use(
        recoveryCode code: String, of app: AuthenticatorApp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> FoundCode {
        let used = try transaction.execute(
            """
            UPDATE identity.recovery_codes SET used_at = \(now)
            WHERE code_hash = \(hash(recoveryCode: code, of: app.user))
                AND user_id = \(app.user) AND used_at IS NULL
            """)
        guard used == 1 else { return .wrong }
        let left = try recoveryCodesLeft(of: app.user, transaction)
        try tell(
            app.user,
            "A recovery code of your Florin wallet was used; \(left) are left. If this was not "
                + "you, change your password and renew the codes.", in: transaction)
        return .right
    }

    /// However people type it: small letters, spaces, no dashes.
    func hash(recoveryCode code: String, of user: ID<User>) -> [UInt8] {
        let plain = code.uppercased().filter { $0.isLetter || $0.isNumber }
        return vault.hash(code: "recovery " + plain, named: "\(user)")
    }

    func recoveryCodesLeft(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> Int64 {
        try transaction.query(
            """
            SELECT count(*) FROM identity.recovery_codes
            WHERE user_id = \(user) AND used_at IS NULL
            """)[0][0]
    }
}
