internal import Cryptography
internal import Postgres
internal import Telemetry
internal import Values

/// Takes decided batches to PostgreSQL and says what became of each command.
///
/// Confined to the ledger's thread, with a connection of its own. One statement writes a batch, and
/// the head row is its fence: with any number of processes, a batch decided on an old picture
/// changes nothing and is decided again. A commit whose outcome is unknown is resolved by asking
/// the journal for its keys.
final class BatchWriter {
    private let settings: ConnectionSettings
    private var connection: Connection?
    let clock: Clock
    var cache = HeadCache()
    private let digester = Digester()

    typealias Outcome = Result<Receipt, any Error>
    /// Sends statements in one round trip.
    typealias Round = ([SQL]) throws(DatabaseError) -> [QueryResult]

    /// Attempts at one batch before it is given up with the last error.
    static let attemptsMax = 12

    init(settings: ConnectionSettings, clock: Clock) {
        self.settings = settings
        self.clock = clock
    }

    /// The outcome of each command, in order, and the lines written, in journal order.
    func process(_ commands: [Command]) -> (outcomes: [Outcome], written: [Transfer]) {
        var batch = Batch(commands)
        while let round = batch.nextRound() { settle(round, in: &batch) }
        return (batch.outcomes.map { $0! }, batch.written)
    }

    /// What one try at a round leaves for the next to do.
    private enum Progress {
        case done
        /// Another writer was faster, and nothing was written.
        case overtaken
        /// One command's attachment found its rows already changed; nothing was written.
        case attachmentRefused
    }

    /// What is known before a try.
    struct Knowledge {
        /// Whether some of the keys may have been used before.
        var doubtsKeys: Bool
        /// Whether the head is held from the start, so that no other writer can be faster again.
        var isLocked = false
        /// What was sent and never answered: each may have been committed.
        var unanswered: [Decision] = []
    }

    /// Tries until every command of the round has an outcome.
    private func settle(_ round: [Int], in batch: inout Batch) {
        var known = Knowledge(
            doubtsKeys: round.contains { index in
                batch.commands[index].key.map { cache.hasSeen($0) } ?? false
            })
        var lastError: (any Error)?
        for _ in 0..<Self.attemptsMax {
            do throws(DatabaseError) {
                switch try write(round, in: &batch, &known) {
                case .done: return
                case .attachmentRefused: return settleHalves(of: round, in: &batch)
                case .overtaken: cache.forgetHeads()
                }
            } catch {
                lastError = error
                cache.forgetHeads()
                if error.isOfOneCommand, round.count > 1, known.unanswered.isEmpty {
                    return settleHalves(of: round, in: &batch)
                }
                guard error.mayBeTriedAgain else { break }
            }
            known.doubtsKeys = true
            known.isLocked = true
        }
        let error = lastError ?? DatabaseError.overloaded
        Log.error("ledger.batch_failed", ["error": "\(error)"])
        for index in round { batch.settle(index, .failure(error)) }
    }

    /// What one command brings about is no reason to refuse its neighbours: half the round at a
    /// time, it ends up alone.
    private func settleHalves(of round: [Int], in batch: inout Batch) {
        let open = round.filter(batch.isOpen)
        let middle = open.count / 2
        for half in [open[..<middle], open[middle...]] where !half.isEmpty {
            settle(Array(half), in: &batch)
        }
    }

    private func write(
        _ round: [Int], in batch: inout Batch, _ known: inout Knowledge
    ) throws(DatabaseError) -> Progress {
        let connection = try connected()
        let hasAttachments = round.contains { !batch.commands[$0].attachments.isEmpty }
        guard known.isLocked || hasAttachments else {
            return try writeAlone(round, in: &batch, &known, connection)
        }
        return try writeInTransaction(round, in: &batch, &known, connection)
    }

    private func connected() throws(DatabaseError) -> Connection {
        if let connection, !connection.isBroken { return connection }
        let opened = try Connection.open(settings)
        connection = opened
        return opened
    }

    /// The usual way: one statement, one round trip, its own transaction.
    private func writeAlone(
        _ round: [Int], in batch: inout Batch, _ known: inout Knowledge, _ connection: Connection
    ) throws(DatabaseError) -> Progress {
        let send: Round = { statements throws(DatabaseError) in
            try connection.pipeline(statements)
        }
        var decision = try decide(round, of: batch.commands, known, send)
        guard decision.hasLines else {
            if !decision.isDoneWithoutWriting {
                guard try stillStands(decision.fence, send) else { return .overtaken }
            }
            accept(decision, in: &batch)
            return .done
        }
        let link = link(decision)
        let statement = LedgerStore.write(decision.bench, link, expected: decision.fence)
        decision.didWrite(link)
        do {
            guard try !connection.query(statement).isEmpty else { return .overtaken }
        } catch {
            if error.leavesDoubt { known.unanswered.append(decision) }
            throw error
        }
        accept(decision, in: &batch)
        return .done
    }

