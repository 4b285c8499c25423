import Dispatch
import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// PostgreSQL refuses: it is full, slow, in a knot, or not to be written to. Nothing is half done,
/// and what was refused can be done as soon as it is over.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FaultTests {
    /// Two accounts and a writer that soon loses patience.
    private struct Setting {
        let world: World
        let writer: World
        let float: AccountID
        let alice: AccountID

        func pay(_ numbers: ClosedRange<Int>) -> [Command] {
            numbers.map { .pay(float, alice, 1, key: .test($0)) }
        }

        /// All are refused with this state of SQL and none is written; once `mend` has run, each is
        /// done by the retry.
        func refuses(
            _ numbers: ClosedRange<Int>, _ sqlState: String, until mend: () throws -> Void
        ) async throws {
            let before = try await world.balance(alice).posted
            for outcome in try await writer.ledger.submit(pay(numbers)) {
                let error = #expect(throws: DatabaseError.self) { try outcome.get() }
                #expect(error?.sqlState == sqlState, "\(outcome)")
            }
            #expect(try await world.balance(alice).posted == before)
            try mend()
            try await succeeds(numbers)
        }

        func succeeds(_ numbers: ClosedRange<Int>) async throws {
            let before = try await world.balance(alice).posted
            for outcome in try await writer.ledger.submit(pay(numbers)) {
                #expect(try !outcome.get().isReplay)
            }
            let after = try await world.balance(alice).posted
            #expect(after == before + Int64(numbers.count))
        }
    }

    private func run(_ body: (Setting) async throws -> Void) async throws {
        try await World.run { world in
            var settings = world.settings
            settings.lockTimeoutMilliseconds = 40
            settings.statementTimeoutMilliseconds = 400
            let writer = world.neighbour(writing: settings)
            let setting = Setting(
                world: world, writer: writer, float: try await world.open(),
                alice: try await world.open(floor: 0))
            try await setting.succeeds(1...1)
            do { try await body(setting) } catch {
                await writer.end()
                throw error
            }
            await writer.end()
        }
    }

    // MARK: A slow primary

    @Test func aHeadThatIsHeldIsRefused() async throws {
        try await run { setting in
            let other = try Other(setting.world)
            try other.begin("SELECT 1 FROM ledger.head FOR UPDATE")
            try await setting.refuses(2...60, SQLState.lockNotAvailable) { try other.commit() }
        }
    }

    @Test func aHeadThatIsHeldForAMomentIsWaitedFor() async throws {
        try await run { setting in
            let other = try Other(setting.world)
            try other.begin("SELECT 1 FROM ledger.head FOR UPDATE")
            async let outcomes = setting.world.ledger.submit(setting.pay(2...60))
            try await other.waitUntilSomeoneWaits()
            try other.commit()
            for outcome in try await outcomes { #expect(try !outcome.get().isReplay) }
        }
    }

    @Test func aStatementThatTakesTooLongIsRefused() async throws {
        try await run { setting in
            try setting.world.makeJournalSlow()
            try await setting.refuses(2...60, SQLState.queryCanceled) {
                try setting.world.run("DROP TRIGGER slow ON ledger.transfers")
            }
        }
    }

    @Test func aStatementThatAPersonCancelsIsRefused() async throws {
        try await run { setting in
            let other = try Other(setting.world)
            try other.begin("SELECT 1 FROM ledger.head FOR UPDATE")
            async let outcomes = setting.world.ledger.submit(setting.pay(2...60))
            try await other.waitUntilSomeoneWaits()
            try setting.world.run(
                """
                SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """)
            for outcome in try await outcomes {
                let error = #expect(throws: DatabaseError.self) { try outcome.get() }
                #expect(error?.sqlState == SQLState.queryCanceled)
            }
            try other.commit()
            try await setting.succeeds(2...60)
        }
    }

    // MARK: Two in each other's way

    /// A ledger whose sessions are serializable loses to whoever else moves the head, and wins next
    /// time.
    @Test func aSerializationFailureIsTriedAgain() async throws {
        try await run { setting in
            let (world, name) = (setting.world, try setting.world.databaseName())
            try Connection.open(world.settings).run(
                unprepared: """
                    ALTER DATABASE \(name) SET default_transaction_isolation = 'serializable'
                    """)
            let writer = world.neighbour()
            _ = try await writer.ledger.submit(setting.pay(2...2)[0])
            let other = try Other(world)
            for number in 3...6 {
                try other.begin("UPDATE ledger.head SET version = version + 1")
                async let outcome = writer.ledger.submit(setting.pay(number...number))[0]
                try await other.waitUntilSomeoneWaits()
                try other.commit()
                #expect(try await !outcome.get().isReplay)
            }
            #expect(try await world.balance(setting.alice).posted == 6)
            await writer.end()
        }
    }

    /// The other session holds an account and asks for the head; the writer holds the head and asks
    /// for the account. PostgreSQL ends the writer's attempt, and the next one waits its turn.
    @Test func aDeadlockIsTriedAgain() async throws {
        try await run { setting in
            let (world, name) = (setting.world, try setting.world.databaseName())
            try Connection.open(world.settings).run(
                unprepared: "ALTER DATABASE \(name) SET deadlock_timeout = '300ms'")
            let writer = world.neighbour()
            _ = try await writer.ledger.submit(setting.pay(2...2)[0])
            let knot = Knot(world, setting.alice)
            await knot.holds.wait()
            for outcome in try await writer.ledger.submit(setting.pay(3...40)) {
                #expect(try !outcome.get().isReplay)
            }
            try await knot.ended.value
            #expect(try await world.balance(setting.alice).posted == 40)
            await writer.end()
            while try world.number(
                """
                SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()
                """) == 0
            { try await Task.yieldUnlessCancelled() }
        }
    }

    // MARK: No room, no writing

    @Test(.enabled(if: SmallDisk.isPermitted, "only root may mount a small disk"))
    func aFullDiskRefusesAndIsForgotten() async throws {
        try await run { setting in
            let world = setting.world
            let small = try await SmallTablespace(try world.databaseName(), world.settings)
            small.disk.fill()
            var last = 1
            var isFull = false
            while !isFull {
                let numbers = (last + 1)...(last + 100)
                let outcomes = try await setting.writer.ledger.submit(setting.pay(numbers))
                isFull = outcomes[0].receipt == nil
                if !isFull { last += 100 }
            }
            try await setting.refuses((last + 1)...(last + 300), "53100") {
                small.disk.makeRoom()
            }
            try await small.end()
        }
    }

    /// What a managed PostgreSQL does to itself when its disk is nearly full.
    @Test func aDatabaseThatOnlyReadsIsRefused() async throws {
        try await run { setting in
            let name = try setting.world.databaseName()
            let server = try await Connection.open(TestPostgres.shared.settings)
            let set = { (words: String) in
                try server.run(unprepared: "ALTER DATABASE \(name) \(words)")
                _ = try server.execute(
                    """
                    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                    WHERE datname = \(name) AND application_name = \(World.writerName)
                    """)
            }
            try set("SET default_transaction_read_only = on")
            let outcome = try await setting.writer.ledger.submit(setting.pay(2...2))[0]
            let error = #expect(throws: DatabaseError.self) { try outcome.get() }
            #expect(error?.isTransient == true)
            try set("RESET default_transaction_read_only")
            try await setting.succeeds(2...2)
        }
    }
}

