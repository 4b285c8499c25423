internal import Postgres
internal import Values

/// How long what is no longer of use is kept.
enum IdentityKept {
    /// Codes are counted for an hour; a day leaves room to see what happened.
    static let codeSeconds: Int64 = 86_400
    /// Sessions without any token left, counted from the log-in.
    static let sessionSeconds: Int64 = 90 * 86_400
    /// Photographs that wait for a submission which does not come.
    static let waitingImageSeconds: Int64 = 7 * 86_400
    /// Photographs that were refused: long enough to answer who asks why.
    static let refusedImageSeconds: Int64 = 30 * 86_400
    /// Where an act came from, after the act.
    static let originSeconds: Int64 = 365 * 86_400
    /// Keys of merchants that open nothing any more, after their end: long enough to ask which of
    /// them did something.
    static let merchantKeySeconds: Int64 = 365 * 86_400
    /// Sign-ups whose telephone number nobody proved: it may be somebody else's.
    static let unprovenSeconds: Int64 = 30 * 86_400
    /// An hour of codes is looked at; a day leaves room to see what happened.
    static let codeTrafficSeconds: Int64 = 86_400
    static let codeStopSeconds: Int64 = 365 * 86_400
    /// Rows removed in one transaction.
    static let rowsMax = 5_000
}

extension Identity {
    /// Removes expired refresh tokens, old codes, forgotten guesses and long dead sessions.
    ///
    /// A used token stays until it expires: its second use would be a theft.
    package func tidy() async throws {
        let now = clock.now
        let limit = IdentityKept.rowsMax
        try await repeatedly(
            """
            DELETE FROM identity.refresh_tokens WHERE token_hash IN (
                SELECT token_hash FROM identity.refresh_tokens
                WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
            """)
        let oldestCode = ID<User>.earliest(at: now.adding(seconds: -IdentityKept.codeSeconds))
        try await repeatedly(
            """
            DELETE FROM identity.codes WHERE id IN (
                SELECT id FROM identity.codes WHERE id < \(oldestCode) ORDER BY id LIMIT \(limit))
            """)
        let remembered = now.adding(seconds: -GuessRules.secondsRemembered)
        try await repeatedly(
            """
            DELETE FROM identity.guesses WHERE index IN (
                SELECT index FROM identity.guesses
                WHERE failed_at < \(remembered) ORDER BY failed_at LIMIT \(limit))
            """)
        try await repeatedly(
            """
            DELETE FROM identity.code_traffic WHERE (prefix, minute) IN (
                SELECT prefix, minute FROM identity.code_traffic
                WHERE minute < \(now.adding(seconds: -IdentityKept.codeTrafficSeconds))
                ORDER BY minute LIMIT \(limit))
            """)
        let oldestStop = ID<CodeStop>.earliest(
            at: now.adding(seconds: -IdentityKept.codeStopSeconds))
        try await repeatedly(
            """
            DELETE FROM identity.code_stops WHERE id IN (
                SELECT id FROM identity.code_stops WHERE id < \(oldestStop) ORDER BY id
                LIMIT \(limit))
            """)
        let oldest = ID<Session>.earliest(at: now.adding(seconds: -IdentityKept.sessionSeconds))
        try await repeatedly(
            """
            DELETE FROM identity.sessions WHERE id IN (
                SELECT s.id FROM identity.sessions s WHERE s.id < \(oldest) AND NOT EXISTS (
                    SELECT 1 FROM identity.refresh_tokens r WHERE r.session_id = s.id)
                ORDER BY s.id LIMIT \(limit))
            """)
        try await removeRetiredKeys(now)
        try await removeExpired(now)
        try await removeMerchantKeys(
            endedBefore: now.adding(seconds: -IdentityKept.merchantKeySeconds))
        try await tidyImages(now)
        try await repeatedly(
            """
            DELETE FROM identity.disclosures WHERE id IN (
                SELECT id FROM identity.disclosures
                WHERE id < \(ID<User>.earliest(
                    at: now.adding(seconds: -IdentityKept.originSeconds)))
                ORDER BY id LIMIT \(limit))
            """)
        try await removeOrigins(before: now.adding(seconds: -IdentityKept.originSeconds))
    }

