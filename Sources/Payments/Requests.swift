package import Identity
internal import Jobs
internal import Ledger
internal import Postgres
package import Values

extension Payments {
    /// Asks someone for money. Nothing moves until they accept.
    package func request(
        _ command: SendCommand, by requester: Payer
    ) async throws -> PaymentRequest {
        let currency = try terms.currency(command.currency)
        guard command.amount > 0 else { throw PaymentRejection.amountMustBePositive }
        let payer = try await person(command.to)
        guard payer.id != requester.user else { throw PaymentRejection.accountsMustDiffer }
        let now = clock.now
        let request = PaymentRequest(
            id: .make(at: now), requester: requester.user, payer: payer.id,
            amount: Money(command.amount, currency), note: try note(command.note),
            status: .pending, transfer: nil, createdAt: now)
        try await database.transaction { transaction in
            try insert(request, in: transaction)
            try announce(request, as: .pending, to: request.payer, in: transaction)
        }
        return request
    }

    /// Requests that this person made or must answer, newest first.
    package func requests(
        of caller: Caller, before cursor: ID<PaymentRequest>?, limit: Int
    ) async throws -> Page<PaymentRequest> {
        let before = cursor ?? ID(high: .max, low: .max)
        let found = try await requests(
            where: """
                (requester = \(caller.user) OR payer = \(caller.user)) AND id < \(before)
                """, limit: limit + 1)
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last.map { "\($0.id)" } : nil)
    }

    package func request(
        _ id: ID<PaymentRequest>, of caller: Caller
    ) async throws -> PaymentRequest {
        let found = try await requests(where: "id = \(id)", limit: 1).first
        guard let found, found.requester == caller.user || found.payer == caller.user else {
            throw PaymentRejection.requestNotFound
        }
        return found
    }

    /// Pays a request. It becomes accepted in the transaction in which its money moves, and only if
    /// it still waited.
    package func accept(
        _ id: ID<PaymentRequest>, key: IdempotencyKey, by payer: Payer
    ) async throws -> (request: PaymentRequest, done: Done) {
        let request = try await request(id, of: payer.caller)
        guard request.payer == payer.user else { throw IdentityRejection.forbidden }
        try requireAllowed(request.amount, by: payer)
        try await requirePresence(of: payer, for: request.amount)
        let order = Order(
            amount: request.amount,
            source: try await wallet(of: payer.user, request.amount.currency),
            target: try await wallet(of: request.requester, request.amount.currency),
            note: request.note, fees: terms.sendFee(of: payer.plan))
        let receipt = try await submit(
            order, .request, key: key, by: payer, attachments: acceptance(of: request))
        let accepted = try await self.request(id, of: payer.caller)
        guard accepted.transfer == receipt.first.id else {
            // The key paid another request of the same amount before.
            throw LedgerRefusal(.idempotencyMismatch, [Fact("first_difference", "request")])
        }
        return (accepted, try await done(receipt, for: order.source.account))
    }

    /// The payer says no.
    package func decline(
        _ id: ID<PaymentRequest>, by caller: Caller
    ) async throws -> PaymentRequest {
        let request = try await request(id, of: caller)
        guard request.payer == caller.user else { throw IdentityRejection.forbidden }
        return try await decide(request, .declined, tell: request.requester, by: caller)
    }

    /// Who asked takes the request back.
    package func cancel(
        _ id: ID<PaymentRequest>, by caller: Caller
    ) async throws -> PaymentRequest {
        let request = try await request(id, of: caller)
        guard request.requester == caller.user else { throw IdentityRejection.forbidden }
        return try await decide(request, .cancelled, tell: request.payer, by: caller)
    }

    package func usernames(of users: Set<ID<User>>) async throws -> [ID<User>: String] {
        let ids = users.map { ($0.high, $0.low) }
        return try await database.read { transaction in
            var names: [ID<User>: String] = [:]
            let rows = try transaction.query(
                "SELECT id, username FROM identity.people WHERE id = ANY(\(SQLValue.uuids(ids)))")
            for row in rows { names[try row[0]] = try row[1] }
            return names
        }
    }

    // MARK: Steps

    private func insert(
        _ request: PaymentRequest, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO payments.requests
                (id, requester, payer, amount, currency, note, status, created_at)
            VALUES (\(request.id), \(request.requester), \(request.payer),
                \(request.amount.minorUnits), \(request.amount.currency), \(request.note),
                \(request.status.rawValue), \(request.createdAt))
            """)
    }

    /// What the ledger's transaction does to the request, besides moving the money.
    private func acceptance(of request: PaymentRequest) -> [Attachment] {
        let now = clock.now
        let accepted = event(request, as: .accepted, to: request.requester)
        let announcement = events.statement(for: accepted)
        return [
            Attachment(else: PaymentRejection.requestAlreadyDecided) { first in
                """
                UPDATE payments.requests
                SET status = 'accepted', transfer = \(first.number), decided_at = \(now)
                WHERE id = \(request.id) AND status = 'pending'
                """
            },
            Attachment(else: PaymentRejection.requestAlreadyDecided) { _ in announcement },
        ]
    }

    private func decide(
        _ request: PaymentRequest, _ status: PaymentRequest.Status, tell other: ID<User>,
        by caller: Caller
    ) async throws -> PaymentRequest {
        let now = clock.now
        try await database.transaction { transaction in
            let changed = try transaction.execute(
                """
                UPDATE payments.requests SET status = \(status.rawValue), decided_at = \(now)
                WHERE id = \(request.id) AND status = 'pending'
                """)
            guard changed == 1 else { throw PaymentRejection.requestAlreadyDecided }
            try announce(request, as: status, to: other, in: transaction)
        }
        return try await self.request(request.id, of: caller)
    }

    private func announce(
        _ request: PaymentRequest, as status: PaymentRequest.Status, to person: ID<User>,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try events.append(event(request, as: status, to: person), in: transaction)
    }

    private func event(
        _ request: PaymentRequest, as status: PaymentRequest.Status, to person: ID<User>
    ) -> Event {
        Event(
            kind: "request", subject: ID(high: person.high, low: person.low),
            payload: """
                {"id":"\(request.id)","status":"\(status.rawValue)",\
                "amount":\(request.amount.minorUnits),"currency":"\(request.amount.currency)"}
                """)
    }

    func requests(
        where condition: SQL, limit: Int
    ) async throws -> [PaymentRequest] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, requester, payer, amount, currency, note, status, transfer, created_at
                FROM payments.requests WHERE \(condition) ORDER BY id DESC LIMIT \(Int64(limit))
                """
            ).map { try PaymentRequest(row: $0) }
        }
    }
}

extension PaymentRequest {
    fileprivate init(row: Row) throws {
        id = try row[0]
        requester = try row[1]
        payer = try row[2]
        amount = Money(try row[3], try row[4])
        note = try row[5]
        let stored: String = try row[6]
        status = Status(rawValue: stored) ?? .pending
        let paid: Int64? = try row[7]
        transfer = paid.map { TransferID($0) }
        createdAt = try row[8]
    }
}
