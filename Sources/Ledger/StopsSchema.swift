internal import Postgres

extension LedgerSchema {
    static let stops = Migration(
        slice: "ledger", number: 4, name: "stops of money-out",
        sql: """
            -- Who stopped money-out or let it go on, when and why. What holds now is in the head,
            -- where each writer reads it; this is the memory of it.
            CREATE TABLE ledger.stops (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at timestamptz NOT NULL,
                what text NOT NULL CHECK (what IN ('stopped', 'resumed')),
                actor text NOT NULL CHECK (actor <> ''),
                reason text NOT NULL CHECK (reason <> '' AND length(reason) <= 200),
                -- What did not match: why it was stopped, or in spite of what it was resumed.
                findings text[] NOT NULL
            );
            CREATE TRIGGER stops_are_immutable
                BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.stops
                FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
            REVOKE UPDATE, DELETE, TRUNCATE ON ledger.stops FROM PUBLIC;

            -- An account's open holds must be what it holds: the running check adds them up.
            CREATE INDEX open_holds_account ON ledger.open_holds (account);
            """)
}
