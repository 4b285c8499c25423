package import Postgres

/// Schema `offline`: wallets of devices, the records that they signed, and who owes what.
///
/// Wallet ids are stored with the bits of their eight bytes, so about half of them are negative.
package enum OfflineSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "offline", number: 1, name: "wallets, records, cases, claims",
            sql: """
                CREATE SCHEMA offline;

                -- The root signs the list of the issuer's keys; those sign everything else.
                CREATE TABLE offline.issuer_keys (
                    -- 0 is the root.
                    number smallint PRIMARY KEY CHECK (number BETWEEN 0 AND 255),
                    public_key bytea NOT NULL CHECK (length(public_key) = 65),
                    private_sealed bytea NOT NULL,
                    not_before timestamptz NOT NULL,
                    not_after timestamptz NOT NULL CHECK (not_after > not_before)
                );

                -- One row for each currency. Whatever is decided about its offline money moves the
                -- version from the value on which it was decided, or is not written.
                CREATE TABLE offline.turns (
                    currency text PRIMARY KEY,
                    version bigint NOT NULL
                ) WITH (fillfactor = 10);

                CREATE TABLE offline.wallets (
                    wid bigint PRIMARY KEY CHECK (wid <> 0),
                    user_id uuid NOT NULL,
                    currency text NOT NULL REFERENCES offline.turns,
                    public_key bytea NOT NULL CHECK (length(public_key) = 33),
                    -- Kept for ever: it shows that the key is the person's and not the operator's.
                    enrolment bytea NOT NULL CHECK (length(enrolment) = 117),
                    name_salt bytea NOT NULL CHECK (length(name_salt) = 16),
                    is_receive_only boolean NOT NULL,
                    -- Accounts of the ledger: what is locked, and the owner's wallet online.
                    escrow bigint NOT NULL,
                    online bigint NOT NULL,
                    status text NOT NULL DEFAULT 'live'
                        CHECK (status IN ('live', 'frozen', 'lost', 'retired')),
                    -- What the newest certificate says. None of it ever falls.
                    own_limit bigint NOT NULL DEFAULT 0,
                    out_limit bigint NOT NULL DEFAULT 0,
                    per_transfer bigint NOT NULL DEFAULT 0,
                    guarantee bigint NOT NULL DEFAULT 0,
                    counter_max bigint NOT NULL DEFAULT 0,
                    hops_max smallint NOT NULL DEFAULT 0,
                    -- What is credited at once within the life of a certificate; more matures.
                    instant_deposit_max bigint NOT NULL DEFAULT 0,
                    instant_unlock_max bigint NOT NULL DEFAULT 0,
                    -- What the fund has paid for this wallet.
                    guarantee_used bigint NOT NULL DEFAULT 0,
                    claim_by timestamptz NOT NULL,
                    revoked_at timestamptz,
                    created_at timestamptz NOT NULL,
                    CONSTRAINT wallets_public_key UNIQUE (public_key),
                    CONSTRAINT limits_fit_the_protocol CHECK (
                        0 <= own_limit AND own_limit <= 2147483647
                        AND 0 <= out_limit AND out_limit <= 2147483647
                        AND counter_max <= 2147483647),
                    CONSTRAINT guarantee_is_bounded
                        CHECK (0 <= guarantee_used AND guarantee_used <= guarantee),
                    CONSTRAINT receivers_lock_nothing
                        CHECK (NOT is_receive_only OR own_limit = 0),
                    CONSTRAINT revoked_iff_cut_off
                        CHECK ((revoked_at IS NOT NULL) OR status IN ('live', 'retired'))
                );
                CREATE INDEX wallets_by_owner ON offline.wallets (user_id, currency);
                CREATE INDEX wallets_due ON offline.wallets (currency, claim_by)
                    WHERE status <> 'retired';
                CREATE INDEX wallets_revoked ON offline.wallets (claim_by)
                    WHERE revoked_at IS NOT NULL;

                CREATE TABLE offline.certificates (
                    id uuid PRIMARY KEY,
                    wid bigint NOT NULL,
                    bytes bytea NOT NULL CHECK (length(bytes) = 158),
                    issued_at timestamptz NOT NULL
                );
                CREATE INDEX certificates_by_wallet ON offline.certificates (wid, issued_at);

                -- Every record that anybody has shown and whose signature is good.
                CREATE TABLE offline.records (
                    id uuid PRIMARY KEY,
                    log_index bigint GENERATED ALWAYS AS IDENTITY,
                    bytes bytea NOT NULL CHECK (length(bytes) = 150),
                    currency text NOT NULL,
                    payer bigint NOT NULL CHECK (payer <> 0),
                    -- 0 is the issuer: a deposit, or an unlock.
                    payee bigint NOT NULL CHECK (payee <> payer),
                    counter bigint NOT NULL CHECK (counter > 0),
                    amount bigint NOT NULL CHECK (amount > 0),
                    source_spent bigint NOT NULL CHECK (source_spent >= amount),
                    sent_total bigint NOT NULL CHECK (sent_total >= source_spent),
                    -- Null for the payer's own escrow.
                    source uuid,
                    -- The account that it fills.
                    bucket bigint NOT NULL,
                    state text NOT NULL
                        CHECK (state IN ('pending', 'waiting', 'settled', 'rejected')),
                    rejection text,
                    -- The status of its receipt.
                    outcome smallint CHECK (outcome BETWEEN 1 AND 5),
                    -- What was paid for it; less than the amount when nobody had the rest.
                    paid bigint NOT NULL DEFAULT 0,
                    -- What later records of its payee have drawn on it.
                    drawn bigint NOT NULL DEFAULT 0,
                    -- What went from its bucket to its payee's wallet, and back to its payer's.
                    released bigint NOT NULL DEFAULT 0,
                    returned bigint NOT NULL DEFAULT 0,
                    -- What of a deposit was credited at once, and when the rest may go.
                    instant bigint NOT NULL DEFAULT 0,
                    matures_at timestamptz,
                    shown_by_payer boolean NOT NULL,
                    shown_by_others boolean NOT NULL,
                    undelivered_at timestamptz,
                    -- When its payee's word came that they do not want it.
                    declined_at timestamptz,
                    return_due timestamptz,
                    seen_at timestamptz NOT NULL,
                    settled_at timestamptz,
                    -- When nothing more can come out of its bucket.
                    closed_at timestamptz,
                    CONSTRAINT never_more_than_it_is_worth CHECK (0 <= paid AND paid <= amount),
                    CONSTRAINT outcome_iff_settled
                        CHECK ((state = 'settled') = (settled_at IS NOT NULL)
                            AND (state <> 'settled' OR outcome IS NOT NULL)),
                    CONSTRAINT reason_iff_rejected
                        CHECK ((state = 'rejected') = (rejection IS NOT NULL)),
                    CONSTRAINT undelivered_has_its_day
                        CHECK ((undelivered_at IS NULL) = (return_due IS NULL)),
                    CONSTRAINT counted_up
                        CHECK (drawn >= 0 AND released >= 0 AND returned >= 0 AND instant >= 0)
                );
                -- Not unique: two records of one counter are a fraud that is to be seen.
                CREATE INDEX records_by_counter ON offline.records (payer, counter);
                CREATE INDEX records_to ON offline.records (payee, log_index);
                CREATE INDEX records_from ON offline.records (source) WHERE source IS NOT NULL;
                CREATE INDEX records_pending ON offline.records (currency, log_index)
                    WHERE state = 'pending';
                CREATE INDEX records_open ON offline.records (payee)
                    WHERE state = 'settled' AND closed_at IS NULL;
                CREATE INDEX records_maturing ON offline.records (currency, matures_at)
                    WHERE matures_at IS NOT NULL AND closed_at IS NULL;
                CREATE INDEX records_declined ON offline.records (currency)
                    WHERE declined_at IS NOT NULL AND closed_at IS NULL;
                CREATE INDEX records_undelivered ON offline.records (currency, return_due)
                    WHERE return_due IS NOT NULL AND closed_at IS NULL;

                -- What payees said of records, perhaps before anybody showed these.
                CREATE TABLE offline.statements (
                    record uuid NOT NULL,
                    payee bigint NOT NULL,
                    -- 35 an acknowledgement, 36 a decline: the types of the protocol.
                    kind smallint NOT NULL CHECK (kind IN (35, 36)),
                    bytes bytea NOT NULL,
                    seen_at timestamptz NOT NULL,
                    PRIMARY KEY (record, payee, kind)
                );

                -- A wallet of which two records conflict.
                CREATE TABLE offline.cases (
                    wid bigint PRIMARY KEY,
                    user_id uuid NOT NULL,
                    currency text NOT NULL,
                    -- What was spent beyond what there was, whoever paid for it.
                    overspent bigint NOT NULL DEFAULT 0 CHECK (overspent >= 0),
                    opened_at timestamptz NOT NULL,
                    -- Whether somebody lost, or it happened before: then the proof is public.
                    upheld_at timestamptz
                );
                CREATE INDEX cases_by_person ON offline.cases (user_id);
                CREATE TABLE offline.conflicts (
                    wid bigint NOT NULL REFERENCES offline.cases,
                    first uuid NOT NULL,
                    second uuid NOT NULL,
                    kind smallint NOT NULL CHECK (kind IN (1, 2, 3, 6)),
                    PRIMARY KEY (wid, first, second)
                );

                -- Accounts of the ledger: the guarantee of a currency, and the debts to it.
                CREATE TABLE offline.funds (
                    currency text PRIMARY KEY REFERENCES offline.turns,
                    fund bigint NOT NULL,
                    owed_to_fund bigint NOT NULL,
                    owed_to_payees bigint NOT NULL
                );
                CREATE TABLE offline.debtors (
                    user_id uuid NOT NULL,
                    currency text NOT NULL,
                    debt bigint NOT NULL,
                    PRIMARY KEY (user_id, currency)
                );
                -- Who is to be paid by a debtor: the fund, or whoever holds the record.
                CREATE TABLE offline.claims (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    debtor uuid NOT NULL,
                    currency text NOT NULL,
                    -- Null for the fund.
                    record uuid,
                    remaining bigint NOT NULL CHECK (remaining >= 0)
                );
                CREATE INDEX claims_open ON offline.claims (currency, debtor)
                    WHERE remaining > 0;
                CREATE INDEX claims_of_record ON offline.claims (record) WHERE remaining > 0;
                -- What the fund paid, to whom, for whom.
                CREATE TABLE offline.payouts (
                    record uuid PRIMARY KEY,
                    wid bigint NOT NULL,
                    payee uuid NOT NULL,
                    currency text NOT NULL,
                    amount bigint NOT NULL CHECK (amount > 0),
                    at timestamptz NOT NULL
                );
                CREATE INDEX payouts_to ON offline.payouts (payee, at);

                -- Objects that one person has uploaded on one day, good or not.
                CREATE TABLE offline.uploads (
                    user_id uuid NOT NULL,
                    day integer NOT NULL,
                    objects integer NOT NULL CHECK (objects >= 0),
                    PRIMARY KEY (user_id, day)
                );
                """),
        Migration(
            slice: "offline", number: 2, name: "a passkey's word for a device's key",
            sql: """
                -- What a passkey of the owner signed over the hash of the enrolment, with the
                -- passkey's public key. Kept for ever, as the enrolment is.
                CREATE TABLE offline.bindings (
                    wid bigint PRIMARY KEY REFERENCES offline.wallets,
                    credential bytea NOT NULL,
                    public_key bytea NOT NULL,
                    client_data bytea NOT NULL,
                    authenticator_data bytea NOT NULL,
                    signature bytea NOT NULL
                );

                -- Lists that a root kept elsewhere has signed; the last one counts. With the first
                -- one the root of this database is gone.
                CREATE TABLE offline.root_lists (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    root bytea NOT NULL CHECK (length(root) = 33),
                    list bytea NOT NULL,
                    installed_at timestamptz NOT NULL
                );
                """),
    ]
}
