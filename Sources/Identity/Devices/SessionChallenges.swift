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

/// The password was right, and a second step is asked for.
struct SessionChallenge: Sendable {
    let id: ID<SessionChallenge>
    let user: ID<User>
    /// The device, when it is known and the person is asked all the same.
    let device: Device?
    let wish: LogInWish
}

extension Identity {
    /// Sends the code of a challenge, or a new one, at most one a minute. Returns for how many
    /// seconds it is good.
    package func sendCode(for challenge: String, from origin: Origin) async throws -> Int64 {
        let now = clock.now
        let user = try await database.transaction { transaction in
            try require(.smsCode, for: challenge, now, transaction)
        }
        guard let phone = user.phone else { throw IdentityRejection.challengeInvalid }
        try await sendCode(.logIn, to: .phone(phone), from: origin) { _ in user.id }
        return CodeRules.secondsValid
    }

    /// What a passkey of the person is to sign, and which of them there are.
    package func passkeyChallenge(
        for challenge: String
    ) async throws -> (challenge: [UInt8], known: [[UInt8]]) {
        let now = clock.now
        return try await database.transaction { transaction in
            let user = try require(.passkey, for: challenge, now, transaction)
            return try challengeForPasskeys(of: user.id, .secondStep, now, transaction)
        }
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
            let guessed = guesses(at: .secondStep, of: user.id)
            try requireUnlocked(guessed, now, transaction)
            let methods = try secondSteps(of: user, transaction)
            guard methods.contains(step.method) else {
                throw IdentityRejection.methodNotAvailable(methods)
            }
            // A wrong answer is counted, so the transaction commits and the refusal is a value.
            if let refusal = try check(step, of: user, from: origin, now, transaction) {
                return .failure(
                    try count(refusal, of: found, guessed, from: origin, now, transaction))
            }
            try acceptGuess(at: guessed, now, transaction)
            return .success(
                try open(
                    user, after: found, LogInWay(step.method), from: origin, now, transaction))
        }
        return try outcome.get()
    }

    /// Asks for a second step, which the caller says once this is committed.
    func challenge(
        _ user: User, on device: Device?, _ wish: LogInWish, _ methods: [SecondStep.Method],
        from origin: Origin, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> SecondStepAsked {
        try requireUnlocked(guesses(at: .secondStep, of: user.id), now, transaction)
        let token = SecureRandom.token()
        let expiresAt = now.adding(seconds: ChallengeRules.secondsValid)
        try transaction.execute(
            """
            INSERT INTO identity.session_challenges (id, token_hash, user_id, device_id,
                device_name, mode, uses_cookie, created_at, expires_at)
            VALUES (\(ID<SessionChallenge>.make(at: now)), \(Hash.sha256(token)), \(user.id),
                \(device?.id), \(wish.deviceName), \(wish.mode?.rawValue),
                \(wish.usesCookie), \(now), \(expiresAt))
            """)
        try audit.record(
            Act(.secondStepAsked, by: nil, of: user.id, from: origin), in: transaction)
        // Who has nothing else gets the code at once; others say first what they answer with.
        let phone = methods == [.smsCode] ? user.phone : nil
        return SecondStepAsked(
            challenge: token, methods: methods, sentTo: phone.map { "\($0)" },
            expiresIn: ChallengeRules.secondsValid)
    }

    /// Where a code is to be sent; nil where none is asked for, or one is still good.
    func phone(
        for asked: SecondStepAsked, of user: User, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> PhoneNumber? {
        guard asked.sentTo != nil, let phone = user.phone else { return nil }
        let then = now.adding(seconds: ChallengeRules.codeSecondsLeftMin)
        return try hasCode(.logIn, sentTo: .phone(phone), goodAt: then, transaction) ? nil : phone
    }

    // MARK: Steps

    /// Whom the challenge is for, if they can answer it in this way.
    private func require(
        _ method: SecondStep.Method, for challenge: String, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> User {
        guard let found = try self.challenge(challenge, now, transaction),
            let user = try users(where: "id = \(found.user)", transaction).first
        else { throw IdentityRejection.challengeInvalid }
        let methods = try secondSteps(of: user, transaction)
        guard methods.contains(method) else {
            throw IdentityRejection.methodNotAvailable(methods)
        }
        return user
    }

    private func challenge(
        _ token: String, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> SessionChallenge? {
        try transaction.first(
            """
            SELECT c.id, c.user_id, c.device_name, c.mode, c.uses_cookie, d.id, d.name
            FROM identity.session_challenges c LEFT JOIN identity.devices d ON d.id = c.device_id
            WHERE c.token_hash = \(Hash.sha256(token)) AND c.answered_at IS NULL
                AND c.expires_at > \(now) AND c.failures < \(ChallengeRules.failuresMax)
            FOR UPDATE OF c
            """
        ).map { row in
            let mode: String? = try row[3]
            let device: ID<Device>? = try row[5]
            return SessionChallenge(
                id: try row[0], user: try row[1],
                device: try device.map { Device(id: $0, name: try row[6]) },
                wish: LogInWish(
                    deviceName: try row[2], mode: try mode.map { try SessionMode(stored: $0) },
                    usesCookie: try row[4]))
        }
    }

    /// What is answered to a wrong step. It counts for the challenge, and for the person: whoever
    /// has the password cannot guess on with challenge after challenge.
    private func count(
        _ refusal: IdentityRejection, of challenge: SessionChallenge, _ guessed: Guessed,
        from origin: Origin, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> IdentityRejection {
        guard refusal.isWrongAnswer else { return refusal }
        try transaction.execute(
            """
            UPDATE identity.session_challenges SET failures = failures + 1
            WHERE id = \(challenge.id)
            """)
        let wrong = try countWrongGuess(at: guessed, from: origin, now, transaction)
        try audit.record(
            Act(
                .secondStepRefused, by: nil, of: challenge.user, from: origin,
                reason: refusal.reasonOfAct), in: transaction)
        return if case .locked(let seconds) = wrong { .tooManyAttempts(retryAfter: seconds) } else {
            refusal
        }
    }

    private func open(
        _ user: User, after challenge: SessionChallenge, _ way: LogInWay, from origin: Origin,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        try transaction.execute(
            """
            UPDATE identity.session_challenges SET answered_at = \(now) WHERE id = \(challenge.id)
            """)
        if let device = challenge.device {
            return try open(user, on: device, challenge.wish, way, from: origin, now, transaction)
        }
        let device = try addDevice(
            named: challenge.wish.deviceName, of: user.id, now, transaction)
        try announce(device, to: user, transaction)
        return try open(
            user, on: device, challenge.wish, way, from: origin, now, transaction, isNew: true)
    }
}

extension Act.Kind {
    static let secondStepAsked = Act.Kind("second_step_asked")
    static let secondStepRefused = Act.Kind("second_step_refused")
}
