internal import Cryptography
internal import Notifications
internal import Postgres
internal import Values

extension Identity {
    /// Exchanges the password for another one, ends all other sessions, and tells the owner. Who
    /// has more to show than the old one has to.
    package func changePassword(
        from old: String, to new: String, by session: Session, _ presence: Presence
    ) async throws {
        let (user, origin) = (try await owner(of: session), presence.origin)
        try PasswordRules.checkLength(new)
        _ = try await requireStepUp(of: session, presence, orPassword: old)
        let proof = try await prove(old, of: user, from: origin)
        guard new != old else { throw IdentityRejection.passwordTooWeak(reason: "unchanged") }
        try await requireStrong(new, for: user)
        let (hash, now) = (try await hash(password: new), clock.now)
        try await database.transaction { transaction in
            try accept(proof, now, transaction)
            try store(
                passwordHash: hash, of: user, ending: "password_change", sparing: session.id, now,
                transaction)
            try audit.record(
                Act(.passwordChanged, by: user.id, of: user.id, from: origin), in: transaction)
        }
        sessionCache.forget(user: user.id)
    }

    /// Sends a code for a new password to a telephone number or an e-mail address. Where it
    /// belongs to nobody, nothing is sent, and the answer is the same.
    package func orderPasswordReset(to address: CodeAddress, from origin: Origin) async throws {
        try await sendCode(.resetPassword, to: address, from: origin) { transaction in
            try find(address, transaction)?.id
        }
    }

    /// Sets a new password for who has the code, ends all sessions, and tells the owner.
    package func resetPassword(
        _ new: String, at address: CodeAddress, code: String, from origin: Origin
    ) async throws {
        try await requireStrong(new, for: nil)
        let now = clock.now
        let checked = try await database.transaction { transaction in
            try check(code, .resetPassword, sentTo: address, from: origin, now, transaction)
        }
        let right = try checked.get()
        guard let user = try await user(right.user) else { throw IdentityRejection.codeExpired }
        // Only who has the code learns what the password may not be like.
        try await requireStrong(new, for: user)
        let hash = try await hash(password: new)
        try await database.transaction { transaction in
            guard try use(right, now, transaction) else { throw IdentityRejection.codeExpired }
            try forgetGuesses(at: guesses(at: .password, of: user.id), transaction)
            try store(
                passwordHash: hash, of: user, ending: "password_reset", sparing: nil, now,
                transaction)
            try audit.record(
                Act(.passwordReset, by: user.id, of: user.id, from: origin), in: transaction)
        }
        sessionCache.forget(user: user.id)
    }

    // MARK: Steps

    private func store(
        passwordHash hash: String, of user: User, ending reason: String,
        sparing session: ID<Session>?, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            UPDATE identity.users SET password_hash = \(hash), password_advised_at = NULL
            WHERE id = \(user.id)
            """)
        try endSessions(of: user, reason, sparing: session, now, transaction)
        try tell(
            user,
            """
            Your Florin password was changed, and other devices were logged out. If that was not \
            you, ask for a new password now.
            """, in: transaction)
    }

    /// Ends the person's sessions but one, here and in every process.
    func endSessions(
        of user: User, _ reason: String, sparing session: ID<Session>?, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE identity.sessions SET ended_at = \(now), end_reason = \(reason)
            WHERE user_id = \(user.id) AND ended_at IS NULL AND id IS DISTINCT FROM \(session)
            """)
        try announceChange(of: user.id, in: transaction)
    }

    func find(_ address: CodeAddress, _ transaction: borrowing Transaction) throws -> User? {
        switch address {
        case .phone(let phone): try find(phone, transaction)
        case .email(let email):
            try users(where: "email_index = \(vault.index(email))", transaction).first
        }
    }
}

extension Identity.CheckedCode {
    /// The code that was right, or the refusal.
    func get() throws(IdentityRejection) -> Identity.RightCode {
        switch self {
        case .right(let code): return code
        case .used: throw .codeExpired
        case .refused(let refusal): throw refusal
        }
    }
}

extension Act.Kind {
    static let passwordChanged = Act.Kind("password_changed")
    static let passwordReset = Act.Kind("password_reset")
}
