internal import Postgres
internal import Values

// What the writer does before it writes: fetch what the rules will look at, and ask them.

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

        mutating func didWrite(_ link: ChainLink) {
            fence.version += 1
            fence.lastTransfer += Int64(bench.lines.count)
            fence.lastAt = bench.now
            fence.chain = link.hash
        }
    }

    /// Nil if another process wrote while the facts were fetched.
    func decide(
        _ round: [Int], of commands: [Command], _ known: Knowledge, _ send: Round
    ) throws(DatabaseError) -> Decision? {
        guard var world = try fetch(round.map { commands[$0] }, known, send) else { return nil }
        let bench = Workbench(
            now: max(clock.now, world.fence.lastAt), fence: world.fence, heads: world.heads,
            referenced: world.referenced, settled: world.settled)
        var decision = Decision(fence: world.fence, bench: bench)
        var refused: [(index: Int, refusal: LedgerRefusal)] = []
        for index in round {
            if let outcome = replay(commands[index], in: world) {
                decision.others.append((index, outcome))
                continue
            }
            if let term = commands[index].term, term != world.fence.term {
                // A term that the picture does not know of yet: the picture is old.
                guard term < world.fence.term else { return nil }
                decision.others.append((index, .failure(TermOver())))
                continue
            }
            do throws(LedgerRefusal) {
                decision.lines.append((index, try decision.bench.decide(commands[index])))
            } catch {
                refused.append((index, error))
            }
        }
        if !known.doubtsKeys {
            // What was done before cannot be refused now, when its money may be spent: it is a
            // replay.
            world.claimed = try claimed(refused.compactMap { commands[$0.index].key }, send)
        }
        for (index, refusal) in refused {
            let outcome = replay(commands[index], in: world)
            if outcome == nil { decision.refusals += 1 }
            decision.others.append((index, outcome ?? .failure(refusal)))
        }
        return decision
    }

    /// What the command's key did before, if it did anything.
    private func replay(_ command: Command, in world: World) -> Outcome? {
        guard let key = command.key, let stored = world.claimed[key] else { return nil }
        cache.remember(key)
        return Replay.compare(command, with: stored, in: world)
    }

    private func claimed(
        _ keys: [CommandKey], _ send: Round
    ) throws(DatabaseError) -> [CommandKey: [Transfer]] {
        guard !keys.isEmpty else { return [:] }
        return try Self.claimed(send([LedgerStore.claimed(keys)])[0])
    }

    /// The lines of each key, which are in journal order and begin with the one that carries it.
    private static func claimed(
        _ result: QueryResult
    ) throws(DatabaseError) -> [CommandKey: [Transfer]] {
        var claimed: [CommandKey: [Transfer]] = [:]
        var key: CommandKey?
        for row in result.rows {
            let line = try Transfer(row: row)
            key = line.key ?? key
            if let key { claimed[key, default: []].append(line) }
        }
        return claimed
    }

    /// Everything the rules will look at.
    struct World {
        var fence: LedgerStore.Fence
        var heads: [Int64: Head] = [:]
        var referenced: [Int64: Transfer] = [:]
        var settled: Set<Int64> = []
        var claimed: [CommandKey: [Transfer]] = [:]
    }

    /// At most two round trips: the first for the fence, keys and referenced transfers, the second
    /// for the heads that they name. Usually none: everything is in the cache.
    ///
    /// Each statement sees its own moment, so between the two a hold may end: its end would not be
    /// known, and the account would hold less than the hold. Nil then; such a picture must not even
    /// be decided on.
    private func fetch(
        _ commands: [Command], _ known: Knowledge, _ send: Round
    ) throws(DatabaseError) -> World? {
        let references = commands.flatMap(\.references)
        let keys = known.doubtsKeys ? commands.compactMap(\.key) : []
        var world = try fetchFacts(references, keys, known.isLocked, send)

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
        let results = try send([LedgerStore.heads(missing.sorted()), LedgerStore.fence])
        guard try LedgerStore.Fence(row: results[1].rows[0]) == world.fence else { return nil }
        for row in results[0].rows {
            let head = try Head(row: row)
            world.heads[head.id] = head
            cache.keep(head)
        }
        return world
    }

    private func fetchFacts(
        _ references: [Int64], _ keys: [CommandKey], _ isLocked: Bool, _ send: Round
    ) throws(DatabaseError) -> World {
        if let fence = cache.fence, references.isEmpty, keys.isEmpty, !isLocked {
            return World(fence: fence)
        }
        let known = cache.fence
        let facts = [
            isLocked ? LedgerStore.fenceLocked : LedgerStore.fence,
            LedgerStore.transfers(references), LedgerStore.settled(references),
            LedgerStore.claimed(keys),
        ]
        let results = try send(facts + (isLocked ? LedgerStore.news(since: known) : []))
        let read = try LedgerStore.Fence(row: results[0].rows[0])
        try catchUp(with: read, after: known, results.dropFirst(facts.count).map(\.rows))

        var world = World(fence: read)
        for row in results[1].rows {
            let transfer = try Transfer(row: row)
            world.referenced[transfer.id.number] = transfer
        }
        for row in results[2].rows { world.settled.insert(try row[0]) }
        world.claimed = try Self.claimed(results[3])
        return world
    }

    /// Brings the cache to the fence that was read, by the `news` of what other processes wrote.
    ///
    /// Each link moves the version by one. If it moved further, something else changed, such as a
    /// closure, and no head of the cache can be trusted.
    func catchUp(
        with read: LedgerStore.Fence, after known: LedgerStore.Fence?, _ news: [[Row]]
    ) throws(DatabaseError) {
        if let known, known != read {
            let links: Int64? = try news.first?[0][0]
            let count = read.lastTransfer - known.lastTransfer
            if links == read.version - known.version, news[1].count == count {
                for row in news[1] { learned.append(try Transfer(row: row)) }
                for line in learned.suffix(Int(count)) { cache.follow(line) }
            } else {
                cache.forgetHeads()
            }
        }
        cache.fence = read
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
