internal import Cryptography
internal import Postgres
internal import Values

/// What a challenge was given out for; it is good for nothing else.
enum PasskeyPurpose: String, Sendable {
    case registration
    case logIn = "log_in"
    case stepUp = "step_up"
    case secondStep = "second_step"
}

extension Identity {
    static let challengeBytes = 32

    /// Stores a new challenge and returns it. A known person has one of each purpose at a time.
    func newChallenge(
        _ purpose: PasskeyPurpose, of user: ID<User>?, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [UInt8] {
        let challenge = SecureRandom.bytes(Self.challengeBytes)
        try transaction.execute(
            """
            DELETE FROM identity.passkey_challenges WHERE challenge_hash IN (
                SELECT challenge_hash FROM identity.passkey_challenges WHERE expires_at <= \(now)
                ORDER BY expires_at LIMIT \(Int64(PasskeyRules.clearedMax))
                FOR UPDATE SKIP LOCKED)
            """)
        try transaction.execute(
            """
            INSERT INTO identity.passkey_challenges (challenge_hash, purpose, user_id, expires_at)
            VALUES (\(Hash.sha256(challenge)), \(purpose.rawValue), \(user),
                \(now.adding(seconds: PasskeyRules.challengeSeconds)))
            ON CONFLICT ON CONSTRAINT one_at_a_time DO UPDATE
                SET challenge_hash = excluded.challenge_hash, expires_at = excluded.expires_at
            """)
        return challenge
    }

    /// Takes a challenge that was given to this person for this purpose; there is no second time.
    func spend(
        _ challenge: [UInt8], _ purpose: PasskeyPurpose, of user: ID<User>?, _ now: Timestamp
    ) async throws {
        let isGood = try await database.transaction { transaction in
            try take(challenge, purpose, of: user, now, transaction)
        }
        guard isGood else { throw IdentityRejection.passkeyChallengeExpired }
    }

    /// The same in the caller's transaction, which has to commit whatever comes of the rest.
    func take(
        _ challenge: [UInt8], _ purpose: PasskeyPurpose, of user: ID<User>?, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Bool {
        let row = try transaction.first(
            """
            DELETE FROM identity.passkey_challenges
            WHERE challenge_hash = \(Hash.sha256(challenge))
                AND purpose = \(purpose.rawValue) AND user_id IS NOT DISTINCT FROM \(user)
            RETURNING expires_at > \(now)
            """)
        return try row?[0] ?? false
    }
}
