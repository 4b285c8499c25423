internal import Postgres

extension LedgerSchema {
    static let velocity = Migration(
        slice: "ledger", number: 7, name: "velocity and ceilings",
        sql: """
            ALTER TABLE ledger.accounts
                ADD COLUMN limit_hour_count integer CHECK (limit_hour_count >= 0),
                ADD COLUMN limit_day_count integer CHECK (limit_day_count >= 0),
                ADD COLUMN ceiling bigint CHECK (ceiling >= 0),
                -- Payments of the day that the amount is of, and of one hour since 1970.
                ADD COLUMN spent_day_count integer NOT NULL DEFAULT 0,
                ADD COLUMN spent_hour integer NOT NULL DEFAULT 0,
                ADD COLUMN spent_hour_count integer NOT NULL DEFAULT 0;

            -- What was paid before counts as well: the auditor counts from the first line.
            WITH paid AS (
                SELECT debit AS account, floor(extract(epoch FROM at) / 3600)::integer AS hour
                FROM ledger.transfers WHERE limited
            ), latest AS (
                SELECT account, max(hour) AS hour FROM paid GROUP BY account
            ), counts AS (
                SELECT l.account, l.hour, count(*) AS of_day,
                    count(*) FILTER (WHERE p.hour = l.hour) AS of_hour
                FROM latest l JOIN paid p ON p.account = l.account AND p.hour / 24 = l.hour / 24
                GROUP BY l.account, l.hour
            )
            UPDATE ledger.accounts a SET spent_day_count = c.of_day, spent_hour = c.hour,
                spent_hour_count = c.of_hour
            FROM counts c WHERE c.account = a.id;

            -- An account without the new limits keeps its seal, so that what was changed by hand
            -- before this migration still shows.
            CREATE OR REPLACE FUNCTION ledger.account_seal(
                a ledger.accounts, closed_at timestamptz
            ) RETURNS bytea LANGUAGE sql STABLE AS $$
                SELECT sha256(convert_to(concat_ws('|', a.id, a.kind, a.currency,
                    CASE WHEN a.is_system THEN 'system' ELSE '' END,
                    coalesce(a.floor::text, ''), coalesce(a.limit_transfer::text, ''),
                    coalesce(a.limit_day::text, ''), coalesce(a.limit_month::text, ''),
                    (extract(epoch FROM a.created_at) * 1000000)::bigint,
                    coalesce((extract(epoch FROM closed_at) * 1000000)::bigint::text, ''),
                    CASE WHEN a.limit_hour_count IS NOT NULL OR a.limit_day_count IS NOT NULL
                            OR a.ceiling IS NOT NULL THEN
                        concat_ws('|', coalesce(a.limit_hour_count::text, ''),
                            coalesce(a.limit_day_count::text, ''),
                            coalesce(a.ceiling::text, ''))
                    END), 'UTF8'))
            $$;
            """)
}
