internal import Cryptography
internal import Postgres
internal import Values

/// A password that was right when it was checked. What it opens is decided in the transaction that
/// accepts it.
struct PasswordProof: Sendable {
    let user: User
    fileprivate let guessed: Guessed
    fileprivate let hash: String
    /// Of the same password, where the stored hash was made in another way than hashes are now.
    fileprivate let renewed: String?
}

extension Identity {
    /// Checks the password of whoever logs in under this name.
    /// - Throws: `credentialsInvalid`, for strangers too; `tooManyAttempts` while it is locked.
    func prove(
        login: String, password: String, from origin: Origin
    ) async throws -> PasswordProof {
        let known = try await credentials(of: login)
        if let wait = known.lockedSeconds(at: clock.now) {
            throw IdentityRejection.tooManyAttempts(retryAfter: wait)
        }
        // A stranger costs the same work, so that time does not tell who has a wallet.
        let hash = if let hash = known.hash { hash } else { try await decoy.hash(by: hash) }
        let isRight = try await verify(password, against: hash)
        guard let user = known.user, isRight else {
            throw switch try await countWrongGuess(at: known.guessed, from: origin) {
            case .counted: IdentityRejection.credentialsInvalid
            case .locked(let seconds): IdentityRejection.tooManyAttempts(retryAfter: seconds)
            }
        }
        return PasswordProof(
            user: user, guessed: known.guessed, hash: hash,
            renewed: try await renewed(hash, of: password))
    }

    /// Checks the password of a person who is known already, and says so when it is wrong.
    func prove(
        _ password: String, of user: User, from origin: Origin
    ) async throws -> PasswordProof {
        do {
            return try await prove(login: user.username.text, password: password, from: origin)
        } catch IdentityRejection.credentialsInvalid {
            throw IdentityRejection.passwordIncorrect
        }
    }

    /// Lets a right password count. Others may have failed while it was checked: a burst of guesses
    /// must not learn which of them was right.
    func accept(
        _ proof: PasswordProof, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try acceptGuess(at: proof.guessed, now, transaction)
        guard let renewed = proof.renewed else { return }
        try transaction.execute(
            """
            UPDATE identity.users SET password_hash = \(renewed)
            WHERE id = \(proof.user.id) AND password_hash = \(proof.hash)
            """)
    }

    // MARK: Steps

    private struct Credentials: Sendable {
        let user: User?
        /// Of the person, or for a stranger of somebody else.
        let hash: String?
        let guessed: Guessed
        let lockedUntil: Timestamp?

        func lockedSeconds(at now: Timestamp) -> Int64? {
            let wait = lockedUntil.map { now.seconds(until: $0) } ?? 0
            return wait > 0 ? wait : nil
        }
    }

    /// What is stored of the person behind the name.
    ///
    /// A stranger is checked against the hash of somebody else, always the same one for the same
    /// name, and the result is thrown away. So strangers take as long as people do, also where
    /// some people's hashes are older, dearer, or bcrypt's.
    private func credentials(of login: String) async throws -> Credentials {
        let condition = condition(login) ?? "false"
        return try await database.read { transaction -> Credentials in
            let user = try users(where: condition, transaction).first
            let guessed =
                user.map { guesses(at: .password, of: $0.id) }
                ?? guesses(at: .password, of: nil, named: login)
            let found = try transaction.pipeline([
                "SELECT password_hash FROM identity.users WHERE id = \(user?.id)",
                """
                SELECT password_hash FROM identity.users WHERE phone_index >= \(guessed.index)
                ORDER BY phone_index LIMIT 1
                """,
                lockStatement(guessed),
            ])
            return Credentials(
                user: user, hash: try (found[0].rows.first ?? found[1].rows.first)?[0],
                guessed: guessed, lockedUntil: try lockedUntil(found[2].rows))
        }
    }

    /// A new hash where the stored one was made in another way; nil also when there is no room to
    /// make one now, since another log-in will come.
    private func renewed(_ hash: String, of password: String) async throws -> String? {
        guard isOutdated(hash) else { return nil }
        do { return try await self.hash(password: password) } catch is PasswordHasher.Overloaded {
            return nil
        }
    }
}
