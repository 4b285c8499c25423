internal import Postgres
internal import Values

/// How wrong guesses slow down the next ones.
enum GuessRules {
    /// Wrong ones in a row before the first wait; the wait doubles with each further one.
    static let free: Int64 = 5
    static let lockSecondsFirst: Int64 = 30
    static let lockSecondsMax: Int64 = 3600
    /// Beyond this many doublings the wait is the longest one anyway.
    static let doublingsMax: Int64 = 7
    /// Wrong ones are forgotten when none has come for so long.
    static let secondsRemembered: Int64 = 86_400

    /// Seconds for which so many wrong guesses lock; nil when they do not.
    static func lockSeconds(after failures: Int64) -> Int64? {
        let over = failures - free
        guard over >= 0 else { return nil }
        return min(lockSecondsMax, lockSecondsFirst << min(over, doublingsMax))
    }
}

/// A secret that may be guessed at, of one person or of nobody.
struct Guessed: Sendable {
    enum Secret: Sendable {
        case password
        case pin
        /// Codes of the authenticator app and recovery codes.
        case secondFactor
        /// Whatever answers the second step of a log-in.
        case secondStep
        case code(CodePurpose)

        fileprivate var name: String {
            switch self {
            case .password: "password"
            case .pin: "pin"
            case .secondFactor: "second_factor"
            case .secondStep: "second_step"
            case .code(let purpose): "code:" + purpose.rawValue
            }
        }

        /// What the audit log calls its lock.
        fileprivate var locked: Act.Kind {
            switch self {
            case .password: .passwordLocked
            case .pin: .pinLocked
            case .secondFactor: .secondFactorLocked
            case .secondStep: .secondStepLocked
            case .code: .codeLocked
            }
        }
    }

    let secret: Secret
    /// Nil when no such person exists: guesses at strangers are counted like all others, or the
    /// lock would tell who has a wallet.
    let user: ID<User>?
    /// Names the row: a keyed hash, since what strangers are called is nobody's to read.
    let index: [UInt8]
}

/// What became of a wrong guess.
enum WrongGuess: Sendable {
    case counted(triesLeft: Int64)
    /// Others had used up the tries while this one was being checked, so it learns nothing.
    case locked(seconds: Int64)
}

// The count is a row, so that all processes share it, and there is one for every secret that people
// type. What is slow is hashed first and counted then, and the answer is decided under the row's
// lock: of any number of guesses side by side no more than the free ones are answered, right or
// wrong, and all others hear how long to wait.

extension Identity {
    func guesses(at secret: Guessed.Secret, of user: ID<User>) -> Guessed {
        guesses(at: secret, of: user, named: "\(user)")
    }

    /// - Parameter user: nil for a stranger, who has nothing but a name.
    func guesses(at secret: Guessed.Secret, of user: ID<User>?, named name: String) -> Guessed {
        Guessed(
            secret: secret, user: user, index: vault.index(guessed: secret.name, of: name))
    }

    /// How long nobody may guess; nil when anybody may.
    func lockStatement(_ guessed: Guessed) -> SQL {
        "SELECT locked_until FROM identity.guesses WHERE index = \(guessed.index)"
    }

    /// What `lockStatement` found.
    func lockedUntil(_ rows: [Row]) throws -> Timestamp? {
        guard let row = rows.first else { return nil }
        return try row[0]
    }

    /// Refuses while the secret is locked, and holds its row until the commit. Then forgets what
    /// was wrong before: this one was right.
    func acceptGuess(
        at guessed: Guessed, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try requireUnlocked(guessed, now, transaction)
        try forgetGuesses(at: guessed, transaction)
    }

    /// Refuses while the secret is locked, and holds its row until the commit.
    func requireUnlocked(
        _ guessed: Guessed, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        if let wait = try secondsLocked(guessed, now, transaction) {
            throw IdentityRejection.tooManyAttempts(retryAfter: wait)
        }
    }

    /// Seconds for which the secret is locked; nil when it is not. Holds its row until the commit.
    func secondsLocked(
        _ guessed: Guessed, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Int64? {
        let row = try transaction.first("\(lockStatement(guessed)) FOR UPDATE")
        guard let row, let lockedUntil: Timestamp = try row[0] else { return nil }
        let wait = now.seconds(until: lockedUntil)
        return wait > 0 ? wait : nil
    }

    func forgetGuesses(
        at guessed: Guessed, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute("DELETE FROM identity.guesses WHERE index = \(guessed.index)")
    }

    /// Counts a wrong guess in a transaction of its own and tells how it is to be answered.
    func countWrongGuess(at guessed: Guessed, from origin: Origin) async throws -> WrongGuess {
        let now = clock.now
        return try await database.transaction { transaction in
            try countWrongGuess(at: guessed, from: origin, now, transaction)
        }
    }

    /// Counts a wrong guess in the caller's transaction, which has to commit.
    func countWrongGuess(
        at guessed: Guessed, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> WrongGuess {
        let remembered = now.adding(seconds: -GuessRules.secondsRemembered)
        let row = try transaction.query(
            """
            INSERT INTO identity.guesses AS g (index, failures, failed_at)
            VALUES (\(guessed.index), 0, \(now))
            ON CONFLICT (index) DO UPDATE SET
                failures = CASE WHEN g.failed_at < \(remembered) THEN 0 ELSE g.failures END
            RETURNING failures::bigint, locked_until
            """)[0]
        let (failures, lockedUntil): (Int64, Timestamp?) = (try row[0] + 1, try row[1])
        if let wait = lockedUntil.map({ now.seconds(until: $0) }), wait > 0 {
            return .locked(seconds: wait)
        }
        let lockSeconds = GuessRules.lockSeconds(after: failures)
        try transaction.execute(
            """
            UPDATE identity.guesses SET failures = \(failures), failed_at = \(now),
                locked_until = \(lockSeconds.map { now.adding(seconds: $0) })
            WHERE index = \(guessed.index)
            """)
        if let lockSeconds {
            try audit.record(
                Act(
                    guessed.secret.locked, by: nil, of: guessed.user, from: origin,
                    after: "{\"seconds\":\(lockSeconds)}"), in: transaction)
        }
        return .counted(triesLeft: max(0, GuessRules.free - failures))
    }
}

extension Act.Kind {
    static let passwordLocked = Act.Kind("password_locked")
    static let pinLocked = Act.Kind("pin_locked")
    static let secondFactorLocked = Act.Kind("second_factor_locked")
    static let secondStepLocked = Act.Kind("second_step_locked")
    static let codeLocked = Act.Kind("code_locked")
}
