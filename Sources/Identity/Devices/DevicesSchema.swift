internal import Postgres

extension IdentitySchema {
    static let devices = Migration(
        slice: "identity", number: 13, name: "devices and what a new one is asked",
        sql: """
            CREATE TABLE identity.devices (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
                name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
                created_at timestamptz NOT NULL,
                used_at timestamptz NOT NULL CHECK (used_at >= created_at),
                CONSTRAINT devices_token UNIQUE (token_hash)
            );
            CREATE INDEX devices_by_user ON identity.devices (user_id, used_at DESC);
            CREATE INDEX devices_by_use ON identity.devices (used_at);

            -- The password was right, and a second step is asked for.
            CREATE TABLE identity.session_challenges (
                id uuid PRIMARY KEY,
                token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
                user_id uuid NOT NULL REFERENCES identity.users,
                -- Null for one that is not known.
                device_id uuid REFERENCES identity.devices ON DELETE SET NULL,
                device_name text NOT NULL CHECK (length(device_name) BETWEEN 1 AND 64),
                -- What was asked for with the log-in; null leaves it to the person's setting.
                mode text CHECK (mode IN ('standard', 'strict')),
                uses_cookie boolean NOT NULL,
                created_at timestamptz NOT NULL,
                expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
                failures smallint NOT NULL DEFAULT 0 CHECK (failures BETWEEN 0 AND 5),
                answered_at timestamptz
            );
            CREATE INDEX session_challenges_by_device ON identity.session_challenges (device_id);
            CREATE INDEX session_challenges_by_expiry ON identity.session_challenges (expires_at);

            ALTER TABLE identity.passkey_challenges
                DROP CONSTRAINT passkey_challenges_purpose_check,
                ADD CONSTRAINT passkey_challenges_purpose_check CHECK (purpose IN
                    ('registration', 'log_in', 'step_up', 'second_step'));

            ALTER TABLE identity.sessions
                ADD COLUMN device_id uuid REFERENCES identity.devices ON DELETE SET NULL,
                ADD COLUMN name text NOT NULL DEFAULT 'Unknown device'
                    CHECK (length(name) BETWEEN 1 AND 64),
                ADD COLUMN mode text NOT NULL DEFAULT 'standard'
                    CHECK (mode IN ('standard', 'strict')),
                ADD COLUMN seen_at timestamptz,
                -- When nothing that was given out for it is good any more.
                ADD COLUMN expires_at timestamptz,
                ADD COLUMN address_sealed bytea,
                -- Of the cookie, for sessions that live in a browser.
                ADD COLUMN cookie_hash bytea UNIQUE CHECK (octet_length(cookie_hash) = 32),
                DROP CONSTRAINT sessions_end_reason_check,
                ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('log_out',
                    'token_reuse', 'expired', 'password_change', 'password_reset', 'exit', 'idle',
                    'revoked'));
            UPDATE identity.sessions s SET seen_at = created_at,
                expires_at = coalesce((SELECT max(r.expires_at) FROM identity.refresh_tokens r
                    WHERE r.session_id = s.id), created_at);
            ALTER TABLE identity.sessions
                ALTER COLUMN seen_at SET NOT NULL, ALTER COLUMN expires_at SET NOT NULL;
            CREATE INDEX sessions_idle ON identity.sessions (seen_at)
                WHERE ended_at IS NULL AND mode = 'strict';
            CREATE INDEX sessions_by_device ON identity.sessions (device_id);

            -- How a person's sessions are opened when the log-in does not say.
            CREATE TABLE identity.session_settings (
                user_id uuid PRIMARY KEY REFERENCES identity.users,
                mode text NOT NULL CHECK (mode IN ('standard', 'strict')),
                changed_at timestamptz NOT NULL
            );
            """)
}
