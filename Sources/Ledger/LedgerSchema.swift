package import Postgres

/// Schema `ledger`: accounts with their heads, and the journal that explains them.
///
/// Journal tables carry no foreign keys: they cost as much as everything else together. The writer
/// checks what they would, and the auditor checks it again from the first line.
package enum LedgerSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "ledger", number: 1, name: "accounts and journal",
            sql: """
                CREATE SCHEMA ledger;

                -- One row. Every write moves its version from the value the writer last saw, so a
                -- writer whose picture is old changes nothing: the head is a fence.
                CREATE TABLE ledger.head (
                    id smallint PRIMARY KEY CHECK (id = 1),
                    version bigint NOT NULL,
                    last_transfer bigint NOT NULL,
                    last_at timestamptz NOT NULL
                ) WITH (fillfactor = 10);
                INSERT INTO ledger.head VALUES (1, 0, 0, 'epoch');

                CREATE TABLE ledger.accounts (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    kind text NOT NULL,
                    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
                    is_system boolean NOT NULL,
                    floor bigint,
                    limit_transfer bigint CHECK (limit_transfer >= 0),
                    limit_day bigint CHECK (limit_day >= 0),
                    limit_month bigint CHECK (limit_month >= 0),
                    posted bigint NOT NULL DEFAULT 0,
                    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
                    last_transfer bigint NOT NULL DEFAULT 0,
                    last_at timestamptz NOT NULL DEFAULT 'epoch',
                    spent_day bigint NOT NULL DEFAULT 0,
                    spent_day_amount bigint NOT NULL DEFAULT 0,
                    spent_month bigint NOT NULL DEFAULT 0,
                    spent_month_amount bigint NOT NULL DEFAULT 0,
                    created_at timestamptz NOT NULL,
                    CONSTRAINT available_respects_floor CHECK (posted - held >= floor)
                ) WITH (fillfactor = 50);
                CREATE UNIQUE INDEX accounts_system ON ledger.accounts (kind, currency)
                    WHERE is_system;

                CREATE TABLE ledger.account_closures (
                    account bigint PRIMARY KEY,
                    at timestamptz NOT NULL
                );

                CREATE TABLE ledger.transfers (
                    id bigint PRIMARY KEY,
                    at timestamptz NOT NULL,
                    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 6),
                    code smallint NOT NULL,
                    legs smallint NOT NULL CHECK (legs >= 0),
                    debit bigint NOT NULL,
                    credit bigint NOT NULL,
                    amount bigint NOT NULL CHECK (amount > 0),
                    debit_posted bigint NOT NULL,
                    debit_held bigint NOT NULL CHECK (debit_held >= 0),
                    credit_posted bigint NOT NULL,
                    credit_held bigint NOT NULL CHECK (credit_held >= 0),
                    debit_previous bigint NOT NULL CHECK (debit_previous < id),
                    credit_previous bigint NOT NULL CHECK (credit_previous < id),
                    key uuid,
                    settles bigint CHECK (settles < id),
                    expires_at timestamptz,
                    CONSTRAINT accounts_differ CHECK (debit <> credit),
                    CONSTRAINT settles_iff_it_ends_something
                        CHECK ((settles IS NOT NULL) = (kind >= 3)),
                    CONSTRAINT expires_iff_hold CHECK ((expires_at IS NOT NULL) = (kind = 2))
                );
                CREATE UNIQUE INDEX transfers_key ON ledger.transfers (key) WHERE key IS NOT NULL;
                -- Lines are written in the order of time: a few bytes a page find a range of days.
                CREATE INDEX transfers_at ON ledger.transfers USING brin (at);
                -- A hold ends once, and a transfer is reversed at most once.
                CREATE UNIQUE INDEX transfers_settles ON ledger.transfers (settles)
                    WHERE settles IS NOT NULL;

                -- Holds that have not ended: what expiry looks through.
                CREATE TABLE ledger.open_holds (
                    id bigint PRIMARY KEY,
                    account bigint NOT NULL,
                    amount bigint NOT NULL CHECK (amount > 0),
                    expires_at timestamptz NOT NULL
                );
                CREATE INDEX open_holds_expiry ON ledger.open_holds (expires_at);

                -- An account's last transfer before a month began, written when it first moves in
                -- that month: where a walk back to an old moment starts.
                CREATE TABLE ledger.checkpoints (
                    account bigint NOT NULL,
                    month timestamptz NOT NULL,
                    last_transfer bigint NOT NULL,
                    PRIMARY KEY (account, month)
                );

                CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION '% is append-only: correct with a new transfer', TG_TABLE_NAME
                        USING ERRCODE = 'restrict_violation';
                END $$;
                CREATE TRIGGER transfers_are_immutable
                    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
                CREATE TRIGGER checkpoints_are_immutable
                    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoints
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
                REVOKE UPDATE, DELETE, TRUNCATE ON ledger.transfers, ledger.checkpoints FROM PUBLIC;

                -- Each transfer as its two entries, for reports and for people with psql.
                CREATE VIEW ledger.entries AS
                    SELECT id AS transfer, at, kind, code, debit AS account, credit AS counterparty,
                        'debit' AS side, amount, debit_posted AS posted, debit_held AS held
                    FROM ledger.transfers
                    UNION ALL
                    SELECT id, at, kind, code, credit, debit, 'credit', amount, credit_posted,
                        credit_held
                    FROM ledger.transfers;
                """),
        Migration(
            slice: "ledger", number: 2, name: "derived lines",
            sql: """
                -- What the server worked out itself, as it does a fee, carries −1: a retry of the
                -- command is compared on the other lines only, and on all of them.
                ALTER TABLE ledger.transfers
                    DROP CONSTRAINT transfers_legs_check,
                    ADD CONSTRAINT transfers_legs_check CHECK (legs >= -1);
                """),
    ]
}
