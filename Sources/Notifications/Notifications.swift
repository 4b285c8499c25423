package import Cryptography
package import Jobs
package import Postgres
package import Values

/// Messages to people, written with the change they tell of and carried afterwards by a job.
///
/// Addresses and bodies are sealed at rest, since a body may hold a one-time code.
package struct Notifications: Sendable {
    private let database: Database
    private let jobs: Jobs
    private let clock: Clock
    private let key: SealingKey
    private let carriers: [Message.Channel: any MessageCarrier]

    /// What the sealing key of messages is for.
    package static let purpose = "notifications"
    static let deliver = JobKind(rawValue: "notifications.deliver")
    /// Messages on the page of the sandbox's outbox.
    package static let outboxPage: Int64 = 50
    /// How long a message is kept, delivered or given up.
    static let secondsKept: Int64 = 30 * 86_400
    /// Messages removed in one transaction.
    static let tidyMax = 5_000

    package init(
        database: Database, jobs: Jobs, clock: Clock, key: SealingKey,
        carriers: [Message.Channel: any MessageCarrier]
    ) {
        self.database = database
        self.jobs = jobs
        self.clock = clock
        self.key = key
        self.carriers = carriers
    }

    /// Queues an SMS in the caller's transaction.
    /// - Parameter isWithheld: writes as much and sends nothing, so that the time it takes does not
    ///   tell whether there was somebody to send to. The number and the text are not kept.
    package func send(
        sms body: String, to phone: PhoneNumber, isWithheld: Bool = false,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try queue(.sms, phone.e164, body, isWithheld: isWithheld, in: transaction)
    }

    /// Queues an e-mail in the caller's transaction.
    package func send(
        email body: String, to address: EmailAddress, isWithheld: Bool = false,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try queue(.email, address.text, body, isWithheld: isWithheld, in: transaction)
    }

    /// The newest messages, of one recipient or of all.
    package func messages(to recipient: String?) async throws -> [Message] {
        var condition: SQL = "true"
        if let recipient {
            let indexes = key.blindIndexes(Self.canonical(recipient))
            condition = "recipient_index = ANY(\(indexes))"
        }
        let chosen = condition
        return try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, channel, recipient_sealed, body_sealed, created_at
                FROM notifications.messages WHERE \(chosen) AND NOT withheld
                ORDER BY id DESC LIMIT \(Self.outboxPage)
                """
            ).map { try message($0) }
        }
    }

    /// Messages to one person, under all their addresses, newest first.
    package func messages(
        to recipients: [String], before cursor: ID<Message>?, limit: Int
    ) async throws -> Page<Message> {
        let indexes = recipients.flatMap { key.blindIndexes($0) }
        let before = cursor ?? ID(high: .max, low: .max)
        let found = try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, channel, recipient_sealed, body_sealed, created_at
                FROM notifications.messages
                WHERE recipient_index = ANY(\(indexes)) AND id < \(before)
                ORDER BY id DESC LIMIT \(limit + 1)
                """
            ).map { try message($0) }
        }
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last.map { "\($0.id)" } : nil)
    }

    /// Forgets every message to these addresses, those too that are still on their way.
    package func erase(
        messagesTo recipients: [String], in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let indexes = recipients.flatMap { key.blindIndexes($0) }
        try transaction.execute(
            "DELETE FROM notifications.messages WHERE recipient_index = ANY(\(indexes))")
    }

    /// Removes the messages of long ago, some at a time.
    package func tidy() async throws {
        let oldest = ID<Message>.earliest(at: clock.now.adding(seconds: -Self.secondsKept))
        var removed = Self.tidyMax
        while removed == Self.tidyMax {
            removed = try await database.transaction { transaction in
                try transaction.execute(
                    """
                    DELETE FROM notifications.messages WHERE id IN (
                        SELECT id FROM notifications.messages WHERE id < \(oldest)
                        ORDER BY id LIMIT \(Self.tidyMax))
                    """)
            }
        }
    }

    /// The job of this slice.
    package var handlers: [JobHandler] {
        [JobHandler(Self.deliver) { try await carry($0) }]
    }

    // MARK: Steps

    private func queue(
        _ channel: Message.Channel, _ recipient: String, _ body: String, isWithheld: Bool,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let recipient = isWithheld ? Self.masked(recipient) : recipient
        let body = isWithheld ? Self.masked(body) : body
        let now = clock.now
        let id = ID<Message>.make(at: now)
        let context = Array("\(id)".utf8)
        try transaction.execute(
            """
            INSERT INTO notifications.messages
                (id, channel, recipient_index, recipient_sealed, body_sealed, created_at,
                withheld)
            VALUES (\(id), \(channel.rawValue), \(key.blindIndex(recipient)),
                \(key.seal(Array(recipient.utf8), context: context)),
                \(key.seal(Array(body.utf8), context: context)), \(now), \(isWithheld))
            """)
        try jobs.enqueue(Self.deliver, "\(id)", in: transaction)
    }

    private func carry(_ payload: String) async throws {
        guard let id = ID<Message>(payload) else { return }
        let waiting = try await database.read { transaction in
            try transaction.first(
                """
                SELECT id, channel, recipient_sealed, body_sealed, created_at
                FROM notifications.messages
                WHERE id = \(id) AND delivered_at IS NULL AND NOT withheld
                """
            ).map { try message($0) }
        }
        guard let waiting, let carrier = carriers[waiting.channel] else { return }
        try await carrier.carry(waiting)
        let now = clock.now
        try await database.transaction { transaction in
            _ = try transaction.execute(
                "UPDATE notifications.messages SET delivered_at = \(now) WHERE id = \(id)")
        }
    }

    private func message(_ row: Row) throws -> Message {
        let id: ID<Message> = try row[0]
        let context = Array("\(id)".utf8)
        let channel: String = try row[1]
        return Message(
            id: id, channel: Message.Channel(rawValue: channel) ?? .sms,
            recipient: String(decoding: try key.open(try row[2], context: context), as: UTF8.self),
            body: String(decoding: try key.open(try row[3], context: context), as: UTF8.self),
            createdAt: try row[4])
    }

    /// As long as the text, and nothing of it.
    private static func masked(_ text: String) -> String {
        String(repeating: "•", count: text.count)
    }

    private static func canonical(_ recipient: String) -> String {
        PhoneNumber(recipient)?.e164 ?? EmailAddress(recipient)?.text ?? recipient
    }
}
