package import Postgres

/// Schema `rails`: payments to and from the outside, and everything that was said about them.
package enum RailsSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "rails", number: 1, name: "payments, steps, exchanges, callbacks", sql: first),
        Migration(slice: "rails", number: 2, name: "people's accounts at providers", sql: second),
    ]

    private static let first: StaticString = """
        CREATE SCHEMA rails;

        -- The machine. Nothing moves in any other way.
        CREATE TABLE rails.moves (
            kind text NOT NULL,
            from_state text NOT NULL,
            to_state text NOT NULL,
            PRIMARY KEY (kind, from_state, to_state)
        );
        INSERT INTO rails.moves VALUES
            ('top_up', 'created', 'calling'), ('top_up', 'created', 'failed'),
            ('top_up', 'calling', 'settled'), ('top_up', 'calling', 'failed'),
            ('top_up', 'calling', 'unknown'), ('top_up', 'calling', 'review'),
            ('top_up', 'unknown', 'settled'), ('top_up', 'unknown', 'failed'),
            ('top_up', 'unknown', 'review'), ('top_up', 'failed', 'settled'),
            ('top_up', 'failed', 'review'), ('top_up', 'review', 'settled'),
            ('top_up', 'review', 'failed'), ('top_up', 'settled', 'reversed'),
            ('top_up', 'settled', 'charged_back'),
            ('payout', 'created', 'held'), ('payout', 'held', 'calling'),
            ('payout', 'held', 'failed'), ('payout', 'calling', 'settled'),
            ('payout', 'calling', 'failed'), ('payout', 'calling', 'unknown'),
            ('payout', 'calling', 'review'), ('payout', 'unknown', 'settled'),
            ('payout', 'unknown', 'failed'), ('payout', 'unknown', 'review'),
            ('payout', 'failed', 'review'), ('payout', 'review', 'settled'),
            ('payout', 'review', 'failed'), ('payout', 'settled', 'reversed');

        CREATE TABLE rails.payments (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL,
            -- The owner's own name of the command.
            key uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('top_up', 'payout')),
            rail text NOT NULL CHECK (rail ~ '^[a-z_]{1,32}$'),
            provider text NOT NULL CHECK (provider ~ '^[a-z_]{1,32}$'),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            amount bigint NOT NULL CHECK (amount > 0),
            fee bigint NOT NULL CHECK (fee >= 0),
            wallet bigint NOT NULL,
            float_account bigint NOT NULL,
            contact bytea NOT NULL,
            created_at timestamptz NOT NULL,
            state text NOT NULL CHECK (state IN ('created', 'held', 'calling', 'unknown',
                'review', 'settled', 'failed', 'reversed', 'charged_back')),
            version bigint NOT NULL CHECK (version >= 1),
            asks bigint NOT NULL CHECK (asks >= 0),
            called_at timestamptz,
            due_at timestamptz,
            reference text CHECK (octet_length(reference) BETWEEN 1 AND 255),
            receipt text CHECK (octet_length(receipt) BETWEEN 1 AND 255),
            next_action text CHECK (octet_length(next_action) BETWEEN 1 AND 4096),
            failure text,
            hold bigint,
            fee_hold bigint,
            hold_ends_at timestamptz,
            transfer bigint,
            CONSTRAINT payments_key UNIQUE (key),
            -- What a provider did is booked once.
            CONSTRAINT payments_receipt UNIQUE (provider, receipt),
            CONSTRAINT payments_reference UNIQUE (provider, reference),
            CONSTRAINT payments_transfer UNIQUE (transfer),
            CONSTRAINT no_payout_leaves_without_a_hold CHECK (
                kind <> 'payout' OR state NOT IN ('held', 'calling', 'unknown')
                OR hold IS NOT NULL),
            CONSTRAINT no_hold_outlasts_its_payout CHECK (
                hold IS NULL OR kind = 'payout'
                AND state IN ('held', 'calling', 'unknown', 'review')),
            CONSTRAINT holds_end_together CHECK (
                (hold IS NULL) = (hold_ends_at IS NULL)
                AND (fee_hold IS NULL OR hold IS NOT NULL)),
            CONSTRAINT booked_iff_settled CHECK (
                (transfer IS NOT NULL) = (state IN ('settled', 'reversed', 'charged_back'))),
            CONSTRAINT failed_for_a_reason CHECK ((failure IS NOT NULL) = (state = 'failed')),
            CONSTRAINT called_before_outcome CHECK (
                called_at IS NOT NULL OR state IN ('created', 'held', 'failed')),
            CONSTRAINT open_ones_are_looked_at CHECK (
                due_at IS NOT NULL OR state NOT IN ('created', 'held', 'calling', 'unknown'))
        ) WITH (fillfactor = 70);
        CREATE INDEX payments_due ON rails.payments (due_at) WHERE due_at IS NOT NULL;
        CREATE INDEX payments_by_owner ON rails.payments (user_id, id DESC);
        CREATE INDEX payments_for_people ON rails.payments (id) WHERE state = 'review';

        -- The timeline: each change of a payment has its line, written in the same statement.
        CREATE TABLE rails.steps (
            payment uuid NOT NULL,
            number bigint NOT NULL,
            at timestamptz NOT NULL,
            state text NOT NULL,
            event text NOT NULL,
            actor text NOT NULL CHECK (actor IN ('program', 'owner', 'provider', 'staff')),
            staff uuid,
            detail text CHECK (char_length(detail) BETWEEN 1 AND 500),
            PRIMARY KEY (payment, number),
            CONSTRAINT staff_has_a_name CHECK ((staff IS NOT NULL) = (actor = 'staff'))
        );
        ALTER TABLE rails.payments ADD CONSTRAINT payments_have_steps
            FOREIGN KEY (id, version) REFERENCES rails.steps (payment, number)
            DEFERRABLE INITIALLY DEFERRED;

        -- What was said, sealed: it names people. Secrets were masked before.
        CREATE TABLE rails.exchanges (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            payment uuid NOT NULL,
            at timestamptz NOT NULL,
            operation text NOT NULL,
            status integer,
            milliseconds bigint NOT NULL,
            said bytea NOT NULL
        );
        CREATE INDEX exchanges_by_payment ON rails.exchanges (payment, id);

        -- Who owes for money that was taken back after they had spent it: an account of the ledger
        -- for each person and currency.
        CREATE TABLE rails.debtors (
            user_id uuid NOT NULL,
            currency text NOT NULL,
            account bigint NOT NULL UNIQUE,
            PRIMARY KEY (user_id, currency)
        );

        -- Raw callbacks, before anybody has understood them.
        CREATE TABLE rails.callbacks (
            id uuid PRIMARY KEY,
            provider text NOT NULL,
            event text NOT NULL CHECK (octet_length(event) BETWEEN 1 AND 255),
            payment uuid,
            raw bytea NOT NULL,
            received_at timestamptz NOT NULL,
            -- How often it came.
            deliveries bigint NOT NULL DEFAULT 1,
            done_at timestamptz,
            outcome text,
            CONSTRAINT callbacks_event UNIQUE (provider, event)
        );
        CREATE INDEX callbacks_by_payment ON rails.callbacks (payment, id);

        CREATE FUNCTION rails.check_move() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> 'created' OR NEW.version <> 1 THEN
                    RAISE EXCEPTION 'a payment begins as created' USING ERRCODE = '23514';
                END IF;
                RETURN NEW;
            END IF;
            IF (NEW.id, NEW.user_id, NEW.key, NEW.kind, NEW.rail, NEW.provider, NEW.currency,
                NEW.amount, NEW.fee, NEW.wallet, NEW.float_account, NEW.created_at)
                IS DISTINCT FROM
                (OLD.id, OLD.user_id, OLD.key, OLD.kind, OLD.rail, OLD.provider, OLD.currency,
                OLD.amount, OLD.fee, OLD.wallet, OLD.float_account, OLD.created_at) THEN
                RAISE EXCEPTION 'what a payment is does not change' USING ERRCODE = '23514';
            END IF;
            IF NEW.version NOT IN (OLD.version, OLD.version + 1)
                OR NEW.version = OLD.version AND NEW.state <> OLD.state THEN
                RAISE EXCEPTION 'each change has its step' USING ERRCODE = '23514';
            END IF;
            IF NEW.state <> OLD.state AND NOT EXISTS (
                SELECT FROM rails.moves WHERE kind = NEW.kind AND from_state = OLD.state
                    AND to_state = NEW.state) THEN
                RAISE EXCEPTION 'a % does not move from % to %', NEW.kind, OLD.state, NEW.state
                    USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER payments_move BEFORE INSERT OR UPDATE ON rails.payments
            FOR EACH ROW EXECUTE FUNCTION rails.check_move();

        CREATE FUNCTION rails.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% does not change', TG_TABLE_NAME USING ERRCODE = '23514';
        END $$;
        CREATE TRIGGER steps_stay BEFORE UPDATE OR DELETE ON rails.steps
            FOR EACH ROW EXECUTE FUNCTION rails.refuse_change();
        CREATE TRIGGER payments_stay BEFORE DELETE ON rails.payments
            FOR EACH ROW EXECUTE FUNCTION rails.refuse_change();
        CREATE TRIGGER moves_stay BEFORE INSERT OR UPDATE OR DELETE ON rails.moves
            FOR EACH ROW EXECUTE FUNCTION rails.refuse_change();
        """

    private static let second: StaticString = """
        -- Accounts of people's own at providers that pay to no telephone number or address.
        CREATE TABLE rails.destinations (
            user_id uuid NOT NULL,
            provider text NOT NULL CHECK (provider ~ '^[a-z_]{1,32}$'),
            account text NOT NULL CHECK (account ~ '^[A-Za-z0-9_-]{1,128}$'),
            entered_at timestamptz NOT NULL,
            entered_by uuid NOT NULL,
            PRIMARY KEY (user_id, provider),
            -- One account is one person's.
            CONSTRAINT destinations_account UNIQUE (provider, account)
        );
        """
}
