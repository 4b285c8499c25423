internal import Postgres

extension IdentitySchema {
    static let personKeys = Migration(
        slice: "identity", number: 4, name: "a key for each person",
        sql: """
            -- Random keys, wrapped by the operator's master keys. `index` makes the blind indexes,
            -- `log` seals what stands in the audit log and is nobody's.
            CREATE TABLE identity.vault_keys (
                name text PRIMARY KEY CHECK (name IN ('index', 'log')),
                wrapped bytea NOT NULL CHECK (octet_length(wrapped) = 77),
                created_at timestamptz NOT NULL
            );

            -- Everything personal of one person is sealed under this key. In a table of its own, so
            -- that it can be backed up apart, and for a shorter time.
            CREATE TABLE identity.person_keys (
                user_id uuid PRIMARY KEY REFERENCES identity.users,
                wrapped bytea NOT NULL CHECK (octet_length(wrapped) = 77),
                created_at timestamptz NOT NULL
            );

            ALTER TABLE identity.users
                ADD COLUMN full_name_sealed bytea CHECK (octet_length(full_name_sealed) <= 1024),
                ADD COLUMN birth_date_sealed bytea CHECK (octet_length(birth_date_sealed) <= 64),
                -- When the key was destroyed, and with it what could be known of this person.
                ADD COLUMN erased_at timestamptz,
                DROP CONSTRAINT reachable,
                ADD CONSTRAINT reachable CHECK (phone_index IS NOT NULL OR email_index IS NOT NULL
                    OR erased_at IS NOT NULL),
                ADD CONSTRAINT erased_holds_nothing CHECK (erased_at IS NULL OR (
                    phone_index IS NULL AND email_index IS NULL AND full_name_sealed IS NULL
                    AND birth_date_sealed IS NULL AND password_hash = '')),
                ADD CONSTRAINT erased_has_a_pseudonym CHECK (
                    (erased_at IS NOT NULL) = (username = 'former user ' || id));

            CREATE FUNCTION identity.refuse_key_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT FROM identity.users u
                    WHERE u.id = NEW.user_id AND u.erased_at IS NOT NULL) THEN
                    RAISE EXCEPTION 'who was erased gets no key again'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_key_for_the_erased BEFORE INSERT OR UPDATE ON identity.person_keys
                FOR EACH ROW EXECUTE FUNCTION identity.refuse_key_of_erased();

            CREATE FUNCTION identity.refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'who was erased stays erased' USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER the_erased_stay_erased BEFORE UPDATE OR DELETE ON identity.users
                FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL)
                EXECUTE FUNCTION identity.refuse_revival();

            CREATE OR REPLACE VIEW identity.people AS
                SELECT id,
                    CASE WHEN erased_at IS NULL THEN username ELSE 'a former user' END AS username,
                    role, plan, kyc_tier, verified_at IS NOT NULL AS is_verified
                FROM identity.users;
            """)
}
