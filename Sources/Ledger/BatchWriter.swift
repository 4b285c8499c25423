internal import Postgres
internal import Telemetry
internal import Values

/// Takes decided batches to PostgreSQL and says what became of each command.
///
/// Confined to the ledger's thread, with a connection of its own. One statement writes a batch, and the
/// head row is its fence: with any number of processes, a batch decided on an old picture changes nothing
/// and is decided again. A commit whose outcome is unknown is resolved by asking the journal for its keys.
final class BatchWriter {
    private let settings: ConnectionSettings
    private var connection: Connection?
    private let clock: Clock
    private var cache = HeadCache()

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

    /// Tries until every command of the round has an outcome.
    private func settle(_ round: [Int], in batch: inout Batch) {
        var doubt =
            round.contains { index in
                batch.commands[index].key.map { cache.hasSeen($0) } ?? false
            } ? Doubt.keys : .none
        var lastError: (any Error)?
        for attempt in 0..<Self.attemptsMax {
            do throws(DatabaseError) {
                let isLocked = attempt > 0
                if try write(round.filter(batch.isOpen), in: &batch, doubt, isLocked) { return }
                cache.forgetHeads()
                doubt = .keys
            } catch {
                lastError = error
                cache.forgetHeads()
                guard error.mayBeTriedAgain else { break }
                doubt = max(doubt, error.leavesDoubt ? .commit : .keys)
            }
        }
        let error = lastError ?? DatabaseError.overloaded
        Log.error("ledger.batch_failed", ["error": "\(error)"])
        for index in round.filter(batch.isOpen) { batch.settle(index, .failure(error)) }
    }

    /// How much the journal must be asked before deciding.
    private enum Doubt: Int, Comparable {
        case none
        /// Keys may have been used before.
        case keys
        /// An earlier attempt of this very batch may have been committed.
        case commit

        static func < (left: Doubt, right: Doubt) -> Bool { left.rawValue < right.rawValue }
    }

    /// One attempt. False when another writer was faster and nothing was written.
    private func write(
        _ round: [Int], in batch: inout Batch, _ doubt: Doubt, _ isLocked: Bool
    ) throws(DatabaseError) -> Bool {
        let connection = try connected()
        let hasAttachments = round.contains { !batch.commands[$0].attachments.isEmpty }
        guard isLocked || hasAttachments else {
            return try writeAlone(round, in: &batch, doubt, connection)
        }
        return try writeInTransaction(round, in: &batch, doubt, isLocked, connection)
    }

    private func connected() throws(DatabaseError) -> Connection {
        if let connection, !connection.isBroken { return connection }
        let opened = try Connection.open(settings)
        connection = opened
        return opened
    }

    /// The usual way: one statement, one round trip, its own transaction.
    private func writeAlone(
        _ round: [Int], in batch: inout Batch, _ doubt: Doubt, _ connection: Connection
    ) throws(DatabaseError) -> Bool {
        let send: Round = { statements throws(DatabaseError) in
            try connection.pipeline(statements)
        }
        var decision = try decide(round, of: batch.commands, doubt, false, send)
        guard decision.hasLines else {
            if !decision.isDoneWithoutWriting {
                guard try stillStands(decision.fence, send) else { return false }
            }
            accept(decision, in: &batch)
            return true
        }
        let statement = LedgerStore.write(decision.bench, expected: decision.fence)
        guard try !connection.query(statement).isEmpty else { return false }
        decision.didWrite()
        accept(decision, in: &batch)
        return true
    }