/// Another session that holds what the writer needs.
private struct Other {
    private let settings: ConnectionSettings
    private let connection: Connection

    init(_ world: World) throws {
        settings = world.settings
        connection = try Connection.open(settings)
    }

    func begin(_ statements: String...) throws {
        for statement in ["BEGIN"] + statements { try connection.run(unprepared: statement) }
    }

    func commit() throws { try connection.run(unprepared: "COMMIT") }

    /// Returns when some session of this database waits for a lock.
    func waitUntilSomeoneWaits() async throws {
        let looking = try Connection.open(settings)
        while try looking.query(Self.waiting).isEmpty { try await Task.yieldUnlessCancelled() }
    }

    static let waiting: SQL = """
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
}

/// A session that holds an account and, once the writer waits for that, asks for the head.
private struct Knot {
    let holds = Gate()
    let ended: Task<Void, any Error>

    init(_ world: World, _ account: AccountID) {
        let (settings, holds) = (world.settings, holds)
        ended = Task {
            try await withCheckedThrowingContinuation { continuation in
                // It blocks, so not on a thread of the tests' own.
                DispatchQueue(label: "knot").async {
                    continuation.resume(
                        with: Result { try Self.tie(settings, account, holds) })
                }
            }
        }
    }

    private static func tie(
        _ settings: ConnectionSettings, _ account: AccountID, _ holds: Gate
    ) throws {
        var settings = settings
        settings.lockTimeoutMilliseconds = 20_000
        settings.statementTimeoutMilliseconds = 20_000
        let connection = try Connection.open(settings)
        let looking = try Connection.open(settings)
        try connection.transaction { transaction in
            // It never looks for a deadlock, so it is not the one to be sacrificed.
            try transaction.execute("SELECT set_config('deadlock_timeout', '60s', true)")
            try transaction.execute(
                "SELECT 1 FROM ledger.accounts WHERE id = \(account.number) FOR UPDATE")
            holds.open()
            while try looking.query(Other.waiting).isEmpty {}
            try transaction.execute("SELECT 1 FROM ledger.head FOR UPDATE")
        }
    }
}

extension World {
    /// From now on each write of the journal takes longer than anyone waits.
    fileprivate func makeJournalSlow() throws {
        try Connection.open(settings).run(
            unprepared: """
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
                CREATE TRIGGER slow BEFORE INSERT ON ledger.transfers
                    FOR EACH STATEMENT EXECUTE FUNCTION slow()
                """)
    }
}
