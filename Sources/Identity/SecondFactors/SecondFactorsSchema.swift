internal import Postgres

extension IdentitySchema {
    static let secondFactors = Migration(
        slice: "identity", number: 6, name: "second factors",
        sql: """
            CREATE TABLE identity.authenticator_apps (
                user_id uuid PRIMARY KEY REFERENCES identity.users,
                secret_sealed bytea NOT NULL CHECK (octet_length(secret_sealed) BETWEEN 20 AND 128),
                created_at timestamptz NOT NULL,
                -- When a first code showed that the secret arrived; it is asked for afterwards.
                confirmed_at timestamptz,
                -- The newest step of which a code was accepted.
                last_step bigint NOT NULL DEFAULT 0 CHECK (last_step >= 0),
                failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
                locked_until timestamptz
            );

            CREATE FUNCTION identity.keep_authenticator_app() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.secret_sealed <> OLD.secret_sealed OR NEW.last_step < OLD.last_step
                    OR (OLD.confirmed_at IS NOT NULL
                        AND NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at)
                THEN
                    RAISE EXCEPTION 'a step is accepted once, and a secret stays'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER apps_keep_what_they_are BEFORE UPDATE ON identity.authenticator_apps
                FOR EACH ROW EXECUTE FUNCTION identity.keep_authenticator_app();

            CREATE TABLE identity.recovery_codes (
                code_hash bytea PRIMARY KEY CHECK (octet_length(code_hash) = 32),
                user_id uuid NOT NULL REFERENCES identity.authenticator_apps ON DELETE CASCADE,
                used_at timestamptz
            );
            CREATE INDEX recovery_codes_by_user ON identity.recovery_codes (user_id);
            """)
}
