package import Postgres

/// Schema `identity`: who people are, how they prove it, and where they are logged in.
///
/// Telephone numbers and e-mail addresses are stored twice: sealed, to be shown to their owner, and
/// as a keyed hash (a blind index), to be found. Neither can be read without the person's key and
/// the operator's master key, which wraps it.
package enum IdentitySchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "identity", number: 1, name: "users, codes, sessions",
            sql: """
                CREATE SCHEMA identity;

                CREATE TABLE identity.users (
                    id uuid PRIMARY KEY,
                    username text NOT NULL,
                    phone_index bytea CHECK (octet_length(phone_index) = 32),
                    phone_sealed bytea,
                    email_index bytea CHECK (octet_length(email_index) = 32),
                    email_sealed bytea,
                    password_hash text NOT NULL,
                    role text NOT NULL CHECK (role IN ('customer', 'worker', 'merchant', 'support',
                        'finance', 'admin', 'auditor')),
                    plan text NOT NULL DEFAULT 'FREE' CHECK (plan IN ('FREE', 'PREMIUM')),
                    kyc_tier smallint NOT NULL DEFAULT 0 CHECK (kyc_tier BETWEEN 0 AND 2),
                    created_at timestamptz NOT NULL,
                    -- When a way to reach this person was proven; money moves only afterwards.
                    verified_at timestamptz,
                    CONSTRAINT users_username UNIQUE (username),
                    CONSTRAINT users_phone UNIQUE (phone_index),
                    CONSTRAINT users_email UNIQUE (email_index),
                    CONSTRAINT phone_index_iff_sealed
                        CHECK ((phone_index IS NULL) = (phone_sealed IS NULL)),
                    CONSTRAINT email_index_iff_sealed
                        CHECK ((email_index IS NULL) = (email_sealed IS NULL)),
                    CONSTRAINT reachable CHECK (phone_index IS NOT NULL OR email_index IS NOT NULL)
                );

                CREATE TABLE identity.codes (
                    id uuid PRIMARY KEY,
                    user_id uuid NOT NULL REFERENCES identity.users,
                    purpose text NOT NULL,
                    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
                    created_at timestamptz NOT NULL,
                    expires_at timestamptz NOT NULL,
                    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
                    used_at timestamptz
                );
                CREATE INDEX codes_by_user ON identity.codes (user_id, purpose, created_at DESC);

                CREATE TABLE identity.login_failures (
                    user_id uuid PRIMARY KEY REFERENCES identity.users,
                    failures integer NOT NULL CHECK (failures > 0),
                    locked_until timestamptz NOT NULL
                );

                CREATE TABLE identity.sessions (
                    id uuid PRIMARY KEY,
                    user_id uuid NOT NULL REFERENCES identity.users,
                    created_at timestamptz NOT NULL,
                    ended_at timestamptz,
                    end_reason text CHECK (end_reason IN ('log_out', 'token_reuse', 'expired')),
                    CONSTRAINT ended_with_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
                );
                CREATE INDEX sessions_by_user ON identity.sessions (user_id);

                CREATE TABLE identity.refresh_tokens (
                    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
                    session_id uuid NOT NULL REFERENCES identity.sessions,
                    created_at timestamptz NOT NULL,
                    expires_at timestamptz NOT NULL,
                    -- A second use after this moment is a theft.
                    used_at timestamptz
                );
                CREATE INDEX refresh_tokens_by_session ON identity.refresh_tokens (session_id);

                CREATE TABLE identity.signing_keys (
                    kid text PRIMARY KEY,
                    private_sealed bytea NOT NULL,
                    created_at timestamptz NOT NULL
                );

                -- What other slices may know of a person.
                CREATE VIEW identity.people AS
                    SELECT id, username, role, plan, kyc_tier,
                        verified_at IS NOT NULL AS is_verified
                    FROM identity.users;
                """),
        Migration(
            slice: "identity", number: 2, name: "expired tokens are found",
            sql: """
                CREATE INDEX refresh_tokens_by_expiry ON identity.refresh_tokens (expires_at);
                """),
        auditLog,
        personKeys,
        passkeys,
        secondFactors,
        merchantKeys,
        auditLogAtRest,
        roles,
        secrets,
        codeGuard,
        kyc,
        devices,
        privacy,
        sessions,
        stepUps,
        secondFactorOfSessions,
    ]
}
