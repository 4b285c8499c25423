internal import Jobs
internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Telemetry
internal import Values

/// What is written together: a command of the ledger with what belongs to it, or what moves no
/// money.
enum Step: Sendable {
    case command(Command, of: ObjectID)
    case plain([Attachment])
}

extension Offline {
    /// How often a picture may turn out to be old before whoever waits is told to come again.
    private static let attemptsMax = 40
    /// Records that are written at once. After losing a turn it is this again: what is refused in a
    /// batch is found by halving it.
    private static let batchMin = 8
    private static let batchMax = Int(Offline.picturePendingMax)

    /// Settles what can be settled of one currency, whoever has shown it.
    func settle(_ currency: Currency) async throws {
        try await lanes.exclusively(currency) {
            var run = SettlementRun(currency, batch: Self.batchMin)
            var attempts = 0
            while true {
                do {
                    guard try await advance(&run) else { break }
                    attempts = 0
                    run.batch = min(run.batch * 2, Self.batchMax)
                } catch is TurnLost {
                    attempts += 1
                    run.batch = Self.batchMin
                    guard attempts < Self.attemptsMax else { throw TurnLost() }
                }
            }
            try await returnDeclined(currency)
        }
    }

    /// One picture, and what follows from it. Returns whether there may be more.
    private func advance(_ run: inout SettlementRun) async throws -> Bool {
        var picture = try await picture(run.currency)
        let next = picture.pending.filter { !run.skipped.contains($0) }.prefix(run.batch)
        guard let first = next.first else { return false }
        var steps: [Step] = []
        for id in next {
            guard let record = picture.records[id] else { continue }
            var verdict = picture.decide(record)
            if case .needsCover = verdict {
                // Who pays for an overspend may be spending online at this very moment: decided
                // alone, so that being refused costs nobody else.
                guard id == first else { break }
                try await loadCover(for: record, into: &picture)
                verdict = picture.decide(record)
                steps.append(step(for: verdict, record, &picture))
                break
            }
            steps.append(step(for: verdict, record, &picture))
        }
        return try await write(steps, &run)
    }

    /// Writes the steps in their order. Returns whether it makes sense to go on.
    private func write(_ steps: [Step], _ run: inout SettlementRun) async throws -> Bool {
        var commands: [(command: Command, record: ObjectID)] = []
        for step in steps {
            switch step {
            case .command(let command, let record): commands.append((command, record))
            case .plain(let attachments):
                guard try await submit(commands, &run) else { return false }
                commands = []
                try await write(attachments)
            }
        }
        return try await submit(commands, &run)
    }

    private func submit(
        _ commands: [(command: Command, record: ObjectID)], _ run: inout SettlementRun
    ) async throws -> Bool {
        let outcomes = try await ledger.submit(commands.map(\.command))
        for (outcome, (_, record)) in zip(outcomes, commands) {
            guard case .failure(let error) = outcome else { continue }
            switch (error as? LedgerRefusal)?.rejection {
            // What is taken stays pending until payments are open again.
            case .moneyOutStopped: return false
            // The payer's money online has moved since.
            case .insufficientFunds: throw TurnLost()
            case .some(let rejection):
                Log.warning(
                    "offline.not_settled",
                    ["record": "\(record.hex)", "code": "\(rejection.rawValue)"])
                run.skipped.insert(record)
                return true
            case nil: throw error
            }
        }
        return true
    }

    /// Writes what moves no money, in a transaction of its own.
    func write(_ attachments: [Attachment]) async throws {
        try await database.transaction { transaction in
            for attachment in attachments {
                let statement = attachment.statement(TransferID(0))
                guard try transaction.execute(statement) == attachment.rowsExpected else {
                    throw attachment.refusal
                }
            }
        }
    }
}

/// Where one run through the pending records of a currency stands.
struct SettlementRun: Sendable {
    let currency: Currency
    var batch: Int
    /// Refused for a reason of their own, such as a closed account; the others go on.
    var skipped: Set<ObjectID> = []

    init(_ currency: Currency, batch: Int) {
        self.currency = currency
        self.batch = batch
    }
}

// MARK: What is written about a verdict

