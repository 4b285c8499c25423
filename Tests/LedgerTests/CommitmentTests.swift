import Cryptography
import Ledger
import Postgres
import Testing
import Values

/// What is said and signed of each day.
@Suite struct CommitmentTests {
    private static let day: Int64 = 86_400

    @Test func eachDayThatHadLinesIsCommittedOnce() async throws {
        try await World.run { world in
            let commitments = try await world.commitments
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            #expect(try await commitments.commitDays() == 0)
            for amount in 1...3 {
                _ = try await world.ledger.submit(.pay(float, alice, Int64(amount)))
                world.clock.advance(seconds: amount == 2 ? 5 * Self.day : Self.day)
            }
            _ = try await world.ledger.submit(.pay(float, alice, 9))
            #expect(try await commitments.commitDays() == 3)
            #expect(try await commitments.commitDays() == 0)

            let page = try await commitments.page(before: nil, limit: 10)
            #expect(page.nextCursor == nil)
            let statements = page.elements.map(\.statement)
            #expect(statements.map(\.last.number) == [3, 2, 1])
            #expect(statements.map(\.batches) == [1, 1, 1])
            #expect(statements[0].day == statements[1].day + 5)
            #expect(statements[2].previous == .zero)
            for (newer, older) in zip(page.elements, page.elements.dropFirst()) {
                #expect(newer.statement.previous.bytes == Hash.sha256(older.jws))
            }
            let report = try await world.audit()
            #expect(report.commitments == 3)
            #expect(report.committedThrough == statements[0].dayText)
            #expect(report.uncommittedSince != nil)
        }
    }

    @Test func aDayIsLeftTimeToEnd() async throws {
        try await World.run { world in
            let commitments = try await world.commitments
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let line = try await world.ledger.submit(.pay(float, alice, 1)).first
            let due = commitments.commits(line.at)
            world.clock.advance(seconds: world.clock.now.seconds(until: due) - 2)
            #expect(try await commitments.commitDays() == 0)
            world.clock.advance(seconds: 2)
            #expect(try await commitments.commitDays() == 1)
        }
    }

