internal import Postgres

extension IdentitySchema {
    static let sessions = Migration(
        slice: "identity", number: 15, name: "keys that retire, sessions that are looked after",
        sql: """
            -- When the last token of a key that signs no more is over; null for the one that signs.
            ALTER TABLE identity.signing_keys ADD COLUMN verifies_until timestamptz;
            UPDATE identity.signing_keys SET verifies_until = now() + interval '6 hours 1 minute'
            WHERE kid <> (SELECT kid FROM identity.signing_keys ORDER BY created_at DESC LIMIT 1);
            CREATE UNIQUE INDEX one_key_signs ON identity.signing_keys ((true))
                WHERE verifies_until IS NULL;

            ALTER TABLE identity.sessions
                DROP CONSTRAINT sessions_end_reason_check,
                ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('log_out',
                    'token_reuse', 'expired', 'password_change', 'password_reset', 'exit', 'idle',
                    'contact_change', 'replaced', 'revoked', 'too_many'));
            CREATE INDEX sessions_open ON identity.sessions (user_id, seen_at DESC)
                WHERE ended_at IS NULL;
            """)

    static let secondFactorOfSessions = Migration(
        slice: "identity", number: 17, name: "sessions that showed a second factor",
        sql: """
            -- When an authenticator app or a passkey was last shown in it; staff work only then.
            ALTER TABLE identity.sessions ADD COLUMN second_factor_at timestamptz;
            """)
}