extension Offline {
    private func step(
        for verdict: Verdict, _ record: StoredRecord, _ picture: inout Picture
    ) -> Step {
        let turn = Self.nextTurn(of: &picture)
        switch verdict {
        case .wait:
            return .plain([
                Self.attachment(
                    """
                    WITH turn AS (\(turn))
                    UPDATE offline.records r SET state = 'waiting' FROM turn
                    WHERE r.id = \(record.id.stored) AND r.state = 'pending'
                    """)
            ])
        case .reject(let rejection):
            return .plain([Self.rejecting(record, rejection, turn)])
        case .needsCover:
            preconditionFailure("whoever needs cover has it by now")
        case .settle(let settlement):
            let attachments = attachments(of: settlement, turn, picture)
            guard !settlement.legs.isEmpty else { return .plain(attachments) }
            let key = Self.key(of: record, isReclaim: record.outcome == .refunded)
            return .command(
                Command(
                    key: key, settlement.legs.map { .post($0) }, attachments: attachments),
                of: record.id)
        }
    }

    /// The id of a record is the name of its settlement: nothing settles it twice.
    private static func key(of record: StoredRecord, isReclaim: Bool) -> CommandKey {
        isReclaim
            ? commandKey("offline reclaim \(record.id.hex)")
            : CommandKey(high: record.id.high, low: record.id.low)
    }

    /// The first step of a picture moves the turn; the others want it where the first has left it.
    private static func nextTurn(of picture: inout Picture) -> SQL {
        guard picture.isTurnMoved else {
            defer { (picture.version, picture.isTurnMoved) = (picture.version + 1, true) }
            return turn(picture.currency, picture.version)
        }
        // Locked, so that nobody moves it before this step is written.
        return """
            SELECT version FROM offline.turns
            WHERE currency = \(picture.currency) AND version = \(picture.version)
            FOR NO KEY UPDATE
            """
    }

    /// Moves the turn on from the version on which a step was decided.
    static func turn(_ currency: Currency, _ version: Int64) -> SQL {
        """
        UPDATE offline.turns SET version = version + 1
        WHERE currency = \(currency) AND version = \(version) RETURNING version
        """
    }

    static func attachment(_ statement: SQL) -> Attachment {
        Attachment(else: TurnLost()) { _ in statement }
    }

    /// Who draws on what is rejected is decided next, and rejected too.
    private static func rejecting(
        _ record: StoredRecord, _ rejection: ObjectRejection, _ turn: SQL
    ) -> Attachment {
        attachment(
            """
            WITH turn AS (\(turn)), woken AS (\(woken(by: record)))
            UPDATE offline.records r SET state = 'rejected', rejection = \(rejection.rawValue)
            FROM turn WHERE r.id = \(record.id.stored) AND r.state = 'pending'
            """)
    }

    private static func woken(by record: StoredRecord) -> SQL {
        """
        UPDATE offline.records c SET state = 'pending' FROM turn
        WHERE c.source = \(record.id.stored) AND c.state = 'waiting'
        """
    }

    private func attachments(
        of settlement: Settlement, _ turn: SQL, _ picture: Picture
    ) -> [Attachment] {
        [settling(settlement, turn, picture)]
            + debts(of: settlement, picture) + movedClaims(of: settlement, picture)
            + news(of: settlement, picture)
    }

    private func settling(
        _ settlement: Settlement, _ turn: SQL, _ picture: Picture
    ) -> Attachment {
        let (record, now) = (settlement.record, picture.now)
        var parts: SQL = "WITH turn AS (\(turn)), woken AS (\(Self.woken(by: record)))"
        if let source = picture.records[record.record.source], record.outcome != .refunded {
            let isClosed = source.isClosed(with: picture.balance(source.bucket))
            parts = """
                \(parts), drew AS (
                    UPDATE offline.records f SET drawn = f.drawn + \(record.amount),
                        closed_at = coalesce(f.closed_at, CASE WHEN \(isClosed) THEN \(now) END)
                    FROM turn WHERE f.id = \(source.id.stored))
                """
        }
        if settlement.wasGivenBack, let payer = picture.wallets[record.record.payer] {
            parts = "\(parts), \(Self.cutOff(payer, for: settlement.overspent, picture))"
        } else if settlement.overspent > 0 {
            parts = """
                \(parts), caught AS (
                    UPDATE offline.cases c SET overspent = c.overspent + \(settlement.overspent),
                        upheld_at = coalesce(c.upheld_at, \(now))
                    FROM turn WHERE c.wid = \(record.record.payer.stored))
                """
        }
        let isClosed =
            picture.records[record.id]?.isClosed(with: picture.balance(record.bucket)) ?? false
        return Self.attachment(
            """
            \(parts)
            UPDATE offline.records r SET state = 'settled',
                outcome = \(Int16(settlement.outcome.rawValue)), paid = \(settlement.paid),
                released = r.released + \(settlement.released), returned = 0,
                instant = \(settlement.instant), matures_at = \(settlement.maturesAt),
                settled_at = \(now), closed_at = CASE WHEN \(isClosed) THEN \(now) END
            FROM turn WHERE r.id = \(record.id.stored) AND r.state = 'pending'
            """)
    }

