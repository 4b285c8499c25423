internal import Postgres
internal import Values

/// How long what is no longer of use is kept.
enum IdentityKept {
    /// Codes are counted for an hour; a day leaves room to see what happened.
    static let codeSeconds: Int64 = 86_400
    /// Sessions without any token left, counted from the log-in.
    static let sessionSeconds: Int64 = 90 * 86_400
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
        let oldest = ID<Session>.earliest(at: now.adding(seconds: -IdentityKept.sessionSeconds))
        try await repeatedly(
            """
            DELETE FROM identity.sessions WHERE id IN (
                SELECT s.id FROM identity.sessions s WHERE s.id < \(oldest) AND NOT EXISTS (
                    SELECT 1 FROM identity.refresh_tokens r WHERE r.session_id = s.id)
                ORDER BY s.id LIMIT \(limit))
            """)
    }

    private func repeatedly(_ statement: SQL) async throws {
        var removed = IdentityKept.rowsMax
        while removed == IdentityKept.rowsMax {
            removed = try await database.transaction { try $0.execute(statement) }
        }
    }
}
