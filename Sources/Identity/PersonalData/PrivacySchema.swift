internal import Postgres

extension IdentitySchema {
    static let privacy = Migration(
        slice: "identity", number: 14, name: "profiles, erasures, exports",
        sql: """
            ALTER TABLE identity.users
                ADD COLUMN language text
                    CHECK (language ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'),
                -- When a code that went to the e-mail address came back.
                ADD COLUMN email_proven_at timestamptz,
                -- What the username looks like at a glance; `Username.look` says the same.
                ADD COLUMN look text GENERATED ALWAYS AS (replace(replace(
                    translate(username, '01.-', 'ol__'), 'rn', 'm'), 'vv', 'w')) STORED,
                ADD CONSTRAINT users_look UNIQUE (look),
                ADD CONSTRAINT proven_is_there
                    CHECK (email_proven_at IS NULL OR email_index IS NOT NULL),
                ADD CONSTRAINT erased_speaks_nothing CHECK (erased_at IS NULL OR language IS NULL);

            ALTER TABLE identity.codes
                DROP CONSTRAINT codes_purpose,
                ADD CONSTRAINT codes_purpose CHECK (purpose IN ('phone', 'log_in',
                    'reset_password', 'reset_pin', 'change_phone', 'change_email'));
            ALTER TABLE identity.sessions
                DROP CONSTRAINT sessions_end_reason_check,
                ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN ('log_out',
                    'token_reuse', 'expired', 'password_change', 'password_reset', 'exit', 'idle',
                    'revoked', 'contact_change'));

            -- Sign-ups that are forgotten when nobody proves the number.
            CREATE INDEX users_unproven ON identity.users (created_at)
                WHERE verified_at IS NULL AND erased_at IS NULL;
            CREATE INDEX merchant_keys_revoked ON identity.merchant_keys (revoked_at)
                WHERE revoked_at IS NOT NULL;
            CREATE INDEX merchant_keys_expired ON identity.merchant_keys (expires_at)
                WHERE expires_at IS NOT NULL;

            -- Blind indexes of the looks of names that nobody gets again.
            CREATE TABLE identity.retired_usernames (
                look_index bytea PRIMARY KEY CHECK (octet_length(look_index) = 32),
                retired_at timestamptz NOT NULL
            );

            -- Who asked to be erased, and what became of it.
            CREATE TABLE identity.erasures (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                asked_at timestamptz NOT NULL,
                due_at timestamptz NOT NULL CHECK (due_at >= asked_at),
                -- When something stood in the way last.
                blocked_at timestamptz,
                -- When the key was destroyed; what is left to remove is removed afterwards.
                erased_at timestamptz,
                ended_at timestamptz,
                outcome text CHECK (outcome IN ('cancelled', 'erased')),
                CONSTRAINT ended_with_an_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
                CONSTRAINT erased_before_it_ended
                    CHECK (outcome IS NULL OR (outcome = 'erased') = (erased_at IS NOT NULL))
            );
            CREATE UNIQUE INDEX erasures_one_at_a_time ON identity.erasures (user_id)
                WHERE ended_at IS NULL;
            CREATE INDEX erasures_due ON identity.erasures (due_at) WHERE ended_at IS NULL;

            -- When a person took a copy of everything, to bound how often.
            CREATE TABLE identity.exports (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                at timestamptz NOT NULL
            );
            CREATE INDEX exports_by_user ON identity.exports (user_id, at);
            CREATE INDEX exports_by_time ON identity.exports (at);
            """)
}
