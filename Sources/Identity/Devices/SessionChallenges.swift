internal import Cryptography
internal import Postgres
internal import Values

/// How long the second step of a log-in may take.
enum ChallengeRules {
    /// Long enough for an SMS that takes its time and a second one.
    static let secondsValid: Int64 = 600
    /// Wrong answers to one challenge, by whatever methods.
    static let failuresMax: Int64 = 5
    /// A code that is good for at least so long is not sent anew.
    static let codeSecondsLeftMin: Int64 = 60
}

/// The right password came from a device that is not known: it is asked for a second step.
struct SessionChallenge: Sendable {
    let id: ID<SessionChallenge>
    let user: ID<User>
    let wish: LogInWish
}

extension Identity {
    /// Sends the code of a challenge, or a new one, at most one a minute. Returns for how many
    /// seconds it is good.
    package func sendCode(for challenge: String) async throws -> Int64 {
        let now = clock.now
        try await database.transaction { transaction in
            guard let found = try self.challenge(challenge, now, transaction),
                let user = try users(where: "id = \(found.user)", transaction).first
            else { throw IdentityRejection.challengeInvalid }
            let methods = try secondSteps(of: user, transaction)
            guard methods.contains(.smsCode), let phone = user.phone else {
                throw IdentityRejection.methodNotAvailable(methods.map(\.rawValue))
            }
            try sendCode(to: phone, for: CodeRules.logInPurpose, ofOne: user.id, now, transaction)
        }
        return CodeRules.secondsValid
    }

    /// Opens the session that was asked for, if the answer is right.
    package func answer(
        _ challenge: String, with step: SecondStep, from origin: Origin
    ) async throws -> OpenedSession {
        let now = clock.now
        let outcome = try await database.transaction {
            transaction -> Result<OpenedSession, any Error> in
            guard let found = try self.challenge(challenge, now, transaction),
                let user = try users(where: "id = \(found.user)", transaction).first
            else { return .failure(IdentityRejection.challengeInvalid) }
            try requireUnlocked(user.id, now, transaction)
            let methods = try secondSteps(of: user, transaction)
            guard methods.contains(step.method) else {
                throw IdentityRejection.methodNotAvailable(methods.map(\.rawValue))
            }
            // A wrong answer is counted, so the transaction commits and the refusal is a value.
            if let refusal = try check(step, to: found, of: user, now, transaction) {
                try countFailure(of: found, now, transaction)
                try audit.record(
                    Act(
                        .secondStepRefused, by: nil, of: user.id, from: origin,
                        reason: refusal.code), in: transaction)
                return .failure(refusal)
            }
            return .success(try open(user, after: found, from: origin, now, transaction))
        }
        return try outcome.get()
    }

    /// Asks for a second step; the challenge is the refusal that the caller throws once this is
    /// committed.
    func challenge(
        _ user: User, _ wish: LogInWish, _ methods: [SecondStep.Method], from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> IdentityRejection {
        let token = SecureRandom.token()
        let expiresAt = now.adding(seconds: ChallengeRules.secondsValid)
        try transaction.execute(
            """
            INSERT INTO identity.session_challenges (id, token_hash, user_id, device_name, mode,
                uses_cookie, created_at, expires_at)
            VALUES (\(ID<SessionChallenge>.make(at: now)), \(Hash.sha256(token)), \(user.id),
                \(wish.deviceName), \(wish.mode?.rawValue), \(wish.usesCookie), \(now),
                \(expiresAt))
            """)
        // Who has nothing else gets the code at once; others say first what they answer with.
        if methods == [.smsCode], let phone = user.phone,
            try !hasCode(
                for: CodeRules.logInPurpose, of: user.id,
                goodAt: now.adding(seconds: ChallengeRules.codeSecondsLeftMin), transaction)
        {
            try sendCode(to: phone, for: CodeRules.logInPurpose, ofOne: user.id, now, transaction)
        }
        try audit.record(
            Act(.secondStepAsked, by: nil, of: user.id, from: origin), in: transaction)
        return .secondStepRequired(
            challenge: token, methods: methods.map(\.rawValue), sentTo: user.phone.map { "\($0)" },
            expiresIn: ChallengeRules.secondsValid)
    }

    // MARK: Steps

    private func challenge(
        _ token: String, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> SessionChallenge? {
        try transaction.first(
            """
            SELECT id, user_id, device_name, mode, uses_cookie FROM identity.session_challenges
            WHERE token_hash = \(Hash.sha256(token)) AND answered_at IS NULL
                AND expires_at > \(now) AND failures < \(ChallengeRules.failuresMax)
            FOR UPDATE
            """
        ).map { row in
            let mode: String? = try row[3]
            return SessionChallenge(
                id: try row[0], user: try row[1],
                wish: LogInWish(
                    deviceName: try row[2], mode: try mode.map { try SessionMode(stored: $0) },
                    usesCookie: try row[4]))
        }
    }

    /// Counts it for the challenge, and for the person: whoever has the password cannot guess on
    /// with challenge after challenge.
    private func countFailure(
        of challenge: SessionChallenge, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            UPDATE identity.session_challenges SET failures = failures + 1
            WHERE id = \(challenge.id)
            """)
        try countFailure(of: challenge.user, now, transaction)
    }

    private func open(
        _ user: User, after challenge: SessionChallenge, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        try transaction.execute(
            """
            UPDATE identity.session_challenges SET answered_at = \(now) WHERE id = \(challenge.id)
            """)
        let device = try addDevice(
            named: challenge.wish.deviceName, of: user.id, now, transaction)
        try announce(device, to: user, transaction)
        return try open(
            user, on: device, challenge.wish, from: origin, now, transaction, isNew: true)
    }
}

extension Act.Kind {
    static let secondStepAsked = Act.Kind("second_step_asked")
    static let secondStepRefused = Act.Kind("second_step_refused")
}
