internal import Cryptography
internal import Postgres
package import Values

extension Act.Kind {
    static let passkeyAdded = Act.Kind("passkey_added")
    static let passkeyRenamed = Act.Kind("passkey_renamed")
    static let passkeyRemoved = Act.Kind("passkey_removed")
    static let passkeySuspended = Act.Kind("passkey_suspended")
    static let passkeyLogIn = Act.Kind("passkey_log_in")
}

// Adding, naming and removing passkeys: section 7.1 of Web Authentication Level 2.
extension Identity {
    /// What the browser is to ask the device for; the challenge is good once, for five minutes.
    ///
    /// Adding needs a challenge, so who has shown to be there for it need not show it twice.
    package func registrationOptions(
        for session: Session, _ presence: Presence
    ) async throws -> RegistrationOptions {
        try await requireStepUp(of: session, presence)
        let now = clock.now
        return try await database.transaction { transaction in
            let handle = try handle(of: session.user, transaction)
            let known = try transaction.query(
                "SELECT credential_id FROM identity.passkeys WHERE user_id = \(session.user)")
            guard known.count < PasskeyRules.perPersonMax else {
                throw IdentityRejection.tooManyPasskeys
            }
            return RegistrationOptions(
                challenge: try newChallenge(.registration, of: session.user, now, transaction),
                userHandle: handle, username: session.username,
                known: try known.map { try $0[0] })
        }
    }

    package func addPasskey(
        _ registration: PasskeyRegistration, name: String, for session: Session,
        from origin: Origin
    ) async throws -> Passkey {
        let now = clock.now
        let clientData = try reading { () throws(WebAuthnError) in
            try ClientData(parsing: registration.clientData)
        }
        // The challenge is spent whatever comes of it, so it has a transaction of its own.
        try await spend(clientData.challenge, .registration, of: session.user, now)
        let made = try reading { () throws(WebAuthnError) in
            try relyingParty.register(
                clientData, attestation: registration.attestation,
                credentialID: registration.credentialID, challenge: clientData.challenge)
        }
        let passkey = Passkey(
            id: .make(at: now), name: name, createdAt: now, lastUsedAt: nil, suspendedAt: nil)
        do {
            try await database.transaction { transaction in
                try requireRoom(for: session.user, transaction)
                try transaction.execute(
                    """
                    INSERT INTO identity.passkeys (id, user_id, credential_id, public_key,
                        sign_count, name, created_at)
                    VALUES (\(passkey.id), \(session.user), \(made.credential.id),
                        \(made.credential.keyBytes), \(Int64(made.signCount)), \(name), \(now))
                    """)
                // The device has just verified its person.
                try note(.passkey, in: session, now, transaction)
                try tell(
                    session.user,
                    "A passkey was added to your Florin wallet. If this was not you, log in, "
                        + "remove it and change your password.", in: transaction)
                try audit.record(
                    Act(
                        .passkeyAdded, by: session.user, of: session.user, from: origin,
                        after: "\(passkey.id)"), in: transaction)
            }
        } catch let error as DatabaseError where error.isUniqueViolation("passkeys_credential") {
            throw IdentityRejection.passkeyExists
        }
        forget(afterSecondFactorIn: session)
        return passkey
    }

    /// Oldest first.
    package func passkeys(of user: ID<User>) async throws -> [Passkey] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, name, created_at, last_used_at, suspended_at FROM identity.passkeys
                WHERE user_id = \(user) ORDER BY id
                """
            ).map { try Passkey(row: $0) }
        }
    }

    package func renamePasskey(
        _ id: ID<Passkey>, to name: String, for session: Session, from origin: Origin
    ) async throws -> Passkey {
        try await database.transaction { transaction in
            let row = try transaction.first(
                """
                UPDATE identity.passkeys SET name = \(name)
                WHERE id = \(id) AND user_id = \(session.user)
                RETURNING id, name, created_at, last_used_at, suspended_at
                """)
            guard let row else { throw IdentityRejection.passkeyNotFound }
            try audit.record(
                Act(
                    .passkeyRenamed, by: session.user, of: session.user, from: origin,
                    after: "\(id)"), in: transaction)
            return try Passkey(row: row)
        }
    }

    package func removePasskey(
        _ id: ID<Passkey>, for session: Session, _ presence: Presence
    ) async throws {
        try await requireStepUp(of: session, presence)
        try await database.transaction { transaction in
            let removed = try transaction.execute(
                """
                DELETE FROM identity.passkeys WHERE id = \(id) AND user_id = \(session.user)
                """)
            guard removed == 1 else { throw IdentityRejection.passkeyNotFound }
            try tell(
                session.user,
                "A passkey was removed from your Florin wallet. If this was not you, change your "
                    + "password.", in: transaction)
            try audit.record(
                Act(
                    .passkeyRemoved, by: session.user, of: session.user, from: presence.origin,
                    before: "\(id)"), in: transaction)
        }
    }

    // MARK: Steps

    /// The name by which devices know this person, made at the first passkey.
    private func handle(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [UInt8] {
        try transaction.execute(
            """
            INSERT INTO identity.passkey_owners (user_id, handle)
            VALUES (\(user), \(SecureRandom.bytes(Hash.bytesCount)))
            ON CONFLICT (user_id) DO NOTHING
            """)
        return try transaction.query(
            "SELECT handle FROM identity.passkey_owners WHERE user_id = \(user)")[0][0]
    }

    /// One at a time, so that no two find the last free place.
    private func requireRoom(
        for user: ID<User>, _ transaction: borrowing Transaction
    ) throws {
        let results = try transaction.pipeline([
            "SELECT 1 FROM identity.passkey_owners WHERE user_id = \(user) FOR UPDATE",
            "SELECT count(*) FROM identity.passkeys WHERE user_id = \(user)",
        ])
        let count: Int64 = try results[1].rows[0][0]
        guard count < PasskeyRules.perPersonMax else { throw IdentityRejection.tooManyPasskeys }
    }

    /// Says what is wrong with a device's answer in the words of this slice.
    func reading<Value>(
        _ body: () throws(WebAuthnError) -> Value
    ) throws(IdentityRejection) -> Value {
        do { return try body() } catch { throw .passkeyInvalid(reason: error.rawValue) }
    }
}

extension Passkey {
    fileprivate init(row: Row) throws {
        id = try row[0]
        name = try row[1]
        createdAt = try row[2]
        lastUsedAt = try row[3]
        suspendedAt = try row[4]
    }
}