    @Test func severalProcessesCommitADayOnce() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for _ in 0..<4 {
                _ = try await world.ledger.submit(.pay(float, alice, 1))
                world.clock.advance(seconds: Self.day)
            }
            let others = [world.neighbour(), world.neighbour()]
            let done = try await withThrowingTaskGroup(of: Int.self) { group in
                for world in [world] + others {
                    group.addTask { try await world.commitments.commitDays() }
                }
                return try await group.reduce(0, +)
            }
            #expect(done <= 4)
            // Who found the others at it left the rest to them.
            #expect(try await world.commitments.commitDays() == 4 - done)
            for world in others { await world.end() }
        }
    }

    /// A process whose clock is behind writes into a day that is committed already.
    @Test func whatComesTooLateBelongsToTheNextDay() async throws {
        try await World.run { world in
            let (late, commitments) = (World(settings: world.settings), try await world.commitments)
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            _ = try await world.ledger.submit(.pay(float, alice, 1))
            world.clock.advance(seconds: Self.day)
            #expect(try await commitments.commitDays() == 1)
            _ = try await late.ledger.submit(.pay(float, alice, 2))
            #expect(try await commitments.commitDays() == 0)
            world.clock.advance(seconds: Self.day)
            #expect(try await commitments.commitDays() == 1)
            let page = try await commitments.page(before: nil, limit: 2)
            #expect(page.elements.map(\.statement.first.number) == [2, 1])
            #expect(page.elements[0].statement.day == page.elements[1].statement.day + 1)
            await late.end()
        }
    }

    @Test func pagesGoOnWhereTheLastEnded() async throws {
        try await World.run { world in
            let commitments = try await world.commitments
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for _ in 0..<5 {
                _ = try await world.ledger.submit(.pay(float, alice, 1))
                world.clock.advance(seconds: Self.day)
            }
            #expect(try await commitments.commitDays() == 5)
            var (cursor, seen): (Int64?, [Int64]) = (nil, [])
            repeat {
                let page = try await commitments.page(before: cursor, limit: 2)
                seen += page.elements.map(\.statement.last.number)
                cursor = page.nextCursor.flatMap { Commitments.day($0) }
            } while cursor != nil
            #expect(seen == [5, 4, 3, 2, 1])
            let day = try await commitments.page(before: nil, limit: 1).elements[0].statement.day
            #expect(try await commitments.commitment(ofDay: day)?.statement.last.number == 5)
            #expect(try await commitments.commitment(ofDay: day + 1) == nil)
        }
    }

    @Test func anotherMasterKeyOpensNoKey() async throws {
        try await World.run { world in
            _ = try await world.commitments
            let other = KeyRing([[UInt8](repeating: 8, count: 32)]).sealingKey(BookKeys.purpose)
            await #expect(throws: ForeignBookKey.self) {
                try await BookKeys.load(
                    from: world.database, sealing: other, now: world.clock.now)
            }
        }
    }

    // MARK: Who rewrites history

    /// Every link is right again, and every sum: only what was signed tells.
    @Test func aChainRecomputedInFullIsFound() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let published = try await world.commitments.page(before: nil, limit: 10)
                .elements.map(\.jws)
            let intruder = try Intruder(world.settings)
            try intruder.connection.execute(
                "UPDATE ledger.transfers SET code = 3 WHERE id = 4")
            try await intruder.rewriteChain(of: world.ledger)
            let findings = try await world.audit().findings
            #expect(findings.count == 2)
            #expect(findings.allSatisfy { $0.contains("is not what the books give: root, chain") })

            // Without the commitments nothing in the books can tell; whoever kept them can.
            try intruder.connection.execute("DELETE FROM ledger.commitments")
            let silent = try await world.audit()
            #expect(silent.findings == [] && silent.commitments == 0)
            #expect(silent.uncommittedSince != nil)
            var trust = World.trust
            trust.published = published
            let told = try await world.audit(trust).findings
            #expect(told.count == 2)
            #expect(told.allSatisfy { $0.hasPrefix("a commitment that was published is not in") })
        }
    }

    /// Signing everything anew takes a key that the operator's master key does not know.
    @Test func aKeyOfTheIntrudersOwnIsFound() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let genuine = try await world.commitments.keys.all
            let intruder = try Intruder(world.settings)
            try intruder.connection.run(
                unprepared: "DELETE FROM ledger.commitments; DELETE FROM ledger.commitment_keys")
            let own = KeyRing([[UInt8](repeating: 9, count: 32)]).sealingKey(BookKeys.purpose)
            let keys = try await BookKeys.load(
                from: world.database, sealing: own, now: world.clock.now)
            let forger = Commitments(database: world.database, keys: keys, clock: world.clock)
            #expect(try await forger.commitDays() == 2)

            #expect(
                try await world.audit().findings
                    == ["key 1 of the books is not as this installation made it"])
            var trust = Auditor.Trust()
            #expect(try await world.audit(trust).findings == [])
            trust.keys = genuine
            let told = try await world.audit(trust).findings
            #expect(told.count == 2)
            #expect(told.allSatisfy { $0.contains("is not signed by a key of the books") })
        }
    }
}

extension Intruder {
    /// Computes every link and the head anew, as the writer would have.
    func rewriteChain(of ledger: Ledger) async throws {
        let digester = Digester()
        var chain = Digest.zero
        let links = try connection.query(
            """
            SELECT first_transfer, last_transfer, salt FROM ledger.batches ORDER BY last_transfer
            """)
        for row in links {
            let (first, last): (Int64, Int64) = (try row[0], try row[1])
            let lines = try await ledger.transfers((first...last).map { TransferID($0) })
                .sorted { $0.id < $1.id }
            let link = ChainLink(lines, salt: try row[2], after: chain, digester)
            chain = link.hash
            try connection.execute(
                """
                UPDATE ledger.batches SET root = \(link.root.bytes), hash = \(link.hash.bytes)
                WHERE last_transfer = \(last)
                """)
        }
        try connection.execute("UPDATE ledger.head SET chain = \(chain.bytes)")
    }
}
