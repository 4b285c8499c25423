internal import Postgres

extension LedgerSchema {
    static let terms = Migration(
        slice: "ledger", number: 8, name: "terms of the usual writer",
        sql: """
            -- What is forwarded is bound to a term; when it is over, it can no longer be written.
            ALTER TABLE ledger.head ADD COLUMN term bigint NOT NULL DEFAULT 0;

            -- Which process was the usual writer, and where the others reached it. No address: the
            -- term before was ended, and nobody has come forward yet.
            CREATE TABLE ledger.terms (
                number bigint PRIMARY KEY CHECK (number > 0),
                address text CHECK (address <> '' AND length(address) <= 300),
                began_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE TRIGGER terms_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.terms
                FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
            REVOKE UPDATE, DELETE, TRUNCATE ON ledger.terms FROM PUBLIC;
            """)
}
