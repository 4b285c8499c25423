package import HTTP
package import Jobs
internal import Postgres
internal import Telemetry
package import Values

/// A callback as it was stored: the answer 2xx has gone out, and now it is understood.
package enum StoredCallback {}

extension Rails {
    package static let understand = JobKind(rawValue: "rails.understand_callback")

    /// The jobs of this slice.
    package var handlers: [JobHandler] {
        [JobHandler(Self.understand) { try await understand($0) }]
    }

    /// Verifies a callback, stores it as it came, and leaves the rest to a job: whoever sent it
    /// waits for the answer and repeats what is answered late.
    package func receive(
        from name: String, token text: String?, body: [UInt8], json: JSON,
        header: @escaping @Sendable (String) -> String?
    ) async throws {
        guard let connected = connected(name) else { throw Problem.notFound() }
        let token = text.map { terms.tokens.token($0) }
        if let token, token == nil { throw Problem.notFound() }
        let callback = InboundCallback(
            body: body, json: json, token: token ?? nil, now: clock.now, headers: header)
        let reading: CallbackReading
        do { reading = try connected.provider.read(callback) } catch {
            throw RailRejection.callbackUnverified
        }
        let conversation = Conversation(over: connected.wire, clock: clock)
        guard await connected.provider.verify(callback, over: conversation) else {
            throw RailRejection.callbackUnverified
        }
        try await store(reading, of: name, token ?? nil, body)
    }

    /// The same event again counts and does nothing more.
    private func store(
        _ reading: CallbackReading, of provider: String, _ token: CallbackToken?, _ body: [UInt8]
    ) async throws {
        let id = ID<StoredCallback>.make(at: clock.now)
        // With what the address said: a replay needs it.
        let raw =
            (token.map { terms.tokens.text($0.payment, $0.purpose) } ?? "") + "\n"
            + String(decoding: body, as: UTF8.self)
        let sealed = seal(raw, Self.callbackField, id)
        let payment = token?.payment
        try await database.transaction { transaction in
            let rows = try transaction.query(
                """
                INSERT INTO rails.callbacks AS c
                    (id, provider, event, payment, raw, received_at)
                VALUES (\(id), \(provider), \(reading.event), \(payment), \(sealed), \(clock.now))
                ON CONFLICT (provider, event) DO UPDATE SET deliveries = c.deliveries + 1
                RETURNING id
                """)
            let stored: ID<StoredCallback> = try rows[0][0]
            guard stored == id else { return }
            try jobs.enqueue(Self.understand, "\(id)", in: transaction)
        }
    }

    /// Understands a stored callback once more, as a person may order.
    package func replay(callback id: ID<StoredCallback>) async throws {
        try await understand("\(id)")
    }

    // MARK: Steps

    private struct Raw: Sendable {
        let provider: String
        let sealed: [UInt8]
    }

    private func understand(_ payload: String) async throws {
        guard let id = ID<StoredCallback>(payload) else { return }
        let found = try await database.query(
            "SELECT provider, raw FROM rails.callbacks WHERE id = \(id)"
        ) { Raw(provider: try $0[0], sealed: try $0[1]) }.first
        guard let found, let connected = connected(found.provider) else { return }
        let raw = try open(found.sealed, Self.callbackField, id)
        let token = terms.tokens.token(String(raw.prefix { $0 != "\n" }))
        let body = Array(raw.utf8.drop { $0 != 0x0A }.dropFirst())
        let outcome = try await understand(body, token, connected)
        try await database.transaction { transaction in
            _ = try transaction.execute(
                """
                UPDATE rails.callbacks SET done_at = \(clock.now), outcome = \(outcome)
                WHERE id = \(id)
                """)
        }
        driver.wake()
    }

    /// Returns what came of it, for people.
    private func understand(
        _ body: [UInt8], _ token: CallbackToken?, _ connected: Connected
    ) async throws -> String {
        let reading: CallbackReading
        do {
            let json = try JSON(parsing: body)
            // Whether it is genuine was seen when it came; what a signature signed is not kept.
            reading = try connected.provider.reread(
                InboundCallback(body: body, json: json, token: token, now: clock.now) { _ in nil })
        } catch { return "not understood" }
        guard let payment = try await subject(of: reading, connected) else {
            return "about no payment of ours"
        }
        switch reading.meaning {
        case .ask(let reference, let receipt):
            try await insisting(on: payment) {
                try await note(reference: reference, receipt: receipt, of: $0)
            }
            return "asked"
        case .answer(let answer):
            guard
                let service = connected.provider.services.first(where: {
                    $0.kind == payment.kind && $0.rail == payment.rail
                        && $0.currency == payment.amount.currency
                })
            else { return "about a service that is no longer offered" }
            try await insisting(on: payment) {
                try await apply(answer, to: $0, service, said: [])
            }
            return "an answer"
        }
    }

    private func subject(
        of reading: CallbackReading, _ connected: Connected
    ) async throws -> RailPayment? {
        switch reading.subject {
        case .payment(let id):
            guard let payment = try await stored(id),
                payment.provider == connected.provider.name
            else { return nil }
            return payment
        case .reference(let reference):
            return try await stored(
                where: "provider = \(connected.provider.name) AND reference = \(reference)"
            ).first
        case .receipt(let receipt):
            return try await stored(
                where: "provider = \(connected.provider.name) AND receipt = \(receipt)"
            ).first
        case .nothing: return nil
        }
    }

    /// Keeps a name that was learned, and has the provider asked at once.
    private func note(
        reference: String?, receipt: String?, of payment: RailPayment
    ) async throws {
        guard payment.state != .created, payment.state != .held else { return }
        var after = payment.noted()
        after.reference = payment.reference ?? reference
        // Of what is open the newest claim; nothing is decided by it.
        after.receipt = payment.state == .settled ? payment.receipt : receipt ?? payment.receipt
        if payment.state != .review { after.dueAt = clock.now }
        do {
            try await write(payment, after, RailStep(.told, by: .provider))
        } catch let error as DatabaseError where error.isUniqueViolation {
            // The names are another payment's: a forgery, or a provider's mistake. Asking tells.
            Log.error("rails.callback_names_another", ["payment": "\(payment.id)"])
            try await postpone(payment, until: clock.now)
        }
    }
}
