package import Postgres

/// Schema `jobs`: work to be done later, ticks of the clock, and events that happened.
package enum JobsSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "jobs", number: 1, name: "jobs, schedules, events",
            sql: """
                CREATE SCHEMA jobs;

                CREATE TABLE jobs.jobs (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    kind text NOT NULL,
                    payload text NOT NULL CHECK (octet_length(payload) <= 65536),
                    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
                    -- When it may run next; a job that runs is its worker's until this moment.
                    due_at timestamptz NOT NULL,
                    -- The last failure, for people; a job that is given up keeps it.
                    error text,
                    given_up_at timestamptz,
                    created_at timestamptz NOT NULL
                );
                CREATE INDEX jobs_due ON jobs.jobs (due_at) WHERE given_up_at IS NULL;

                CREATE TABLE jobs.schedules (
                    name text PRIMARY KEY,
                    next_at timestamptz NOT NULL
                );

                CREATE TABLE jobs.events (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    kind text NOT NULL,
                    subject uuid NOT NULL,
                    payload text NOT NULL,
                    created_at timestamptz NOT NULL
                );
                """)
    ]
}
