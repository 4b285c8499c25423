internal import Notifications
internal import Postgres
internal import Values

extension Identity {
    /// The channel on which is told who was erased, for every process that remembers names.
    package static let erasedChannel = "florin_erased"

    /// The person, whom nobody else changes until the transaction ends; nil when they were erased.
    func lock(
        _ user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> User? {
        // Not `FOR UPDATE`: a payment may note something beside this person.
        _ = try transaction.query(
            "SELECT id FROM identity.users WHERE id = \(user) FOR NO KEY UPDATE")
        return try users(where: "id = \(user) AND erased_at IS NULL", transaction).first
    }

    /// Removes every row of this slice that is about the person alone, and the messages to them.
    func removeEverything(
        of person: User, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let user = person.id
        let addresses =
            [person.phone.map { vault.index($0) }, person.email.map { vault.index($0) }]
            .compactMap { $0 }
        let guessed = [Guessed.Secret.password, .pin].map { guesses(at: $0, of: user).index }
        _ = try transaction.pipeline([
            "DELETE FROM identity.refresh_tokens r USING identity.sessions s "
                + "WHERE s.id = r.session_id AND s.user_id = \(user)",
            "DELETE FROM identity.sessions WHERE user_id = \(user)",
            "DELETE FROM identity.session_challenges WHERE user_id = \(user)",
            "DELETE FROM identity.session_settings WHERE user_id = \(user)",
            "DELETE FROM identity.devices WHERE user_id = \(user)",
            "DELETE FROM identity.codes WHERE user_id = \(user) "
                + "OR address_index = ANY(\(addresses))",
            "DELETE FROM identity.guesses WHERE index = ANY(\(guessed))",
            "DELETE FROM identity.pins WHERE user_id = \(user)",
            "DELETE FROM identity.passkey_challenges WHERE user_id = \(user)",
            "DELETE FROM identity.passkeys WHERE user_id = \(user)",
            "DELETE FROM identity.passkey_owners WHERE user_id = \(user)",
            "DELETE FROM identity.authenticator_apps WHERE user_id = \(user)",
            "DELETE FROM identity.merchant_key_secrets s USING identity.merchant_keys k "
                + "WHERE k.id = s.key_id AND k.user_id = \(user)",
            "DELETE FROM identity.merchant_keys WHERE user_id = \(user)",
            "DELETE FROM identity.exports WHERE user_id = \(user)",
        ])
        try notifications.erase(messagesTo: person.addresses, in: transaction)
        // Nobody got to know the name of who never proved a telephone number.
        if person.isVerified { try retire(person.username, now, transaction) }
    }

    /// Destroys the key and leaves a pseudonym.
    func empty(
        _ person: User, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let user = person.id
        try transaction.execute("DELETE FROM identity.person_keys WHERE user_id = \(user)")
        try transaction.execute(
            """
            UPDATE identity.users SET username = \(Username.pseudonym(of: user).text),
                phone_index = NULL, phone_sealed = NULL, email_index = NULL, email_sealed = NULL,
                email_proven_at = NULL, full_name_sealed = NULL, birth_date_sealed = NULL,
                language = NULL, password_hash = '', password_advised_at = NULL, erased_at = \(now)
            WHERE id = \(user)
            """)
        try announceChange(of: user, in: transaction)
        try transaction.notify(channel: "florin_erased", payload: "\(user)")
    }

    /// From where the person acted. The chain knows the digest, and an audit that the person was
    /// erased.
    func sweepOrigins(of user: ID<User>) async throws {
        var removed = IdentityKept.rowsMax
        while removed == IdentityKept.rowsMax {
            removed = try await database.transaction { transaction in
                try transaction.execute(
                    """
                    DELETE FROM identity.act_origins WHERE position IN (
                        SELECT position FROM identity.act_origins WHERE person = \(user)
                        ORDER BY position LIMIT \(IdentityKept.rowsMax))
                    """)
            }
        }
    }
}
