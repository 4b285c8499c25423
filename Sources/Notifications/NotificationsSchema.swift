package import Postgres

/// Schema `notifications`: every message to a person, sealed, with what became of it.
package enum NotificationsSchema {
    package static let migrations: [Migration] = [
        Migration(
            slice: "notifications", number: 1, name: "messages",
            sql: """
                CREATE SCHEMA notifications;

                CREATE TABLE notifications.messages (
                    id uuid PRIMARY KEY,
                    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
                    -- A keyed hash of the address, to find messages without reading addresses.
                    recipient_index bytea NOT NULL CHECK (octet_length(recipient_index) = 32),
                    recipient_sealed bytea NOT NULL,
                    body_sealed bytea NOT NULL,
                    created_at timestamptz NOT NULL,
                    delivered_at timestamptz
                );
                CREATE INDEX messages_by_recipient
                    ON notifications.messages (recipient_index, id DESC);
                """),
        Migration(
            slice: "notifications", number: 2, name: "withheld messages",
            sql: """
                -- Written where there was nobody to send to, and never carried.
                ALTER TABLE notifications.messages
                    ADD COLUMN withheld boolean NOT NULL DEFAULT false;
                """),
    ]
}