    /// Whoever spends what they have given back has signed both; no two records of theirs conflict.
    private static func cutOff(
        _ wallet: DeviceWallet, for overspent: Int64, _ picture: Picture
    ) -> SQL {
        """
        opened AS (
            INSERT INTO offline.cases AS c
                (wid, user_id, currency, overspent, opened_at, upheld_at)
            SELECT \(wallet.id.stored), \(wallet.owner), \(wallet.currency), \(overspent),
                \(picture.now), \(picture.now) FROM turn
            ON CONFLICT (wid) DO UPDATE SET overspent = c.overspent + excluded.overspent,
                upheld_at = coalesce(c.upheld_at, excluded.upheld_at)),
        frozen AS (
            UPDATE offline.wallets w SET revoked_at = coalesce(revoked_at, \(picture.now)),
                status = CASE WHEN status = 'retired' THEN status ELSE 'frozen' END
            FROM turn WHERE w.wid = \(wallet.id.stored))
        """
    }

    private func debts(of settlement: Settlement, _ picture: Picture) -> [Attachment] {
        let record = settlement.record
        guard let payer = picture.wallets[record.record.payer] else { return [] }
        var attachments: [Attachment] = []
        if settlement.fundPaid > 0, let payee = picture.wallets[record.record.payee] {
            attachments.append(
                Self.attachment(
                    """
                    UPDATE offline.wallets
                    SET guarantee_used = guarantee_used + \(settlement.fundPaid)
                    WHERE wid = \(payer.id.stored)
                    """))
            attachments.append(
                Self.attachment(
                    """
                    INSERT INTO offline.payouts (record, wid, payee, currency, amount, at)
                    VALUES (\(record.id.stored), \(payer.id.stored), \(payee.owner),
                        \(picture.currency), \(settlement.fundPaid), \(picture.now))
                    """))
            attachments.append(
                Self.claim(settlement.fundPaid, payer.owner, picture.currency, of: nil))
        }
        if settlement.owedToPayee > 0 {
            attachments.append(
                Self.claim(settlement.owedToPayee, payer.owner, picture.currency, of: record.id))
        }
        return attachments
    }

    private func movedClaims(of settlement: Settlement, _ picture: Picture) -> [Attachment] {
        settlement.endedClaims.map { Self.lowering($0, by: $1) }
            + settlement.movedClaims.flatMap { claim, amount in
                [
                    Self.lowering(claim, by: amount),
                    Self.claim(amount, claim.debtor, picture.currency, of: settlement.record.id),
                ]
            }
    }

    private static func lowering(_ claim: Picture.Claim, by amount: Int64) -> Attachment {
        attachment(
            """
            UPDATE offline.claims SET remaining = remaining - \(amount)
            WHERE id = \(claim.id) AND remaining >= \(amount)
            """)
    }

    private static func claim<Owner>(
        _ amount: Int64, _ debtor: ID<Owner>, _ currency: Currency, of record: ObjectID?
    ) -> Attachment {
        attachment(
            """
            INSERT INTO offline.claims (debtor, currency, record, remaining)
            VALUES (\(debtor), \(currency), \(record.map(\.stored)), \(amount))
            """)
    }

    /// Tells the payee, in the transaction in which the money comes.
    private func news(of settlement: Settlement, _ picture: Picture) -> [Attachment] {
        let record = settlement.record
        guard settlement.paid > 0, let payee = picture.wallets[record.record.payee] else {
            return []
        }
        let event = Event(
            kind: Self.recordSettled, subject: ID(high: payee.owner.high, low: payee.owner.low),
            payload: #"{"id16":"\#(record.id.hex)","covered":\#(settlement.paid)}"#)
        return [Self.attachment(events.statement(for: event))]
    }

    static let recordSettled = "offline.settled"
}
