internal import Postgres

extension IdentitySchema {
    static let secrets = Migration(
        slice: "identity", number: 10, name: "codes of many purposes, guesses, PINs, step-ups",
        sql: """
            -- A code lives for five minutes: the few of this moment are asked for again.
            DELETE FROM identity.codes;
            DROP INDEX identity.codes_by_user;
            ALTER TABLE identity.codes
                -- Null: the address belongs to nobody, and the code went nowhere.
                ALTER COLUMN user_id DROP NOT NULL,
                ADD COLUMN address_index bytea NOT NULL CHECK (octet_length(address_index) = 32),
                ADD CONSTRAINT codes_purpose
                    CHECK (purpose IN ('phone', 'log_in', 'reset_password', 'reset_pin')),
                -- Five tries, and one more that stands for all that came too late.
                ADD CONSTRAINT codes_tries CHECK (tries <= 6),
                ADD CONSTRAINT codes_used_by_somebody
                    CHECK (used_at IS NULL OR user_id IS NOT NULL);
            CREATE INDEX codes_by_address
                ON identity.codes (address_index, purpose, created_at DESC);

            -- Locks of this moment last seconds, so they are not taken over.
            DROP TABLE identity.login_failures;
            CREATE TABLE identity.guesses (
                -- A keyed hash of what is guessed at and whose it is, people and strangers alike.
                index bytea PRIMARY KEY CHECK (octet_length(index) = 32),
                failures integer NOT NULL CHECK (failures >= 0),
                failed_at timestamptz NOT NULL,
                locked_until timestamptz NOT NULL,
                CONSTRAINT five_failures_lock CHECK (failures < 5 OR locked_until > failed_at)
            );
            CREATE INDEX guesses_by_time ON identity.guesses (failed_at);

            CREATE TABLE identity.pins (
                user_id uuid PRIMARY KEY REFERENCES identity.users,
                hash text NOT NULL CHECK (hash LIKE '$argon2id$%'),
                set_at timestamptz NOT NULL
            );

            CREATE TABLE identity.step_ups (
                session_id uuid NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
                method text NOT NULL CHECK (method IN ('pin', 'passkey', 'totp')),
                at timestamptz NOT NULL,
                PRIMARY KEY (session_id, method)
            );

            ALTER TABLE identity.sessions
                DROP CONSTRAINT sessions_end_reason_check,
                ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN
                    ('log_out', 'token_reuse', 'expired', 'password_change', 'password_reset'));
            """)

    static let peppers = Migration(
        slice: "identity", number: 18, name: "peppers, advice on passwords, reminders of keys",
        sql: """
            -- Secrets that go into passwords before these are hashed; each has a version.
            ALTER TABLE identity.vault_keys
                DROP CONSTRAINT vault_keys_name_check,
                ADD CONSTRAINT vault_keys_name_check
                    CHECK (name IN ('index', 'log') OR name ~ '^pepper-[1-9][0-9]{0,3}$');
            -- When the owner was told that this password is weak; null with the next one.
            ALTER TABLE identity.users ADD COLUMN password_advised_at timestamptz;
            -- When the owner was told that this key will end.
            ALTER TABLE identity.merchant_keys ADD COLUMN reminded_at timestamptz;
            """)

    static let stepUps = Migration(
        slice: "identity", number: 16, name: "step-ups of every kind",
        sql: """
            -- Wrong codes of apps are counted where all wrong guesses are.
            ALTER TABLE identity.authenticator_apps
                DROP COLUMN failures, DROP COLUMN locked_until;
            -- Null: not locked. A moment would be before that of some guess that was waiting.
            ALTER TABLE identity.guesses
                ALTER COLUMN locked_until DROP NOT NULL,
                DROP CONSTRAINT five_failures_lock,
                ADD CONSTRAINT five_failures_lock
                    CHECK (failures < 5 OR coalesce(locked_until > failed_at, false));
            ALTER TABLE identity.step_ups
                DROP CONSTRAINT step_ups_method_check,
                ADD CONSTRAINT step_ups_method_check
                    CHECK (method IN ('pin', 'passkey', 'totp', 'password'));
            ALTER TABLE identity.sessions
                DROP CONSTRAINT sessions_end_reason_check,
                ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN
                    ('log_out', 'token_reuse', 'expired', 'password_change', 'password_reset',
                        'pin_reset', 'exit', 'idle', 'revoked', 'contact_change', 'replaced',
                        'too_many'));
            """)
}
