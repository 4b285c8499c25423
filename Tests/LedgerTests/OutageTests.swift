import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// The writer's connection dies, at any moment and at the worst.
@Suite(.serialized) struct OutageTests {
    /// What was acknowledged is in the journal, and nothing else is.
    @Test func killedAgainAndAgainTheLedgerSaysWhatItDid() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            var acknowledged: Int64 = 0
            for round in 0..<60 {
                let keyed = (0..<20).map {
                    Command.pay(float, alice, 1, key: .test(round * 20 + $0))
                }
                let keyless = (0..<20).map { _ in Command.pay(float, alice, 1) }
                async let outcomes = world.ledger.submit(keyed + keyless)
                _ = try Self.killWriter(world)
                for outcome in try await outcomes {
                    let receipt = try outcome.get()
                    #expect(!receipt.isReplay)
                    acknowledged += Int64(receipt.transfers.count)
                }
            }
            #expect(acknowledged == 60 * 40)
            #expect(try world.number("SELECT count(*) FROM ledger.transfers") == acknowledged)
            #expect(try await world.balance(alice).posted == acknowledged)
        }
    }

    enum Way: CaseIterable { case keyed, keyless, attached }

    /// The commit is done and its answer is lost: after its commit the session waits for a standby
    /// that does not exist, and is ended there.
    @Test(arguments: Way.allCases) func aCommitWithoutAnAnswerIsFound(_ way: Way) async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            try world.run("CREATE TABLE ledger.scraps (line bigint PRIMARY KEY)")
            let command = Self.command(way, float, alice)
            let database: String = try Connection.open(world.settings)
                .query("SELECT current_database()::text")[0][0]
            let server = try await Connection.open(TestPostgres.shared.settings)
            try server.run(unprepared: "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            try server.run(unprepared: "SELECT pg_reload_conf()")
            try server.run(unprepared: "ALTER DATABASE \(database) SET synchronous_commit = on")

            async let outcome = world.ledger.submit([command])[0]
            while try Self.sessionWaitingForAStandby(world) == nil { await Task.yield() }
            // The writer's next session must not wait as well.
            try server.run(unprepared: "ALTER DATABASE \(database) RESET synchronous_commit")
            #expect(try Self.killWriter(world) == 1)
            let receipt = try await outcome.get()
            try server.run(unprepared: "ALTER SYSTEM RESET synchronous_standby_names")
            try server.run(unprepared: "SELECT pg_reload_conf()")

            #expect(!receipt.isReplay && receipt.first.id == TransferID(1))
            #expect(try await world.balance(alice) == Balance(posted: 5, held: 0))
            #expect(try world.number("SELECT count(*) FROM ledger.transfers") == 1)
            let next = try await world.ledger.submit(.pay(float, alice, 1))
            #expect(next.first.id == TransferID(2))
        }
    }

    private static func command(_ way: Way, _ debit: AccountID, _ credit: AccountID) -> Command {
        switch way {
        case .keyed: .pay(debit, credit, 5, key: .test(1))
        case .keyless: .pay(debit, credit, 5)
        case .attached:
            .attaching(debit, credit, 5) { line in
                "INSERT INTO ledger.scraps VALUES (\(line.number))"
            }
        }
    }

    /// A writer that cannot be reached says so, and goes on when it can.
    @Test func aDatabaseThatIsAwayRefusesAndComesBack() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            _ = try await world.ledger.submit(.pay(float, alice, 1))
            let server = try await Connection.open(TestPostgres.shared.settings)
            let database: String = try Connection.open(world.settings)
                .query("SELECT current_database()::text")[0][0]
            try server.run(unprepared: "ALTER DATABASE \(database) ALLOW_CONNECTIONS false")
            try Self.killWriter(world, over: server, database)
            let refused = try await world.ledger.submit([.pay(float, alice, 1)])[0]
            #expect(throws: DatabaseError.self) { try refused.get() }
            try server.run(unprepared: "ALTER DATABASE \(database) ALLOW_CONNECTIONS true")
            _ = try await world.ledger.submit(.pay(float, alice, 1))
            #expect(try await world.balance(alice).posted == 2)
        }
    }

    // MARK: Steps

    /// Ends the sessions of this world's writer; returns how many there were.
    private static func killWriter(_ world: World) throws -> Int {
        try Connection.open(world.settings).query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = \(World.writerName)
            """
        ).count
    }

    private static func killWriter(
        _ world: World, over server: Connection, _ database: String
    ) throws {
        try server.execute(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = \(database) AND application_name = \(World.writerName)
            """)
    }

    private static func sessionWaitingForAStandby(_ world: World) throws -> Int32? {
        try Connection.open(world.settings).first(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = \(World.writerName)
                AND wait_event = 'SyncRep'
            """
        ).map { try $0[0] }
    }
}
