package import Postgres
internal import Synchronization
internal import Telemetry
package import Values

/// Something that happened to a person, written in the transaction in which it happened.
package struct Event: Sendable, Equatable {
    package let kind: String
    /// The person whom it concerns.
    package let subject: ID<Event>
    /// A JSON object.
    package let payload: String

    package init(kind: String, subject: ID<Event>, payload: String) {
        self.kind = kind
        self.subject = subject
        self.payload = payload
    }
}

/// The outbox: events are rows first, and are told to this process's subscribers after the commit,
/// whichever process wrote them.
package final class Events: Sendable {
    package static let channel = "florin_events"
    /// Events that may wait to be told; beyond, the oldest are dropped. What is told is a hint to
    /// look, and the rows themselves stay.
    static let waitingMax = 10_000

    private let database: Database
    private let clock: Clock
    private let subscribers = Mutex<[@Sendable (Event) async -> Void]>([])
    private let noticed: AsyncStream<Int64>
    private let notice: AsyncStream<Int64>.Continuation

    package init(database: Database, clock: Clock) {
        self.database = database
        self.clock = clock
        (noticed, notice) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.waitingMax))
    }

    /// Writes the event in the caller's transaction.
    package func append(
        _ event: Event, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(statement(for: event))
    }

    /// The same as a statement that affects one row, for a transaction that another slice writes.
    package func statement(for event: Event) -> SQL {
        """
        WITH written AS (
            INSERT INTO jobs.events (kind, subject, payload, created_at)
            VALUES (\(event.kind), \(event.subject), \(event.payload), \(clock.now))
            RETURNING id)
        SELECT pg_notify('florin_events', id::text) FROM written
        """
    }

    package func subscribe(_ subscriber: @escaping @Sendable (Event) async -> Void) {
        subscribers.withLock { $0.append(subscriber) }
    }

    /// A notification carried this event's id. Only enqueues, so that any thread may call it.
    package func heard(_ id: Int64) { notice.yield(id) }

    /// Tells what was heard of, one after the other, until cancelled.
    package func run() async {
        for await id in noticed { await tell(id) }
    }

    private func tell(_ id: Int64) async {
        do {
            let event = try await database.read { transaction in
                try transaction.first(
                    "SELECT kind, subject, payload FROM jobs.events WHERE id = \(id)"
                ).map { row in
                    Event(kind: try row[0], subject: try row[1], payload: try row[2])
                }
            }
            guard let event else { return }
            for subscriber in subscribers.withLock({ $0 }) { await subscriber(event) }
        } catch {
            Log.warning("events.not_told", ["error": "\(error)"])
        }
    }
}