    /// The way of batches that carry other slices' rows, or that must not lose the race again.
    private func writeInTransaction(
        _ round: [Int], in batch: inout Batch, _ doubt: Doubt, _ isLocked: Bool,
        _ connection: Connection
    ) throws(DatabaseError) -> Bool {
        let send: Round = { statements throws(DatabaseError) in
            try connection.pipeline(statements)
        }
        var refused: (index: Int, refusal: any Refusal)?
        let commands = batch.commands
        let decision: Decision?
        do {
            // The connection itself is asked, within its transaction: `send` may not capture a borrowed value.
            decision = try connection.transaction { _ throws -> Decision? in
                var decision = try decide(round, of: commands, doubt, isLocked, send)
                guard decision.hasLines else {
                    if isLocked { return decision }
                    return try stillStands(decision.fence, send) ? decision : nil
                }
                let statement = LedgerStore.write(decision.bench, expected: decision.fence)
                guard try !connection.query(statement).isEmpty else { return nil }
                decision.didWrite()
                refused = try firstRefused(decision, of: commands, send)
                if refused != nil { throw AttachmentRefused() }
                return decision
            }
        } catch is AttachmentRefused {
            cache.forgetHeads()
            if let refused { batch.settle(refused.index, .failure(refused.refusal)) }
            return round.allSatisfy { !batch.isOpen($0) }
        } catch let error as DatabaseError {
            throw error
        } catch {
            preconditionFailure("the transaction throws nothing else: \(error)")
        }
        guard let decision else { return false }
        accept(decision, in: &batch)
        return true
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

// MARK: Fetch and decide

extension BatchWriter {
    /// What a round comes to, before it is written.
    struct Decision {
        var fence: LedgerStore.Fence
        var bench: Workbench
        /// The lines of each command that will be written.
        var lines: [(index: Int, lines: Range<Int>)] = []
        /// Replays and refusals.
        var others: [(index: Int, outcome: Outcome)] = []
        var refusals = 0

        var hasLines: Bool { !bench.lines.isEmpty }

        /// Replays are facts; a refusal holds only if the picture it was decided on is true.
        var isDoneWithoutWriting: Bool { !hasLines && refusals == 0 }

        mutating func didWrite() {
            fence.version += 1
            fence.lastTransfer += Int64(bench.lines.count)
            fence.lastAt = bench.now
        }
    }

    private func decide(
        _ round: [Int], of commands: [Command], _ doubt: Doubt, _ isLocked: Bool, _ send: Round
    ) throws(DatabaseError) -> Decision {
        let world = try fetch(round.map { commands[$0] }, doubt, isLocked, send)
        let bench = Workbench(
            now: max(clock.now, world.fence.lastAt), lastTransfer: world.fence.lastTransfer,
            heads: world.heads, referenced: world.referenced, settled: world.settled)
        var decision = Decision(fence: world.fence, bench: bench)
        for index in round {
            let command = commands[index]
            if let key = command.key, let stored = world.claimed[key] {
                cache.remember(key)
                let outcome = Replay.compare(command, with: stored, in: world)
                decision.others.append((index, outcome))
                continue
            }
            do throws(LedgerRefusal) {
                decision.lines.append((index, try decision.bench.decide(command)))
            } catch {
                decision.others.append((index, .failure(error)))
                decision.refusals += 1
            }
        }
        return decision
    }

    /// Everything the rules will look at.
    struct World {
        var fence: LedgerStore.Fence
        var heads: [Int64: Head] = [:]
        var referenced: [Int64: Transfer] = [:]
        var settled: Set<Int64> = []
        var claimed: [CommandKey: [Transfer]] = [:]
    }

    /// At most two round trips: the first for the fence, keys and referenced transfers, the second for the heads
    /// that they name. Usually none: everything is in the cache.
    private func fetch(
        _ commands: [Command], _ doubt: Doubt, _ isLocked: Bool, _ send: Round
    ) throws(DatabaseError) -> World {
        if isLocked { cache.forgetHeads() }
        let references = commands.flatMap(\.references)
        let keys = doubt == .none ? [] : commands.compactMap(\.key)
        var world = try fetchFacts(references, keys, isLocked, send)

        var accounts = Set(commands.flatMap(\.accounts))
        for transfer in world.referenced.values {
            accounts.insert(transfer.debit.number)
            accounts.insert(transfer.credit.number)
        }
        var missing: [Int64] = []
        for account in accounts {
            if let head = cache.head(account) {
                world.heads[account] = head
            } else {
                missing.append(account)
            }
        }
        guard !missing.isEmpty else { return world }
        for row in try send([LedgerStore.heads(missing.sorted())])[0].rows {
            let head = try Head(row: row)
            world.heads[head.id] = head
            cache.keep(head)
        }
        return world
    }

    private func fetchFacts(
        _ references: [Int64], _ keys: [CommandKey], _ isLocked: Bool, _ send: Round
    ) throws(DatabaseError) -> World {
        if let fence = cache.fence, references.isEmpty, keys.isEmpty { return World(fence: fence) }
        let results = try send([
            isLocked ? LedgerStore.fenceLocked : LedgerStore.fence,
            LedgerStore.transfers(references), LedgerStore.settled(references),
            LedgerStore.claimed(keys),
        ])
        let read = try LedgerStore.Fence(row: results[0].rows[0])
        // Another process wrote since: heads of the cache belong to an older fence.
        if let known = cache.fence, known != read { cache.forgetHeads() }
        cache.fence = read

        var world = World(fence: read)
        for row in results[1].rows {
            let transfer = try Transfer(row: row)
            world.referenced[transfer.id.number] = transfer
        }
        for row in results[2].rows { world.settled.insert(try row[0]) }
        var key: CommandKey?
        for row in results[3].rows {
            let line = try Transfer(row: row)
            key = line.key ?? key
            if let key { world.claimed[key, default: []].append(line) }
        }
        return world
    }
}

extension Command {
    /// Accounts named by the command itself.
    var accounts: [Int64] {
        operations.flatMap { operation -> [Int64] in
            switch operation {
            case .post(let leg), .hold(let leg, _): [leg.debit.number, leg.credit.number]
            case .capture, .void, .expire, .reverse: []
            }
        }
    }

    /// Transfers named by the command.
    var references: [Int64] {
        operations.compactMap { operation in
            switch operation {
            case .post, .hold: nil
            case .capture(let id, _), .void(let id), .expire(let id), .reverse(let id): id.number
            }
        }
    }
}

extension DatabaseError {
    /// Whether the batch may simply be decided and written again.
    fileprivate var mayBeTriedAgain: Bool {
        isTransient || isUniqueViolation("transfers_key") || isUniqueViolation("transfers_settles")
            || leavesDoubt
    }

    /// Whether what was sent may have been committed although no answer came.
    fileprivate var leavesDoubt: Bool {
        switch self {
        case .commitUnknown, .connection: true
        default: false
        }
    }
}
