internal import Cryptography
internal import Postgres
package import Values

/// How a session can be stepped up.
package enum StepUpMethod: String, Sendable, CaseIterable {
    case pin
    case passkey
    case totp
    /// Of who has nothing better to show; no payment is allowed by it.
    case password

    /// How they are offered: the PIN, a passkey or the authenticator app.
    static func words(_ methods: [StepUpMethod]) -> String {
        let words = methods.map { method in
            switch method {
            case .pin: "the PIN"
            case .passkey: "a passkey"
            case .totp: "the authenticator app"
            case .password: "the password"
            }
        }
        guard words.count > 1, let last = words.last else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// What a person shows to step the session up.
package enum StepUpProof: Sendable {
    case pin(Pin)
    case passkey(PasskeyAssertion)
    case totp(String)
    case password(String)

    package var method: StepUpMethod {
        switch self {
        case .pin: .pin
        case .passkey: .passkey
        case .totp: .totp
        case .password: .password
        }
    }
}

/// How long a stepped-up session stays so.
package enum StepUpRules {
    package static let seconds: Int64 = 300
}

extension Identity {
    /// Writes down that the person has just shown to be there, once they have.
    package func stepUp(
        _ session: Session, with proof: StepUpProof, from origin: Origin
    ) async throws -> Timestamp {
        switch proof {
        case .pin(let pin):
            try await prove(pin, of: session, from: origin)
            try await database.transaction { try write(.pin, session, from: origin, $0) }
        case .passkey(let assertion):
            try await stepUp(session, with: assertion, from: origin)
        case .totp(let code):
            try await prove(.totp(code), for: session, from: origin) {
                try write(.totp, session, from: origin, $0)
            }
        case .password(let password):
            try await stepUp(session, withPassword: password, from: origin)
        }
        forget(afterSecondFactorIn: session)
        return clock.now.adding(seconds: StepUpRules.seconds)
    }

    /// Refuses what would let a stranger stay in the wallet, unless its owner has just shown to be
    /// there: by the PIN with the request, or by a session that was stepped up lately. The password
    /// is enough only for who has no PIN, no passkey and no authenticator app.
    package func requireStepUp(of session: Session, _ presence: Presence) async throws {
        let asked = try await stepUpsAsked(of: session, presence)
        guard asked.isEmpty else { throw IdentityRejection.stepUpRequired(asked) }
    }

    /// The same for what comes with a password, which the caller then checks.
    /// - Returns: whether the password is all that was shown.
    func requireStepUp(
        of session: Session, _ presence: Presence, orPassword password: String?
    ) async throws -> Bool {
        let asked = try await stepUpsAsked(of: session, presence)
        if asked == [.password], password != nil { return true }
        guard asked.isEmpty else { throw IdentityRejection.stepUpRequired(asked) }
        return false
    }

    /// The same for what may bring the password along, which is checked here.
    func requireStepUp(
        of session: Session, _ presence: Presence, password: String?
    ) async throws {
        let isByPassword = try await requireStepUp(of: session, presence, orPassword: password)
        guard isByPassword, let password else { return }
        let proof = try await prove(
            password, of: try await owner(of: session), from: presence.origin)
        let now = clock.now
        try await database.transaction { try accept(proof, now, $0) }
    }

    /// What it may refuse.
    static let stepUpRejections: [IdentityRejection] = [
        .stepUpRequired([]), .passwordIncorrect, .pinIncorrect(triesLeft: 0),
        .tooManyAttempts(retryAfter: 0),
    ]

    /// Step-ups before this moment are over.
    var stepUpsSince: Timestamp { clock.now.adding(seconds: -StepUpRules.seconds) }

    // MARK: Steps

    /// With which of them the person can step the session up; nothing when that has been done.
    private func stepUpsAsked(
        of session: Session, _ presence: Presence
    ) async throws -> [StepUpMethod] {
        if presence.isVouched { return [] }
        if let pin = presence.pin {
            do {
                try await prove(pin, of: session, from: presence.origin)
                return []
            } catch IdentityRejection.pinNotSet {}
        }
        let since = stepUpsSince
        return try await database.read { transaction in
            let factors = try factors(of: session.user, transaction)
            let asked = factors.isEmpty ? [StepUpMethod.password] : factors
            // What was shown with the password is over with the first factor.
            let row = try transaction.query(
                """
                SELECT EXISTS (SELECT 1 FROM identity.step_ups
                    WHERE session_id = \(session.id) AND at > \(since)
                        AND method = ANY(\(asked.map(\.rawValue))))
                """)[0]
            return try row[0] ? [] : asked
        }
    }

    /// What the person has to show besides the password.
    func factors(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [StepUpMethod] {
        let row = try transaction.query(
            """
            SELECT EXISTS (SELECT 1 FROM identity.pins WHERE user_id = \(user)),
                EXISTS (SELECT 1 FROM identity.passkeys
                    WHERE user_id = \(user) AND suspended_at IS NULL),
                EXISTS (SELECT 1 FROM identity.authenticator_apps
                    WHERE user_id = \(user) AND confirmed_at IS NOT NULL)
            """)[0]
        let has: [(StepUpMethod, Bool)] = [
            (.pin, try row[0]), (.passkey, try row[1]), (.totp, try row[2]),
        ]
        return has.filter(\.1).map(\.0)
    }

    private func stepUp(
        _ session: Session, with assertion: PasskeyAssertion, from origin: Origin
    ) async throws {
        let clientData = try await spend(challengeOf: assertion, .stepUp, of: session.user)
        let refusal = try await database.transaction { transaction -> IdentityRejection? in
            // A use is written down also when it is refused, so the refusal is a value.
            switch try prove(assertion, clientData, from: origin, transaction) {
            case .failure(let refusal): return refusal
            case .success(session.user): break
            case .success: return .passkeyUnknown
            }
            try write(.passkey, session, from: origin, transaction)
            return nil
        }
        if let refusal { throw refusal }
    }

    private func stepUp(
        _ session: Session, withPassword password: String, from origin: Origin
    ) async throws {
        let user = try await owner(of: session)
        let better = try await database.read { try factors(of: user.id, $0) }
        guard better.isEmpty else { throw IdentityRejection.stepUpRequired(better) }
        let right = try await prove(password, of: user, from: origin)
        let now = clock.now
        try await database.transaction { transaction in
            try accept(right, now, transaction)
            try write(.password, session, from: origin, transaction)
        }
    }

    /// Steps the session up, without a word in the log.
    func note(
        _ method: StepUpMethod, in session: Session, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.step_ups (session_id, method, at)
            VALUES (\(session.id), \(method.rawValue), \(now))
            ON CONFLICT (session_id, method) DO UPDATE SET at = excluded.at
            """)
        guard [.totp, .passkey].contains(method) else { return }
        try noteSecondFactor(in: session, now, transaction)
    }

    private func write(
        _ method: StepUpMethod, _ session: Session, from origin: Origin,
        _ transaction: borrowing Transaction
    ) throws {
        try note(method, in: session, clock.now, transaction)
        try audit.record(
            Act(
                .steppedUp, by: session.user, of: session.user, from: origin,
                reason: method.rawValue), in: transaction)
    }
}

extension Act.Kind {
    static let steppedUp = Act.Kind("stepped_up")
}
