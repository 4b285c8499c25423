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
        Migration(
            slice: "ledger", number: 3, name: "verifiable books",
            sql: """
                -- Spending is counted from these lines alone, so what was counted without them
                -- begins again.
                ALTER TABLE ledger.transfers ADD COLUMN limited boolean NOT NULL DEFAULT false;

                -- When not null, what customers have stays where it is until someone has looked.
                ALTER TABLE ledger.head
                    ADD COLUMN chain bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
                    ADD COLUMN stopped_at timestamptz;

                -- The chain: one link for each written batch, hashed with the link before it.
                CREATE TABLE ledger.batches (
                    last_transfer bigint PRIMARY KEY,
                    first_transfer bigint NOT NULL CHECK (first_transfer <= last_transfer),
                    at timestamptz NOT NULL,
                    -- Hides each side's balance from who is shown the other side's.
                    salt bytea NOT NULL CHECK (length(salt) = 32),
                    root bytea NOT NULL CHECK (length(root) = 32),
                    hash bytea NOT NULL CHECK (length(hash) = 32)
                );
                CREATE INDEX batches_at ON ledger.batches USING brin (at);
                CREATE TRIGGER batches_are_immutable
                    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.batches
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
                REVOKE UPDATE, DELETE, TRUNCATE ON ledger.batches FROM PUBLIC;

                -- Lines that are older than the chain enter it one by one, each a tree of one leaf.
                DO $$
                DECLARE
                    line ledger.transfers;
                    salt bytea;
                    blinds bytea;
                    root bytea;
                    chain bytea := (SELECT h.chain FROM ledger.head h);
                    at bigint;
                BEGIN
                    FOR line IN SELECT * FROM ledger.transfers ORDER BY id LOOP
                        at := (extract(epoch FROM line.at) * 1000000)::bigint;
                        salt := sha256(uuid_send(gen_random_uuid())
                            || uuid_send(gen_random_uuid()));
                        blinds := sha256('\\x04' || salt || int8send(line.id));
                        root := sha256('\\x00' || int8send(line.id) || int8send(at)
                            || int2send(line.kind) || int2send(line.code) || int2send(line.legs)
                            || substring(int2send((2 * (line.key IS NOT NULL)::int
                                + 4 * (line.settles IS NOT NULL)::int
                                + 8 * (line.expires_at IS NOT NULL)::int)::smallint) FROM 2)
                            || int8send(line.debit) || int8send(line.credit)
                            || int8send(line.amount)
                            || coalesce(uuid_send(line.key), decode(repeat('00', 16), 'hex'))
                            || int8send(coalesce(line.settles, 0))
                            || int8send(coalesce(
                                (extract(epoch FROM line.expires_at) * 1000000)::bigint, 0))
                            || sha256('\\x03' || substring(blinds FOR 16)
                                || int8send(line.debit_posted) || int8send(line.debit_held)
                                || int8send(line.debit_previous))
                            || sha256('\\x03' || substring(blinds FROM 17)
                                || int8send(line.credit_posted) || int8send(line.credit_held)
                                || int8send(line.credit_previous)));
                        chain := sha256('\\x02' || chain || int8send(line.id) || int8send(line.id)
                            || int8send(at) || root);
                        INSERT INTO ledger.batches
                        VALUES (line.id, line.id, line.at, salt, root, chain);
                    END LOOP;
                    UPDATE ledger.head h SET chain = block.chain, version = h.version + 1
                    FROM (SELECT chain) AS block;
                END $$;

                -- What is fixed about an account, as one digest: a change made by hand shows.
                CREATE FUNCTION ledger.account_seal(a ledger.accounts, closed_at timestamptz)
                RETURNS bytea LANGUAGE sql STABLE AS $$
                    SELECT sha256(convert_to(concat_ws('|', a.id, a.kind, a.currency,
                        CASE WHEN a.is_system THEN 'system' ELSE '' END,
                        coalesce(a.floor::text, ''), coalesce(a.limit_transfer::text, ''),
                        coalesce(a.limit_day::text, ''), coalesce(a.limit_month::text, ''),
                        (extract(epoch FROM a.created_at) * 1000000)::bigint,
                        coalesce(
                            (extract(epoch FROM closed_at) * 1000000)::bigint::text, '')),
                        'UTF8'))
                $$;
                ALTER TABLE ledger.accounts ADD COLUMN seal bytea;
                UPDATE ledger.accounts a SET spent_day = 0, spent_day_amount = 0,
                    spent_month = 0, spent_month_amount = 0, seal = ledger.account_seal(a,
                        (SELECT c.at FROM ledger.account_closures c WHERE c.account = a.id));
                ALTER TABLE ledger.accounts ALTER COLUMN seal SET NOT NULL;
                CREATE FUNCTION ledger.seal_account() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    NEW.seal := ledger.account_seal(NEW, NULL);
                    RETURN NEW;
                END $$;
                CREATE TRIGGER accounts_are_sealed BEFORE INSERT ON ledger.accounts
                    FOR EACH ROW EXECUTE FUNCTION ledger.seal_account();
                """),
        stops,
        commitments,
        commitmentKeysRotate,
        velocity,
        terms,
    ]
}
