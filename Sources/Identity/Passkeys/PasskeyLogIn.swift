internal import Cryptography
internal import Postgres
internal import Values

// Using passkeys: section 7.2 of Web Authentication Level 2.
extension Identity {
    /// A challenge for whoever wants to log in; who that is, the passkey will tell.
    package func logInChallenge() async throws -> [UInt8] {
        let now = clock.now
        return try await database.transaction { transaction in
            try newChallenge(.logIn, of: nil, now, transaction)
        }
    }

    /// A challenge for who is logged in and about to do something weighty, and their passkeys.
    package func stepUpChallenge(
        for session: Session
    ) async throws -> (challenge: [UInt8], known: [[UInt8]]) {
        let now = clock.now
        return try await database.transaction { transaction in
            try challengeForPasskeys(of: session.user, .stepUp, now, transaction)
        }
    }

    /// A challenge for somebody who is known, and which passkeys they have.
    func challengeForPasskeys(
        of user: ID<User>, _ purpose: PasskeyPurpose, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> (challenge: [UInt8], known: [[UInt8]]) {
        let known = try transaction.query(
            """
            SELECT credential_id FROM identity.passkeys
            WHERE user_id = \(user) AND suspended_at IS NULL
            """)
        guard !known.isEmpty else { throw IdentityRejection.passkeyNotFound }
        let challenge = try newChallenge(purpose, of: user, now, transaction)
        return (challenge, try known.map { try $0[0] })
    }

    /// Opens a session for the owner of the passkey. The device has verified the person, by
    /// finger, face or PIN, so having it and being its owner are two factors already.
    package func logIn(
        with assertion: PasskeyAssertion, _ wish: LogInWish, from origin: Origin
    ) async throws -> OpenedSession {
        let clientData = try await spend(challengeOf: assertion, .logIn, of: nil)
        guard assertion.userHandle != nil else {
            throw IdentityRejection.passkeyInvalid(
                reason: WebAuthnError.credentialMismatch.rawValue)
        }
        let outcome = try await database.transaction { transaction -> Proven<OpenedSession> in
            let owner: ID<User>
            switch try prove(assertion, clientData, from: origin, transaction) {
            case .failure(let refusal): return .failure(refusal)
            case .success(let user): owner = user
            }
            guard let user = try users(where: "id = \(owner)", transaction).first else {
                return .failure(.passkeyUnknown)
            }
            let opened = try openUnasked(
                user, wish, .passkey, from: origin, clock.now, transaction)
            try audit.record(
                Act(.passkeyLogIn, by: owner, of: owner, from: origin), in: transaction)
            return .success(opened)
        }
        return try outcome.get()
    }

    // MARK: Steps

    /// A use is written down also when it is refused, so the transaction commits and the refusal is
    /// a value.
    typealias Proven<Value: Sendable> = Result<Value, IdentityRejection>

    /// Reads the client data and takes its challenge, whatever comes of the rest.
    func spend(
        challengeOf assertion: PasskeyAssertion, _ purpose: PasskeyPurpose, of user: ID<User>?
    ) async throws -> ClientData {
        let clientData = try reading { () throws(WebAuthnError) in
            try ClientData(parsing: assertion.clientData)
        }
        try await spend(clientData.challenge, purpose, of: user, clock.now)
        return clientData
    }

    /// Whose passkey made this assertion over a challenge that was spent just now.
    func prove(
        _ assertion: PasskeyAssertion, _ clientData: ClientData, from origin: Origin,
        _ transaction: borrowing Transaction
    ) throws -> Proven<ID<User>> {
        guard let passkey = try stored(assertion.credentialID, transaction) else {
            return .failure(.passkeyUnknown)
        }
        if passkey.isSuspended { return .failure(.passkeySuspended) }
        guard assertion.userHandle == nil || assertion.userHandle == passkey.handle else {
            return .failure(
                .passkeyInvalid(reason: WebAuthnError.credentialMismatch.rawValue))
        }
        let count: UInt32
        do {
            count = try reading { () throws(WebAuthnError) in
                try relyingParty.assert(
                    clientData, authenticatorData: assertion.authenticatorData,
                    signature: assertion.signature, by: try COSEKey(parsing: passkey.publicKey),
                    challenge: clientData.challenge)
            }
        } catch { return .failure(error) }
        guard SignCount.mayFollow(stored: passkey.signCount, received: count) else {
            try suspend(passkey, count, from: origin, transaction)
            return .failure(.passkeySuspended)
        }
        try transaction.execute(
            """
            UPDATE identity.passkeys SET sign_count = \(Int64(count)), last_used_at = \(clock.now)
            WHERE id = \(passkey.id)
            """)
        return .success(passkey.user)
    }

    struct StoredPasskey {
        let id: ID<Passkey>
        let user: ID<User>
        let handle: [UInt8]
        let publicKey: [UInt8]
        let signCount: UInt32
        let isSuspended: Bool
    }

    /// Locked, so that of twins with one count only one is accepted.
    func stored(
        _ credentialID: [UInt8], _ transaction: borrowing Transaction
    ) throws -> StoredPasskey? {
        try transaction.first(
            """
            SELECT p.id, p.user_id, o.handle, p.public_key, p.sign_count,
                p.suspended_at IS NOT NULL
            FROM identity.passkeys p JOIN identity.passkey_owners o USING (user_id)
            WHERE p.credential_id = \(credentialID) FOR UPDATE OF p
            """
        ).map { row in
            let count: Int64 = try row[4]
            return StoredPasskey(
                id: try row[0], user: try row[1], handle: try row[2], publicKey: try row[3],
                signCount: UInt32(truncatingIfNeeded: count), isSuspended: try row[5])
        }
    }

    private func suspend(
        _ passkey: StoredPasskey, _ count: UInt32, from origin: Origin,
        _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            UPDATE identity.passkeys SET suspended_at = \(clock.now) WHERE id = \(passkey.id)
            """)
        try tell(
            passkey.user,
            "A passkey of your Florin wallet may have been copied, so it is blocked. Log in with "
                + "your password, remove it and add a new one.", in: transaction)
        try audit.record(
            Act(
                .passkeySuspended, by: nil, of: passkey.user, from: origin,
                before: "\(passkey.signCount)", after: "\(count)"), in: transaction)
    }
}
