internal import Cryptography
internal import Postgres
package import Values

extension Identity {
    /// Sets the PIN. The first one takes the password of who has nothing better to show; another
    /// one takes the PIN before or a step-up, since a password alone is what a thief may have.
    package func setPin(
        _ pin: Pin, password: String?, by session: Session, _ presence: Presence
    ) async throws {
        let user = try await self.owner(of: session)
        try requireStrong(pin, for: user)
        let isByPassword = try await requireStepUp(
            of: session, presence, orPassword: password)
        let proof: PasswordProof? =
            if isByPassword, let password {
                try await prove(password, of: user, from: presence.origin)
            } else { nil }
        let (hash, now, right) = (try await hash(pin, of: user.id), clock.now, proof)
        try await database.transaction { transaction in
            if let right { try accept(right, now, transaction) }
            try store(pinHash: hash, of: user, now, transaction)
            try audit.record(
                Act(.pinSet, by: user.id, of: user.id, from: presence.origin), in: transaction)
        }
    }

    /// Sends a code for a new PIN to the owner.
    package func orderPinReset(by session: Session, from origin: Origin) async throws {
        let user = try await self.owner(of: session)
        guard let address = user.codeAddress else { throw IdentityRejection.forbidden }
        try await sendCode(.resetPin, to: address, from: origin) { _ in user.id }
    }

    /// Sets a new PIN for who has the code and knows the password, forgets wrong guesses, and ends
    /// all other sessions.
    package func resetPin(
        _ pin: Pin, code: String, password: String, by session: Session, from origin: Origin
    ) async throws {
        let user = try await self.owner(of: session)
        guard let address = user.codeAddress else { throw IdentityRejection.forbidden }
        try requireStrong(pin, for: user)
        let proof = try await prove(password, of: user, from: origin)
        let (hash, now) = (try await hash(pin, of: user.id), clock.now)
        let refusal = try await database.transaction { transaction -> IdentityRejection? in
            try accept(proof, now, transaction)
            let checked = try check(
                code, .resetPin, sentTo: address, from: origin, now, transaction)
            // A wrong try is counted, so the transaction commits and the refusal is a value.
            switch checked {
            case .refused(let refusal): return refusal
            case .used: return .codeExpired
            case .right(let code):
                guard try use(code, now, transaction) else { return .codeExpired }
            }
            try store(pinHash: hash, of: user, now, transaction)
            try forgetGuesses(at: guesses(at: .pin, of: user.id), transaction)
            try endSessions(of: user, "pin_reset", sparing: session.id, now, transaction)
            try audit.record(
                Act(.pinReset, by: user.id, of: user.id, from: origin), in: transaction)
            return nil
        }
        if let refusal { throw refusal }
        sessionCache.forget(user: user.id)
    }

    /// When the PIN was set; nil when there is none.
    package func pinSetAt(by session: Session) async throws -> Timestamp? {
        try await database.read { transaction in
            try transaction.first(
                "SELECT set_at FROM identity.pins WHERE user_id = \(session.user)"
            ).map { try $0[0] }
        }
    }

    /// Gives a PIN to somebody whom the operator has made, unless they have one.
    package func givePin(_ pin: Pin, to user: ID<User>) async throws {
        let (hash, now) = (try await hash(pin, of: user), clock.now)
        try await database.transaction { transaction in
            _ = try transaction.execute(
                """
                INSERT INTO identity.pins (user_id, hash, set_at)
                VALUES (\(user), \(hash), \(now)) ON CONFLICT DO NOTHING
                """)
        }
    }

    // MARK: Checking

    /// Checks the PIN of the person whose session it is.
    /// - Throws: `pinNotSet`, `pinIncorrect`, or `tooManyAttempts` while it is locked.
    func prove(_ pin: Pin, of session: Session, from origin: Origin) async throws {
        let (user, guessed) = (session.user, guesses(at: .pin, of: session.user))
        let (stored, lockedUntil) = try await database.read { transaction in
            let found = try transaction.pipeline([
                "SELECT hash FROM identity.pins WHERE user_id = \(user)", lockStatement(guessed),
            ])
            let hash: String? = try found[0].rows.first?[0]
            return (hash, try self.lockedUntil(found[1].rows))
        }
        guard let stored else { throw IdentityRejection.pinNotSet }
        let wait = lockedUntil.map { clock.now.seconds(until: $0) } ?? 0
        guard wait <= 0 else { throw IdentityRejection.tooManyAttempts(retryAfter: wait) }
        guard try await pins.verify(peppered(pin, of: user), against: stored) else {
            throw switch try await countWrongGuess(at: guessed, from: origin) {
            case .counted(let left): IdentityRejection.pinIncorrect(triesLeft: left)
            case .locked(let seconds): IdentityRejection.tooManyAttempts(retryAfter: seconds)
            }
        }
        let now = clock.now
        try await database.transaction { transaction in
            try acceptGuess(at: guessed, now, transaction)
        }
    }

    // MARK: Steps

    func owner(of session: Session) async throws -> User {
        guard let user = try await user(session.user) else {
            throw IdentityRejection.sessionInvalid
        }
        return user
    }

    private func requireStrong(_ pin: Pin, for user: User) throws(IdentityRejection) {
        let weakness = PinRules.weakness(of: pin, phone: user.phone, birth: user.birthDate)
        if let weakness { throw .pinTooWeak(reason: weakness) }
    }

    private func hash(_ pin: Pin, of user: ID<User>) async throws -> String {
        try await pins.hash(peppered(pin, of: user))
    }

    /// What is hashed slowly is a hash with the operator's key, so that a stolen table cannot be
    /// searched: a million PINs are tried in hours.
    private func peppered(_ pin: Pin, of user: ID<User>) -> String {
        Base64URL.encode(vault.hash(pin: pin.text, of: user))
    }

    /// The new PIN counts from now on: sessions that the old one stepped up are no longer.
    private func store(
        pinHash hash: String, of user: User, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO identity.pins (user_id, hash, set_at) VALUES (\(user.id), \(hash), \(now))
            ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at
            """)
        try transaction.execute(
            """
            DELETE FROM identity.step_ups WHERE method = 'pin' AND session_id IN (
                SELECT id FROM identity.sessions WHERE user_id = \(user.id))
            """)
        try tell(
            user,
            "Your Florin PIN was set. If that was not you, change your password and PIN now.",
            in: transaction)
    }
}

extension Act.Kind {
    static let pinSet = Act.Kind("pin_set")
    static let pinReset = Act.Kind("pin_reset")
}
