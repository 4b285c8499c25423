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

    static let auditLogAtRest = Migration(
        slice: "identity", number: 7, name: "the audit log at rest",
        sql: """
            -- Nothing had been released that wrote acts: the log begins here.
            DROP TABLE identity.acts;
            UPDATE identity.acts_head SET position = 0, link = sha256('florin acts 1');

            CREATE TABLE identity.acts (
                position bigint PRIMARY KEY CHECK (position > 0),
                at timestamptz NOT NULL,
                kind text NOT NULL CHECK (kind <> '' AND length(kind) <= 64),
                actor uuid,
                subject uuid,
                reason text CHECK (length(reason) <= 500),
                -- Of the row in act_origins, which is removed after a time.
                origin_digest bytea CHECK (octet_length(origin_digest) = 32),
                -- Before and after, under the subject's key.
                change_sealed bytea CHECK (octet_length(change_sealed) <= 65536),
                link bytea NOT NULL UNIQUE CHECK (octet_length(link) = 32)
            );
            CREATE INDEX acts_by_subject ON identity.acts (subject, position);
            CREATE INDEX acts_by_actor ON identity.acts (actor, position);
            CREATE INDEX acts_by_kind ON identity.acts (kind, position);
            CREATE INDEX acts_by_time ON identity.acts (at);
            CREATE INDEX acts_with_reason ON identity.acts (position) WHERE reason IS NOT NULL;

            CREATE TABLE identity.act_origins (
                position bigint PRIMARY KEY REFERENCES identity.acts,
                -- Under whose key: the actor's, or else the subject's. Null: the log's own.
                person uuid,
                -- Finds what came from one address without storing it.
                address_index bytea CHECK (octet_length(address_index) = 32),
                -- Address and user agent.
                sealed bytea NOT NULL CHECK (octet_length(sealed) <= 4096)
            );
            CREATE INDEX act_origins_by_address ON identity.act_origins (address_index, position);
            CREATE INDEX act_origins_by_person ON identity.act_origins (person);

            -- One row for each day that had acts: the last link of it, and the signature.
            CREATE TABLE identity.act_commitments (
                day date PRIMARY KEY,
                last_position bigint NOT NULL UNIQUE REFERENCES identity.acts,
                link bytea NOT NULL CHECK (octet_length(link) = 32),
                previous bytea NOT NULL CHECK (octet_length(previous) = 32),
                jws text NOT NULL CHECK (length(jws) <= 2048)
            );

            CREATE TRIGGER acts_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.acts
                FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
            CREATE TRIGGER act_origins_are_immutable
                BEFORE UPDATE OR TRUNCATE ON identity.act_origins
                FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
            CREATE TRIGGER act_commitments_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.act_commitments
                FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
            CREATE TRIGGER acts_head_stays
                BEFORE DELETE OR TRUNCATE ON identity.acts_head
                FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
            REVOKE UPDATE, DELETE, TRUNCATE ON identity.acts, identity.act_commitments FROM PUBLIC;
            REVOKE UPDATE, TRUNCATE ON identity.act_origins FROM PUBLIC;
            """)
}
