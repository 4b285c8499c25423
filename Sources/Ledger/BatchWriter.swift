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
    private(set) var connection: Connection?
    let clock: Clock
    var cache = HeadCache()
    private let digester = Digester()
    var turns = Turns()
    /// Whether another process is known to be writing all the time: a race would be lost.
    private var expectsCompany = false
    /// Lines of other processes that were read in passing and not yet handed on.
    var learned: [Transfer] = []

    typealias Outcome = Result<Receipt, any Error>
    /// Sends statements in one round trip.
    typealias Round = ([SQL]) throws(DatabaseError) -> [QueryResult]

    /// Attempts at one batch before it is given up with the last error.
    static let attemptsMax = 12
    /// How long a statement waits for the head, which another process may hold.
    static let lockMillisecondsMax = 2000
    /// The longest silence inside a transaction, which holds the head of every process.
    static let idleMillisecondsMax = 5000

    init(settings: ConnectionSettings, clock: Clock) {
        var settings = settings
        settings.lockTimeoutMilliseconds = min(
            settings.lockTimeoutMilliseconds, Self.lockMillisecondsMax)
        settings.idleInTransactionTimeoutMilliseconds = min(
            settings.idleInTransactionTimeoutMilliseconds, Self.idleMillisecondsMax)
        self.settings = settings
        self.clock = clock
    }

    /// The outcome of each command, in order, and the lines written, in journal order.
    func process(_ commands: [Command]) -> (outcomes: [Outcome], written: [Transfer]) {
        var batch = Batch(commands)
        while let round = batch.nextRound() { settle(round, in: &batch) }
        expectsCompany = false
        return (batch.outcomes.map { $0! }, batch.written)
    }

    /// The next batch is written beside a busy process whose lines are not followed here.
    func expectCompany() {
        cache.forgetHeads()
        expectsCompany = true
    }

    /// The lines by which the journal has grown: these, and what was learned of others.
    func news(with written: [Transfer]) -> [Transfer] {
        guard !learned.isEmpty else { return written }
        defer { learned = [] }
        return (learned + written).sorted { $0.id < $1.id }
    }

    /// What one try at a round leaves for the next to do.
    private enum Progress {
        case done
        /// Another writer was faster, and nothing was written.
        case overtaken
        /// One command's attachment found its rows already changed; nothing was written.
        case attachmentRefused
        /// Another session holds what an attachment wants to change; nothing was written.
        case attachmentBlocked(DatabaseError)
    }

    /// What is known before a try.
    struct Knowledge {
        /// Whether some of the keys may have been used before.
        var doubtsKeys: Bool
        /// Whether the head is held from the start, so that no other writer can be faster again.
        var isLocked = false
        /// What was sent and never answered: it may have been committed.
        var unanswered: Decision?
    }

    /// Tries until every command of the round has an outcome.
    private func settle(_ round: [Int], in batch: inout Batch) {
        var known = Knowledge(
            doubtsKeys: round.contains { index in
                batch.commands[index].key.map { cache.hasSeen($0) } ?? false
            }, isLocked: expectsCompany)
        var lastError: any Error = LedgerOverloaded()
        for _ in 0..<Self.attemptsMax where batch.hasTime {
            do throws(DatabaseError) {
                if let found = try clearDoubt(&known) { return accept(found, in: &batch) }
                switch try write(round, in: &batch, &known) {
                case .done: return
                case .attachmentRefused: return settleHalves(of: round, in: &batch)
                case .attachmentBlocked(let error):
                    return settleBlocked(round, by: error, in: &batch)
                case .overtaken: turns.wasOvertaken()
                }
            } catch {
                let didNothing = error.leavesDoubt && known.unanswered == nil
                lastError = didNothing ? .connection("it was lost before the write") : error
                cache.forgetHeads()
                if error.isOfOneCommand, round.count > 1, known.unanswered == nil {
                    return settleHalves(of: round, in: &batch)
                }
                guard error.mayBeTriedAgain else { break }
            }
            known.doubtsKeys = true
            known.isLocked = true
        }
        let isInDoubt = known.unanswered != nil
        giveUp(round, with: isInDoubt ? DatabaseError.commitUnknown : lastError, in: &batch)
    }

    private func giveUp(_ round: [Int], with error: any Error, in batch: inout Batch) {
        Log.error("ledger.batch_failed", ["error": "\(error)"])
        for index in round { batch.settle(index, .failure(error)) }
    }

    /// What nothing is attached to goes first. The others find out who is blocked, half of them at
    /// a time, but not for long: as long as they wait they hold up everyone.
    private func settleBlocked(
        _ round: [Int], by error: DatabaseError, in batch: inout Batch
    ) {
        cache.forgetHeads()
        let attached = round.filter { !batch.commands[$0].attachments.isEmpty }
        let plain = round.filter { batch.commands[$0].attachments.isEmpty }
        if !plain.isEmpty { settle(plain, in: &batch) }
        guard batch.hasTimeForBlocked() else { return giveUp(attached, with: error, in: &batch) }
        if attached.count > 1 {
            settleHalves(of: attached, in: &batch)
        } else {
            settle(attached, in: &batch)
        }
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
        let operations = round.reduce(0) { $0 + batch.commands[$1].operations.count }
        guard known.isLocked || hasAttachments || operations >= LedgerStore.copiedLinesMin else {
            return try writeAlone(round, in: &batch, &known, connection)
        }
        return try writeInTransaction(round, in: &batch, &known, connection)
    }

    func connected() throws(DatabaseError) -> Connection {
        if let connection, !connection.isBroken { return connection }
        let opened = try Connection.open(settings)
        turns.ended()
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
        guard var decision = try decide(round, of: batch.commands, known, send) else {
            return .overtaken
        }
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
            if error.leavesDoubt { known.unanswered = decision }
            throw error
        }
        accept(decision, in: &batch)
        return .done
    }

    /// The way of batches that are large, that carry other slices' rows, or that must not lose the
    /// race again.
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
                guard var decision = try decide(round, of: commands, known, send) else {
                    return nil
                }
                guard decision.hasLines else {
                    if known.isLocked { return decision }
                    return try stillStands(decision.fence, send) ? decision : nil
                }
                let link = link(decision)
                guard try put(decision, link, on: connection) else { return nil }
                decision.didWrite(link)
                do throws(DatabaseError) {
                    refused = try firstRefused(decision, of: commands, send)
                } catch {
                    throw error.isBlocked ? AttachmentBlocked(error: error) : error
                }
                if refused != nil { throw AttachmentRefused() }
                sent = decision
                return decision
            }
        } catch is AttachmentRefused {
            cache.forgetHeads()
            if let refused { batch.settle(refused.index, .failure(refused.refusal)) }
            return .attachmentRefused
        } catch let blocked as AttachmentBlocked {
            return .attachmentBlocked(blocked.error)
        } catch let error as DatabaseError {
            if error.leavesDoubt, let sent { known.unanswered = sent }
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

    /// Writes what was decided in the open transaction; false when another writer was faster.
    private func put(
        _ decision: Decision, _ link: ChainLink, on connection: Connection
    ) throws(DatabaseError) -> Bool {
        let bench = decision.bench
        guard bench.lines.count >= LedgerStore.copiedLinesMin else {
            let statement = LedgerStore.write(bench, link, expected: decision.fence)
            return try !connection.query(statement).isEmpty
        }
        let statement = LedgerStore.writeWithoutLines(bench, link, expected: decision.fence)
        guard try !connection.query(statement).isEmpty else { return false }
        try LedgerStore.copy(bench.lines, on: connection)
        return true
    }

    /// The decision whose answer was lost, if it was written after all; if not, it never will be.
    ///
    /// The session that was to write it may still be at work. It either holds the head, and is
    /// waited for here, or will find that the head has moved, and change nothing.
    private func clearDoubt(_ known: inout Knowledge) throws(DatabaseError) -> Decision? {
        guard let unanswered = known.unanswered else { return nil }
        let connection = try connected()
        let isWritten: Bool
        do {
            isWritten = try connection.transaction { transaction throws -> Bool in
                let results = try transaction.pipeline([
                    LedgerStore.fenceLocked,
                    LedgerStore.transfers(unanswered.bench.lines.map(\.id.number)),
                ])
                let found = try results[1].rows.map { try Transfer(row: $0) }
                if found.sorted(by: { $0.id < $1.id }) == unanswered.bench.lines { return true }
                try transaction.execute(LedgerStore.moveFence)
                return false
            }
        } catch let error as DatabaseError {
            throw error
        } catch {
            preconditionFailure("the transaction throws nothing else: \(error)")
        }
        known.unanswered = nil
        return isWritten ? unanswered : nil
    }

    /// Rolls back a batch of which one command's attachment found its row already changed.
    private struct AttachmentRefused: Error {}

    /// Rolls back a batch of which one command's attachment waited too long for somebody's lock.
    private struct AttachmentBlocked: Error {
        let error: DatabaseError
    }

    private func firstRefused(
        _ decision: Decision, of commands: [Command], _ send: Round
    ) throws(DatabaseError) -> (index: Int, refusal: any Refusal)? {
        var statements = [LedgerStore.attachmentPatience]
        var owners: [(index: Int, attachment: Attachment)] = []
        for (index, lines) in decision.lines {
            for attachment in commands[index].attachments {
                statements.append(attachment.statement(decision.bench.lines[lines.lowerBound].id))
                owners.append((index, attachment))
            }
        }
        guard !owners.isEmpty else { return nil }
        for (result, owner) in zip(try send(statements).dropFirst(), owners)
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

    /// Whether PostgreSQL refused something that one command asked for. What the server lacks, such
    /// as room or time, it lacks for the others too.
    fileprivate var isOfOneCommand: Bool {
        guard let sqlState, !isTransient, !isTakenByAnother else { return false }
        return !["25", "40", "53", "55", "57"].contains(sqlState.prefix(2))
    }

    /// Whether a statement waited for longer than it may.
    var isBlocked: Bool {
        sqlState == SQLState.lockNotAvailable || sqlState == SQLState.queryCanceled
    }

    /// Whether what was sent may have been committed although no answer came.
    fileprivate var leavesDoubt: Bool {
        if case .commitUnknown = self { true } else { false }
    }
}