    /// What is good for minutes, counted for a day, or not come back to for half a year.
    private func removeExpired(_ now: Timestamp) async throws {
        let limit = IdentityKept.rowsMax
        try await repeatedly(
            """
            DELETE FROM identity.passkey_challenges WHERE challenge_hash IN (
                SELECT challenge_hash FROM identity.passkey_challenges
                WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
            """)
        try await repeatedly(
            """
            DELETE FROM identity.session_challenges WHERE id IN (
                SELECT id FROM identity.session_challenges
                WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
            """)
        let oldestDevice = now.adding(seconds: -DeviceRules.secondsKept)
        try await repeatedly(
            """
            DELETE FROM identity.devices WHERE id IN (
                SELECT id FROM identity.devices
                WHERE used_at < \(oldestDevice) ORDER BY used_at LIMIT \(limit))
            """)
        let oldestExport = now.adding(seconds: -ExportRules.daySeconds)
        try await repeatedly(
            """
            DELETE FROM identity.exports WHERE id IN (
                SELECT id FROM identity.exports
                WHERE at < \(oldestExport) ORDER BY at LIMIT \(limit))
            """)
    }

    private func tidyImages(_ now: Timestamp) async throws {
        let waiting = ID<KycImage>.earliest(
            at: now.adding(seconds: -IdentityKept.waitingImageSeconds))
        let refused = now.adding(seconds: -IdentityKept.refusedImageSeconds)
        try await repeatedly(
            """
            DELETE FROM identity.kyc_images WHERE id IN (
                SELECT i.id FROM identity.kyc_images i
                LEFT JOIN identity.kyc_submissions s ON s.id = i.submission_id
                WHERE (i.submission_id IS NULL AND i.id < \(waiting))
                    OR (s.state = 'refused' AND s.decided_at < \(refused))
                LIMIT \(IdentityKept.rowsMax))
            """)
    }

    private func removeMerchantKeys(endedBefore moment: Timestamp) async throws {
        var removed = IdentityKept.rowsMax
        while removed == IdentityKept.rowsMax {
            removed = try await database.transaction { transaction in
                let keys: [ID<MerchantKey>] = try transaction.query(
                    """
                    SELECT id FROM identity.merchant_keys
                    WHERE revoked_at < \(moment) OR expires_at < \(moment)
                    LIMIT \(IdentityKept.rowsMax)
                    """
                ).map { try $0[0] }
                try transaction.execute(
                    "DELETE FROM identity.merchant_key_secrets WHERE key_id = ANY(\(keys))")
                return try transaction.execute(
                    "DELETE FROM identity.merchant_keys WHERE id = ANY(\(keys))")
            }
        }
    }

    /// Forgets from where old acts came. The log itself says up to which act, so that an origin
    /// which somebody else removed is missed.
    private func removeOrigins(before moment: Timestamp) async throws {
        var removed = IdentityKept.rowsMax
        while removed == IdentityKept.rowsMax {
            removed = try await database.transaction { transaction in
                let rows = try transaction.query(
                    """
                    DELETE FROM identity.act_origins WHERE position IN (
                        SELECT position FROM identity.act_origins WHERE position <= (
                            SELECT position FROM identity.acts WHERE at < \(moment)
                            ORDER BY at DESC LIMIT 1)
                        ORDER BY position LIMIT \(IdentityKept.rowsMax))
                    RETURNING position
                    """)
                let last = try rows.map { try $0[0] as Int64 }.max()
                if let last {
                    try audit.record(
                        Act(
                            .originsRemoved, by: nil, of: nil, from: .program,
                            after: #"{"through":\#(last)}"#), in: transaction)
                }
                return rows.count
            }
        }
    }

    private func repeatedly(_ statement: SQL) async throws {
        var removed = IdentityKept.rowsMax
        while removed == IdentityKept.rowsMax {
            removed = try await database.transaction { try $0.execute(statement) }
        }
    }
}
