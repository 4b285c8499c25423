internal import Postgres

extension IdentitySchema {
    static let auditLog = Migration(
        slice: "identity", number: 3, name: "the audit log",
        sql: """
            CREATE TABLE identity.acts (
                position bigint PRIMARY KEY CHECK (position > 0),
                at timestamptz NOT NULL,
                kind text NOT NULL CHECK (kind <> '' AND length(kind) <= 64),
                actor uuid,
                subject uuid,
                reason text CHECK (length(reason) <= 500),
                -- Finds what came from one address without storing it.
                address_index bytea CHECK (octet_length(address_index) = 32),
                -- Address, user agent, before and after.
                details_sealed bytea NOT NULL,
                link bytea NOT NULL UNIQUE CHECK (octet_length(link) = 32)
            );
            CREATE INDEX acts_by_subject ON identity.acts (subject, position);
            CREATE INDEX acts_by_actor ON identity.acts (actor, position);

            -- The end of the chain: whoever appends holds this row until the commit.
            CREATE TABLE identity.acts_head (
                id smallint PRIMARY KEY CHECK (id = 1),
                position bigint NOT NULL,
                link bytea NOT NULL CHECK (octet_length(link) = 32)
            );
            INSERT INTO identity.acts_head VALUES (1, 0, sha256('florin acts 1'));

            CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER acts_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.acts
                FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
            REVOKE UPDATE, DELETE, TRUNCATE ON identity.acts FROM PUBLIC;
            """)
}
