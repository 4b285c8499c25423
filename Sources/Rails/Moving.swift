internal import Jobs
internal import Ledger
internal import Postgres
internal import Values

// How a payment changes: in one statement with its line of the timeline, and only from the version
// on which the change was decided.

extension Rails {
    /// The statement that makes `before` into `after`. It affects one row, or none when somebody
    /// was faster.
    func statement(
        _ before: RailPayment, _ after: RailPayment, _ step: RailStep
    ) -> SQL {
        precondition(after.version == before.version + 1)
        return """
            WITH moved AS (
                UPDATE rails.payments SET state = \(after.state.rawValue),
                    version = \(after.version), asks = \(after.asks),
                    called_at = \(after.calledAt), due_at = \(after.dueAt),
                    reference = \(after.reference), receipt = \(after.receipt),
                    next_action = \(after.nextAction.stored),
                    failure = \(after.failure?.rawValue), hold = \(after.hold?.number),
                    fee_hold = \(after.feeHold?.number), hold_ends_at = \(after.holdEndsAt),
                    transfer = \(after.transfer?.number)
                WHERE id = \(before.id) AND version = \(before.version)
                RETURNING id, version, state)
            INSERT INTO rails.steps (payment, number, at, state, event, actor, staff, detail)
            SELECT id, version, \(clock.now), state, \(step.event.rawValue),
                \(step.actor.name), \(step.actor.staff), \(step.detail)
            FROM moved
            """
    }

    /// Writes the change alone, where no money moves.
    /// - Throws: `PaymentMoved` when somebody was faster.
    @discardableResult
    func write(
        _ before: RailPayment, _ after: RailPayment, _ step: RailStep, said: [Exchange] = []
    ) async throws -> RailPayment {
        let statements =
            [statement(before, after, step)] + said.map { statement($0, before.id) }
        let event = before.state == after.state ? nil : event(after)
        try await database.transaction { transaction in
            for statement in statements {
                guard try transaction.execute(statement) == 1 else { throw PaymentMoved() }
            }
            if let event { try events.append(event, in: transaction) }
        }
        return after
    }

    /// The same as what the ledger writes in its own transaction.
    /// - Parameter after: given the command's first line.
    func attachments(
        _ before: RailPayment, _ step: RailStep, said: [Exchange],
        _ after: @escaping @Sendable (TransferID) -> RailPayment
    ) -> [Attachment] {
        let told = events.statement(for: event(after(TransferID(0))))
        return [
            Attachment(else: PaymentMoved()) { statement(before, after($0), step) },
            Attachment(else: PaymentMoved()) { _ in told },
        ]
            + said.map { exchange in
                let statement = statement(exchange, before.id)
                return Attachment(else: PaymentMoved()) { _ in statement }
            }
    }

    func statement(_ exchange: Exchange, _ payment: ID<RailPayment>) -> SQL {
        let said = seal(
            exchange.request + "\u{0}" + exchange.answer, Self.exchangeField,
            "\(payment) \(exchange.at.microseconds)")
        return """
            INSERT INTO rails.exchanges (payment, at, operation, status, milliseconds, said)
            VALUES (\(payment), \(exchange.at), \(exchange.operation),
                \(exchange.status.map { Int64($0) }), \(exchange.milliseconds), \(said))
            """
    }

    /// A move as its owner's pages are told of it.
    private func event(_ payment: RailPayment) -> Event {
        Event(
            kind: "payment", subject: ID(high: payment.user.high, low: payment.user.low),
            payload: """
                {"id":"\(payment.id)","kind":"\(payment.kind.rawValue)",\
                "status":"\(payment.state.rawValue)","amount":\(payment.amount.minorUnits),\
                "currency":"\(payment.amount.currency)"}
                """)
    }

    /// Looks again later; nothing else changes, so there is no step.
    func postpone(_ payment: RailPayment, until due: Timestamp?) async throws {
        try await database.transaction { transaction in
            _ = try transaction.execute(
                """
                UPDATE rails.payments SET due_at = \(due)
                WHERE id = \(payment.id) AND version = \(payment.version)
                """)
        }
    }

    // MARK: Finding

    func stored(_ id: ID<RailPayment>) async throws -> RailPayment? {
        try await stored(where: "id = \(id)").first
    }

    func stored(where condition: SQL) async throws -> [RailPayment] {
        try await database.query(
            "SELECT \(RailPayment.columns) FROM rails.payments WHERE \(condition)"
        ) { try RailPayment(row: $0) }
    }

    /// The statements that write a new payment and its first step.
    func insertion(_ payment: RailPayment, key: CommandKey) -> SQL {
        let name = SQLValue.uuid(high: key.high, low: key.low)
        return """
            WITH made AS (
                INSERT INTO rails.payments (id, user_id, key, kind, rail, provider, currency,
                    amount, fee, wallet, float_account, contact, created_at, state, version, asks,
                    due_at)
                VALUES (\(payment.id), \(payment.user), \(name), \(payment.kind.rawValue),
                    \(payment.rail), \(payment.provider), \(payment.amount.currency),
                    \(payment.amount.minorUnits), \(payment.fee.minorUnits),
                    \(payment.wallet.number), \(payment.float.number), \(payment.contact),
                    \(payment.createdAt), 'created', 1, 0, \(payment.dueAt))
                RETURNING id)
            INSERT INTO rails.steps (payment, number, at, state, event, actor)
            SELECT id, 1, \(payment.createdAt), 'created', 'created', 'owner' FROM made
            """
    }
}