    /// The way of batches that carry other slices' rows, or that must not lose the race again.
    private func writeInTransaction(
        _ round: [Int], in batch: inout Batch, _ known: inout Knowledge, _ connection: Connection
    ) throws(DatabaseError) -> Progress {
        let send: Round = { statements throws(DatabaseError) in
            try connection.pipeline(statements)
        }
        var refused: (index: Int, refusal: any Refusal)?
        var sent: Decision?
        let commands = batch.commands
        let decision: Decision?
        do {
            // The connection itself is asked, within its transaction: `send` may not capture a
            // borrowed value.
            decision = try connection.transaction { _ throws -> Decision? in
                for unanswered in known.unanswered where try isInJournal(unanswered, send) {
                    return unanswered
                }
                var decision = try decide(round, of: commands, known, send)
                guard decision.hasLines else {
                    if known.isLocked { return decision }
                    return try stillStands(decision.fence, send) ? decision : nil
                }
                let link = link(decision)
                let statement = LedgerStore.write(decision.bench, link, expected: decision.fence)
                guard try !connection.query(statement).isEmpty else { return nil }
                decision.didWrite(link)
                refused = try firstRefused(decision, of: commands, send)
                if refused != nil { throw AttachmentRefused() }
                sent = decision
                return decision
            }
        } catch is AttachmentRefused {
            cache.forgetHeads()
            if let refused { batch.settle(refused.index, .failure(refused.refusal)) }
            return .attachmentRefused
        } catch let error as DatabaseError {
            if error.leavesDoubt, let sent { known.unanswered.append(sent) }
            throw error
        } catch {
            preconditionFailure("the transaction throws nothing else: \(error)")
        }
        guard let decision else { return .overtaken }
        accept(decision, in: &batch)
        return .done
    }

    private func link(_ decision: Decision) -> ChainLink {
        ChainLink(
            decision.bench.lines, salt: .random(), after: decision.fence.chain, digester)
    }

    /// Whether the decision whose answer was lost was written after all.
    ///
    /// The session that was to write it may still be at work. It either holds the head, and is
    /// waited for here, or will find that the head has moved, and change nothing.
    private func isInJournal(
        _ decision: Decision, _ send: Round
    ) throws(DatabaseError) -> Bool {
        let results = try send([
            LedgerStore.fenceLocked, LedgerStore.transfers(decision.bench.lines.map(\.id.number)),
        ])
        var found: [Transfer] = []
        for row in results[1].rows { found.append(try Transfer(row: row)) }
        return found.sorted { $0.id < $1.id } == decision.bench.lines
    }

    /// Rolls back a batch of which one command's attachment found its row already changed.
    private struct AttachmentRefused: Error {}

    private func firstRefused(
        _ decision: Decision, of commands: [Command], _ send: Round
    ) throws(DatabaseError) -> (index: Int, refusal: any Refusal)? {
        var statements: [SQL] = []
        var owners: [(index: Int, attachment: Attachment)] = []
        for (index, lines) in decision.lines {
            for attachment in commands[index].attachments {
                statements.append(attachment.statement(decision.bench.lines[lines.lowerBound].id))
                owners.append((index, attachment))
            }
        }
        guard !statements.isEmpty else { return nil }
        for (result, owner) in zip(try send(statements), owners)
        where result.affected != owner.attachment.rowsExpected {
            return (owner.index, owner.attachment.refusal)
        }
        return nil
    }

    private func stillStands(
        _ fence: LedgerStore.Fence, _ send: Round
    ) throws(DatabaseError) -> Bool {
        let rows = try send([LedgerStore.fence])[0].rows
        return try LedgerStore.Fence(row: rows[0]).version == fence.version
    }

    private func accept(_ decision: Decision, in batch: inout Batch) {
        cache.fence = decision.fence
        for head in decision.bench.changed { cache.keep(head) }
        for (index, lines) in decision.lines {
            let receipt = Receipt(
                transfers: Array(decision.bench.lines[lines]), isReplay: false)
            batch.settle(index, .success(receipt))
        }
        for (index, outcome) in decision.others { batch.settle(index, outcome) }
        for line in decision.bench.lines { if let key = line.key { cache.remember(key) } }
        batch.written += decision.bench.lines
    }
}

extension DatabaseError {
    /// Whether the batch may simply be decided and written again.
    fileprivate var mayBeTriedAgain: Bool { isTransient || isTakenByAnother || leavesDoubt }

    /// Whether another writer used a key or ended a hold between the look and the write.
    private var isTakenByAnother: Bool {
        isUniqueViolation("transfers_key") || isUniqueViolation("transfers_settles")
    }

    /// Whether PostgreSQL refused something that one command asked for.
    fileprivate var isOfOneCommand: Bool {
        if case .server = self { !isTransient && !isTakenByAnother } else { false }
    }

    /// Whether what was sent may have been committed although no answer came.
    fileprivate var leavesDoubt: Bool {
        if case .commitUnknown = self { true } else { false }
    }
}
