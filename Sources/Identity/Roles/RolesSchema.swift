internal import Postgres

extension IdentitySchema {
    static let roles = Migration(
        slice: "identity", number: 9, name: "an admin stays",
        sql: """
            CREATE FUNCTION identity.keep_an_admin() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                -- One after the other, and each sees what the one before has left.
                PERFORM pg_advisory_xact_lock(hashtext('identity.admins'));
                IF NOT EXISTS (SELECT FROM identity.users
                    WHERE role = 'admin' AND erased_at IS NULL AND id <> OLD.id) THEN
                    RAISE EXCEPTION 'the last admin stays' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER an_admin_stays BEFORE UPDATE OF role, erased_at ON identity.users
                FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.erased_at IS NULL
                    AND (NEW.role <> 'admin' OR NEW.erased_at IS NOT NULL))
                EXECUTE FUNCTION identity.keep_an_admin();
            """)
}
