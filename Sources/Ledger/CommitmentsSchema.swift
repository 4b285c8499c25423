internal import Postgres

extension LedgerSchema {
    static let commitments = Migration(
        slice: "ledger", number: 5, name: "daily commitments",
        sql: """
            -- The keys that sign the books; the newest signs. The private part is sealed with the
            -- operator's master key, together with everything else in its row.
            CREATE TABLE ledger.commitment_keys (
                number bigint PRIMARY KEY,
                kid text NOT NULL UNIQUE,
                public_key bytea NOT NULL CHECK (length(public_key) = 65),
                private_sealed bytea NOT NULL,
                created_at timestamptz NOT NULL
            );

            -- One row for each day that had lines: what was said of it, and the signature.
            CREATE TABLE ledger.commitments (
                day date PRIMARY KEY,
                first_transfer bigint NOT NULL CHECK (first_transfer <= last_transfer),
                last_transfer bigint NOT NULL UNIQUE,
                batches bigint NOT NULL CHECK (batches > 0),
                root bytea NOT NULL CHECK (length(root) = 32),
                chain bytea NOT NULL CHECK (length(chain) = 32),
                previous bytea NOT NULL CHECK (length(previous) = 32),
                -- The last transfer and the root of every 1,024 links, so that a proof reads few.
                blocks bytea NOT NULL CHECK (length(blocks) % 40 = 0),
                jws text NOT NULL CHECK (length(jws) <= 2048)
            );
            CREATE TRIGGER commitments_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.commitments
                FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
            CREATE TRIGGER commitment_keys_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.commitment_keys
                FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
            REVOKE UPDATE, DELETE, TRUNCATE ON ledger.commitments, ledger.commitment_keys
                FROM PUBLIC;
            """)
}
