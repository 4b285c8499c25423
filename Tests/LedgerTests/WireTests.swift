import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// The wire between the writer and PostgreSQL is cut, at every byte, or carries nothing any more.
@Suite(.serialized, .timeLimit(.minutes(2))) struct WireTests {
    enum Way: CaseIterable { case plain, attached }

    /// Two accounts, and a writer that reaches them over a wire.
    private struct Line {
        let world: World
        let proxy: DatabaseProxy
        let writer: World
        let float: AccountID
        let alice: AccountID

        func pay(_ number: Int, _ way: Way = .plain) -> Command {
            switch way {
            case .plain: .pay(float, alice, 1, key: .test(number))
            case .attached:
                .attaching(float, alice, 1, key: .test(number)) { line in
                    "INSERT INTO scraps VALUES (\(line.number))"
                }
            }
        }
    }

    private func run(
        patient: Bool = true, _ body: (Line) async throws -> Void
    ) async throws {
        try await World.run { world in
            try world.run("CREATE TABLE scraps (line bigint PRIMARY KEY)")
            let proxy = DatabaseProxy(to: world.settings)
            var settings = proxy.settings(for: try world.databaseName())
            if !patient {
                settings.statementTimeoutMilliseconds = 150
                settings.answerGraceMilliseconds = 100
            }
            let writer = world.neighbour(writing: settings)
            let line = Line(
                world: world, proxy: proxy, writer: writer,
                float: try await world.open(), alice: try await world.open(floor: 0))
            let result = await Result { try await body(line) }
            proxy.mend()
            await writer.end()
            proxy.end()
            try result.get()
        }
    }

    /// A wire that is there again at once costs nobody anything.
    @Test(arguments: DatabaseProxy.Direction.allCases, Way.allCases)
    func aCutIsMendedBySendingAgain(
        _ direction: DatabaseProxy.Direction, _ way: Way
    ) async throws {
        try await run { line in
            let (step, start) = Self.places(direction)
            var (number, wasCut) = (0, true)
            while wasCut {
                line.proxy.cut(direction, after: start + number * step)
                number += 1
                let receipt = try await line.writer.ledger.submit(line.pay(number, way))
                #expect(!receipt.isReplay)
                wasCut = !line.proxy.mend()
            }
            #expect(number > 3)
            #expect(try await line.world.balance(line.alice).posted == Int64(number))
            let scraps = try line.world.number("SELECT count(*) FROM scraps")
            #expect(scraps == (way == .attached ? Int64(number) : 0))
        }
    }

    /// When the wire stays cut, the answer says what is known, and a retry tells the rest.
    @Test(arguments: DatabaseProxy.Direction.allCases, Way.allCases)
    func aCutThatStaysLeavesNoLieBehind(
        _ direction: DatabaseProxy.Direction, _ way: Way
    ) async throws {
        try await run { line in
            let (step, start) = Self.places(direction)
            var (number, wasCut, hidden) = (0, true, 0)
            while wasCut {
                line.proxy.cut(direction, after: start + number * step, staysAway: true)
                number += 1
                let command = line.pay(number, way)
                let outcome = try await line.writer.ledger.submit([command])[0]
                wasCut = !line.proxy.mend()
                guard wasCut else { break }
                let found = try line.world.lines(of: .test(number))
                hidden += Int(found)
                #expect(Self.isHonest(outcome, found: found), "\(outcome), found \(found)")
                let retry = try await line.writer.ledger.submit(command)
                #expect(retry.isReplay == (found == 1))
            }
            #expect(number > 3)
            // Only an answer that was lost hides something, and the last of them always does.
            #expect((hidden > 0) == (direction == .answers))
            #expect(try await line.world.balance(line.alice).posted == Int64(number))
        }
    }

    /// The first place of a cut, and how far apart they are: over time every byte has its turn.
    private static func places(
        _ direction: DatabaseProxy.Direction
    ) -> (step: Int, start: Int) {
        let step = direction == .requests ? 131 : 17
        return (step, .random(in: 0..<step))
    }

    /// Whoever is told that nothing was done can rely on it.
    private static func isHonest(_ outcome: Result<Receipt, any Error>, found: Int64) -> Bool {
        switch outcome {
        case .success: found == 1
        case .failure(DatabaseError.commitUnknown): true
        case .failure: found == 0
        }
    }

    // MARK: Silence

    /// A server that says nothing at all is given up, and what it was sent is in doubt.
    @Test func silenceHasAnEnd() async throws {
        try await run(patient: false) { line in
            _ = try await line.writer.ledger.submit(line.pay(1))
            line.proxy.hold(newOnes: false)
            line.proxy.turnAway()
            let outcome = try await line.writer.ledger.submit([line.pay(2)])[0]
            let error = #expect(throws: DatabaseError.self) { try outcome.get() }
            #expect(error.map { "\($0)" } == "\(DatabaseError.commitUnknown)")
            // What the wire held arrives now, before or after the retry.
            line.proxy.mend()
            _ = try await line.writer.ledger.submit(line.pay(2))
            #expect(try await line.world.balance(line.alice).posted == 2)
        }
    }

    /// What was held up on its way and arrives after all finds that the head has moved.
    @Test func whatArrivesLateChangesNothing() async throws {
        try await run(patient: false) { line in
            _ = try await line.writer.ledger.submit(line.pay(1))
            line.proxy.hold(newOnes: false)
            let receipt = try await line.writer.ledger.submit(line.pay(2))
            #expect(!receipt.isReplay)
            try await Self.letLateBytesArrive(line)
            #expect(try line.world.lines(of: .test(2)) == 1)
            #expect(try await line.world.balance(line.alice).posted == 2)
        }
    }

    /// Returns when the session that the held bytes belong to has read them and is over.
    private static func letLateBytesArrive(_ line: Line) async throws {
        #expect(line.proxy.holdsBytes)
        line.proxy.mend()
        while line.proxy.wires > 1 { try await Task.yieldUnlessCancelled() }
        while try line.world.number(
            """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND application_name = \(World.writerName) AND state <> 'idle'
            """) > 0
        { try await Task.yieldUnlessCancelled() }
    }
}
