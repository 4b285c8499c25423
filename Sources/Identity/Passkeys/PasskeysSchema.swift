internal import Postgres

extension IdentitySchema {
    static let passkeys = Migration(
        slice: "identity", number: 5, name: "passkeys",
        sql: """
            -- How a passkey calls its owner: random, so that it tells nobody who that is.
            CREATE TABLE identity.passkey_owners (
                user_id uuid PRIMARY KEY REFERENCES identity.users,
                handle bytea NOT NULL UNIQUE CHECK (octet_length(handle) = 32)
            );

            CREATE TABLE identity.passkeys (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.passkey_owners,
                credential_id bytea NOT NULL
                    CHECK (octet_length(credential_id) BETWEEN 16 AND 1023),
                public_key bytea NOT NULL CHECK (octet_length(public_key) BETWEEN 32 AND 1024),
                sign_count bigint NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
                name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
                created_at timestamptz NOT NULL,
                last_used_at timestamptz,
                -- When its count went back: there may be a copy, so it is good for nothing more.
                suspended_at timestamptz,
                CONSTRAINT passkeys_credential UNIQUE (credential_id)
            );
            CREATE INDEX passkeys_by_user ON identity.passkeys (user_id);

            CREATE FUNCTION identity.keep_passkey() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.user_id <> OLD.user_id OR NEW.credential_id <> OLD.credential_id
                    OR NEW.public_key <> OLD.public_key OR NEW.sign_count < OLD.sign_count
                    OR (OLD.suspended_at IS NOT NULL
                        AND NEW.suspended_at IS DISTINCT FROM OLD.suspended_at)
                THEN
                    RAISE EXCEPTION 'a passkey keeps its owner, its key, its count and its end'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER passkeys_keep_what_they_are BEFORE UPDATE ON identity.passkeys
                FOR EACH ROW EXECUTE FUNCTION identity.keep_passkey();

            -- What a passkey is to sign next. A row goes with its first use.
            CREATE TABLE identity.passkey_challenges (
                challenge_hash bytea PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
                purpose text NOT NULL CHECK (purpose IN ('registration', 'log_in', 'step_up')),
                user_id uuid REFERENCES identity.users,
                expires_at timestamptz NOT NULL,
                CONSTRAINT known_unless_log_in CHECK ((user_id IS NULL) = (purpose = 'log_in')),
                CONSTRAINT one_at_a_time UNIQUE (user_id, purpose)
            );
            CREATE INDEX passkey_challenges_by_expiry ON identity.passkey_challenges (expires_at);
            """)
}
