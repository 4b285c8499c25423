internal import Postgres
internal import Values

/// When merchants are told that a key will end.
enum KeyReminderRules {
    /// Two weeks: enough to give a new key to every program, and to be read by who is on leave.
    static let secondsAhead: Int64 = 14 * 86_400
    /// Of a key that lives for less than eight weeks, when this part of its time is left.
    static let quarters: Int64 = 4
    /// Keys told of in one transaction.
    static let rowsMax = 100
}

extension Identity {
    /// Tells the owners of keys that will end soon, once for each key.
    package func remindOfKeys() async throws {
        var told = KeyReminderRules.rowsMax
        while told == KeyReminderRules.rowsMax {
            let now = clock.now
            told = try await database.transaction { try remindOfKeys(now, $0) }
        }
    }

    private func remindOfKeys(
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Int {
        let soon = now.adding(seconds: KeyReminderRules.secondsAhead)
        let rows = try transaction.query(
            """
            UPDATE identity.merchant_keys SET reminded_at = \(now) WHERE id IN (
                SELECT id FROM identity.merchant_keys
                WHERE reminded_at IS NULL AND revoked_at IS NULL AND expires_at > \(now)
                    AND expires_at <= \(soon)
                    AND expires_at - (expires_at - created_at) / \(KeyReminderRules.quarters)
                        <= \(now)
                ORDER BY expires_at LIMIT \(KeyReminderRules.rowsMax) FOR UPDATE SKIP LOCKED)
            RETURNING user_id, name, expires_at
            """)
        for row in rows {
            let (name, end): (String, Timestamp) = (try row[1], try row[2])
            try tell(
                try row[0] as ID<User>,
                """
                The key “\(name)” of your Florin wallet ends on \(end.day). Make a new one and \
                give it to your program before then.
                """, in: transaction)
        }
        return rows.count
    }
}

extension Timestamp {
    /// `2026-11-25`, in UTC.
    fileprivate var day: Substring { "\(self)".prefix(10) }
}
