package import Postgres

/// Schema `payments`: whose account is whose, notes, and requests for money.
package enum PaymentsSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "payments", number: 1, name: "wallets, notes, requests",
            sql: """
                CREATE SCHEMA payments;

                CREATE TABLE payments.wallets (
                    id uuid PRIMARY KEY,
                    user_id uuid NOT NULL,
                    currency text NOT NULL,
                    account bigint NOT NULL,
                    created_at timestamptz NOT NULL,
                    CONSTRAINT wallets_one_per_currency UNIQUE (user_id, currency),
                    CONSTRAINT wallets_account UNIQUE (account)
                );

                -- What the payer wrote. Apart from the journal, so that a person's words can be
                -- erased while the money's history stays whole.
                CREATE TABLE payments.notes (
                    transfer bigint PRIMARY KEY,
                    note text NOT NULL CHECK (char_length(note) BETWEEN 1 AND 280)
                );

                CREATE TABLE payments.requests (
                    id uuid PRIMARY KEY,
                    requester uuid NOT NULL,
                    payer uuid NOT NULL,
                    amount bigint NOT NULL CHECK (amount > 0),
                    currency text NOT NULL,
                    note text CHECK (char_length(note) BETWEEN 1 AND 280),
                    status text NOT NULL CHECK (status IN ('pending', 'accepted', 'declined',
                        'cancelled')),
                    transfer bigint,
                    created_at timestamptz NOT NULL,
                    decided_at timestamptz,
                    CONSTRAINT parties_differ CHECK (requester <> payer),
                    CONSTRAINT decided_or_pending
                        CHECK ((decided_at IS NULL) = (status = 'pending')),
                    CONSTRAINT paid_iff_accepted
                        CHECK ((transfer IS NOT NULL) = (status = 'accepted'))
                );
                CREATE INDEX requests_by_payer ON payments.requests (payer, id DESC);
                CREATE INDEX requests_by_requester ON payments.requests (requester, id DESC);
                """),
        Migration(
            slice: "payments", number: 2, name: "transfer batches",
            sql: """
                -- Under which key a batch came first, and how. Its transfers are in the journal,
                -- each under a key of its own, which does not tell whether they were linked.
                CREATE TABLE payments.transfer_batches (
                    key uuid PRIMARY KEY,
                    user_id uuid NOT NULL,
                    is_linked boolean NOT NULL,
                    created_at timestamptz NOT NULL
                );
                """),
    ]
}
