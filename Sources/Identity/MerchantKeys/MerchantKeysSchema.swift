internal import Postgres

extension IdentitySchema {
    static let merchantKeys = Migration(
        slice: "identity", number: 7, name: "keys of merchants",
        sql: """
            CREATE TABLE identity.merchant_keys (
                id uuid PRIMARY KEY,
                user_id uuid NOT NULL REFERENCES identity.users,
                name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
                scopes text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY[
                    'wallets:read', 'transfers:read', 'transfers:write', 'holds:read',
                    'holds:write', 'requests:read', 'requests:write']),
                -- Major units; 0 for a key that moves nothing.
                payment_max bigint NOT NULL CHECK (payment_max >= 0),
                addresses text[] NOT NULL CHECK (cardinality(addresses) <= 20),
                created_at timestamptz NOT NULL,
                expires_at timestamptz CHECK (expires_at > created_at),
                last_used_at timestamptz,
                revoked_at timestamptz,
                CONSTRAINT who_pays_has_a_limit CHECK (
                    (payment_max > 0) = (scopes && ARRAY['transfers:write', 'holds:write']))
            );
            CREATE INDEX merchant_keys_by_user ON identity.merchant_keys (user_id)
                WHERE revoked_at IS NULL;

            CREATE TABLE identity.merchant_key_secrets (
                secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
                key_id uuid NOT NULL REFERENCES identity.merchant_keys,
                -- The beginning of the text, which names it and opens nothing.
                hint text NOT NULL UNIQUE CHECK (octet_length(hint) = 23),
                created_at timestamptz NOT NULL,
                -- When it was replaced, this is how long it goes on.
                ends_at timestamptz
            );
            CREATE UNIQUE INDEX merchant_key_secrets_current
                ON identity.merchant_key_secrets (key_id) WHERE ends_at IS NULL;
            """)
}
