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
    /// Wrong codes in a row before the first wait; the wait doubles with each further one.
    static let failuresFree: Int64 = 5
    static let lockSecondsFirst: Int64 = 30
    static let lockSecondsMax: Int64 = 3600
    /// Beyond so many doublings the wait is the longest one anyway.
    static let doublingsMax: Int64 = 7
    static let recoveryCodes = 10
    /// 80 random bits, 16 characters: nobody guesses one of ten.
    static let recoveryCodeBytes = 10
    static let issuer = "Florin"
    /// Longer than any code in any spelling.
    static let codeCharactersMax = 64

    /// Seconds for which so many wrong codes lock; nil when they do not.
    static func lockSeconds(after failures: Int64) -> Int64? {
        let over = failures - failuresFree
        guard over >= 0 else { return nil }
        return min(lockSecondsMax, lockSecondsFirst << min(over, doublingsMax))
    }
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
        _ factor: SecondFactor, of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        guard let app = try app(of: user, transaction), app.isConfirmed else {
            return .totpNotFound
        }
        return try check(factor, against: app, now, transaction)
    }

    struct AuthenticatorApp {
        let user: ID<User>
        let secret: [UInt8]
        let isConfirmed: Bool
        let lastStep: Int64
        let failures: Int64
        let lockedUntil: Timestamp?
    }

    /// Locked until the commit.
    func app(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> AuthenticatorApp? {
        let row = try transaction.first(
            """
            SELECT secret_sealed, confirmed_at IS NOT NULL, last_step, failures::bigint,
                locked_until
            FROM identity.authenticator_apps WHERE user_id = \(user) FOR UPDATE
            """)
        guard let row, let key = try key(of: user, transaction) else { return nil }
        return AuthenticatorApp(
            user: user, secret: try key.open(try row[0], .totpSecret), isConfirmed: try row[1],
            lastStep: try row[2], failures: try row[3], lockedUntil: try row[4])
    }

    func check(
        _ factor: SecondFactor, against app: AuthenticatorApp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        if let lockedUntil = app.lockedUntil, now < lockedUntil {
            return .tooManyAttempts(retryAfter: max(1, now.seconds(until: lockedUntil)))
        }
        let isRight =
            switch factor {
            case .totp(let code): try use(totp: code, of: app, now, transaction)
            case .recoveryCode(let code): try use(recoveryCode: code, of: app, now, transaction)
            }
        guard isRight else { return try countFailure(of: app, now, transaction) }
        try transaction.execute(
            """
            UPDATE identity.authenticator_apps SET failures = 0, locked_until = NULL
            WHERE user_id = \(app.user)
            """)
        return nil
    }

    // MARK: Steps

    private func use(
        totp code: String, of app: AuthenticatorApp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Bool {
        let digits = code.filter { $0 != " " }
        let step = TOTP.step(
            of: digits, secret: app.secret, atSecond: now.microseconds / 1_000_000,
            after: app.lastStep)
        guard let step else { return false }
        try transaction.execute(
            """
            UPDATE identity.authenticator_apps SET last_step = \(step) WHERE user_id = \(app.user)
            """)
        return true
    }

    private func use(
        recoveryCode code: String, of app: AuthenticatorApp, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Bool {
        let used = try transaction.execute(
            """
            UPDATE identity.recovery_codes SET used_at = \(now)
            WHERE code_hash = \(hash(recoveryCode: code, of: app.user))
                AND user_id = \(app.user) AND used_at IS NULL
            """)
        guard used == 1 else { return false }
        let left = try recoveryCodesLeft(of: app.user, transaction)
        try tell(
            app.user,
            "A recovery code of your Florin wallet was used; \(left) are left. If this was not "
                + "you, change your password and renew the codes.", in: transaction)
        return true
    }

    private func countFailure(
        of app: AuthenticatorApp, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> IdentityRejection {
        let failures = app.failures + 1
        // No pause is no moment: twins that began a little earlier would find themselves before it.
        let lockedUntil = SecondFactorRules.lockSeconds(after: failures).map {
            now.adding(seconds: $0)
        }
        try transaction.execute(
            """
            UPDATE identity.authenticator_apps SET failures = \(failures)::bigint::integer,
                locked_until = \(lockedUntil)
            WHERE user_id = \(app.user)
            """)
        return .secondFactorIncorrect(
            triesLeft: max(0, SecondFactorRules.failuresFree - failures))
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
