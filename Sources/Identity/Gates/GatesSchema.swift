internal import Postgres

extension IdentitySchema {
    static let codeGuard = Migration(
        slice: "identity", number: 11, name: "codes that go unanswered",
        sql: """
            CREATE TABLE identity.code_traffic (
                -- A telephone number without its last four digits: nobody's, but ten thousand's.
                prefix text NOT NULL CHECK (prefix ~ '^\\+[1-9][0-9]{2,10}$'),
                minute timestamptz NOT NULL,
                sent bigint NOT NULL CHECK (sent >= 0),
                answered bigint NOT NULL CHECK (answered >= 0),
                PRIMARY KEY (prefix, minute)
            );
            CREATE INDEX code_traffic_by_minute ON identity.code_traffic (minute);

            CREATE TABLE identity.code_stops (
                id uuid PRIMARY KEY,
                prefix text NOT NULL CHECK (prefix ~ '^\\+[1-9][0-9]{2,10}$'),
                started_at timestamptz NOT NULL,
                ends_at timestamptz NOT NULL CHECK (ends_at > started_at),
                sent bigint NOT NULL CHECK (sent > 0),
                answered bigint NOT NULL CHECK (answered >= 0),
                lifted_at timestamptz,
                lifted_by uuid REFERENCES identity.users,
                CONSTRAINT lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
            );
            CREATE INDEX code_stops_by_prefix ON identity.code_stops (prefix, ends_at);
            """)
}
