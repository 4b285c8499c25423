import Ledger
import Postgres
import Testing
import Values

/// Rows of other slices that are written with the money, or not at all.
@Suite(.serialized) struct AttachmentTests {
    /// A world with a payer of 10,000, a shop, and tables such as a slice might have.
    private struct Shop {
        let world: World
        let alice: AccountID
        let shop: AccountID

        init(_ world: World) async throws {
            self.world = world
            let float = try await world.open()
            alice = try await world.open(floor: 0)
            shop = try await world.open(floor: 0)
            _ = try await world.ledger.submit(.pay(float, alice, 10_000))
            let connection = try Connection.open(world.settings)
            try connection.run(
                unprepared: """
                    CREATE SCHEMA shop;
                    CREATE TABLE shop.notes (line bigint PRIMARY KEY, note text NOT NULL);
                    CREATE TABLE shop.orders (id bigint PRIMARY KEY, paid_by bigint);
                    INSERT INTO shop.orders SELECT id FROM generate_series(1, 100) AS id
                    """)
        }

        /// Pays an order that nobody has paid yet.
        func order(_ id: Int64, amount: Int64 = 10, key: CommandKey? = nil) -> Command {
            .attaching(
                alice, shop, amount, key: key,
                {
                    """
                    UPDATE shop.orders SET paid_by = \($0.number)
                    WHERE id = \(id) AND paid_by IS NULL
                    """
                },
                { "INSERT INTO shop.notes VALUES (\($0.number), 'order')" })
        }

        func payer(of order: Int64) throws -> Int64? {
            try Connection.open(world.settings)
                .query("SELECT paid_by FROM shop.orders WHERE id = \(order)")[0][0]
        }
    }

    @Test func rowsCarryTheLineOfTheirMoney() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let receipts = try await world.ledger.submit([shop.order(1), shop.order(2)])
            for (order, outcome) in zip([Int64(1), 2], receipts) {
                #expect(try outcome.get().first.id.number == shop.payer(of: order))
            }
            #expect(try world.number("SELECT count(*) FROM shop.notes") == 2)
        }
    }

    @Test func aRefusedRowRefusesItsCommandAlone() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let outcomes = try await world.ledger.submit([
                shop.order(1), .pay(shop.alice, shop.shop, 5), shop.order(1), shop.order(999),
                shop.order(2),
            ])
            #expect(
                outcomes.map { $0.refusal ?? "done" } == [
                    "done", "done", "row_already_changed", "row_already_changed", "done",
                ])
            #expect(try await world.balance(shop.shop).posted == 25)
            #expect(try world.number("SELECT count(*) FROM shop.notes") == 2)
        }
    }

    /// More culprits in one batch than a batch has attempts.
    @Test func manyRefusedRowsLeaveTheOthersAlone() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let commands = (1...100).map { shop.order($0 % 2 == 0 ? $0 : 999) }
            let outcomes = try await world.ledger.submit(commands)
            for (index, outcome) in outcomes.enumerated() {
                #expect((outcome.receipt != nil) == (index % 2 == 1), "order \(index + 1)")
            }
            #expect(try await world.balance(shop.shop).posted == 500)
        }
    }

    /// A statement that PostgreSQL refuses is a fault of its slice, and stays with it.
    @Test func aBrokenStatementBreaksItsCommandAlone() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let broken = Command.attaching(shop.alice, shop.shop, 10) { _ in
                "INSERT INTO shop.notes VALUES (1, NULL)"
            }
            let outcomes = try await world.ledger.submit([
                shop.order(1), broken, .pay(shop.alice, shop.shop, 5), broken, shop.order(2),
            ])
            #expect(outcomes.map { $0.receipt != nil } == [true, false, true, false, true])
            #expect(throws: DatabaseError.self) { try outcomes[1].get() }
            #expect(try await world.balance(shop.shop).posted == 25)
        }
    }

    @Test func aRefusedCommandWritesNoRow() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let outcome = try await world.ledger.submit([shop.order(1, amount: 10_001)])[0]
            #expect(outcome.refusal == "insufficient_funds")
            #expect(try shop.payer(of: 1) == nil)
            #expect(try world.number("SELECT count(*) FROM shop.notes") == 0)
        }
    }

    @Test func aReplayWritesNoRowAgain() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let command = shop.order(1, key: .test(1))
            let outcomes = try await world.ledger.submit([command, command])
            #expect(outcomes.map { $0.receipt?.isReplay } == [false, true])
            let restarted = world.neighbour()
            #expect(try await restarted.ledger.submit(command).isReplay)
            await restarted.end()
            #expect(try world.number("SELECT count(*) FROM shop.notes") == 1)
        }
    }

    @Test func twoWritersPayAnOrderOnce() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let neighbour = world.neighbour()
            for order in Int64(1)...30 {
                async let left = world.ledger.submit([shop.order(order)])[0]
                async let right = neighbour.ledger.submit([shop.order(order)])[0]
                let outcomes = try await [left, right]
                #expect(outcomes.count { $0.receipt != nil } == 1)
                #expect(outcomes.count { $0.refusal == "row_already_changed" } == 1)
            }
            #expect(try await world.balance(shop.shop).posted == 300)
            await neighbour.end()
        }
    }

    // MARK: Rows that another session holds

    /// Whoever wants a row that is held is refused soon; the others hardly notice.
    @Test func aHeldRowRefusesItsCommandAlone() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let other = try Connection.open(world.settings)
            try other.run(unprepared: "BEGIN")
            try other.execute("SELECT 1 FROM shop.orders WHERE id = 3 FOR UPDATE")
            let commands = (1...40).map {
                $0 % 2 == 0
                    ? .pay(shop.alice, shop.shop, 10, key: .test($0))
                    : shop.order(Int64($0), key: .test($0))
            }
            let outcomes = try await world.ledger.submit(commands)
            for (number, outcome) in zip(1..., outcomes) where number != 3 {
                #expect(try !outcome.get().isReplay, "command \(number)")
            }
            let error = #expect(throws: DatabaseError.self) { try outcomes[2].get() }
            #expect(error?.sqlState == SQLState.lockNotAvailable)
            #expect(try world.lines(of: .test(3)) == 0)
            try other.run(unprepared: "COMMIT")
            #expect(try await !world.ledger.submit(commands[2]).isReplay)
            #expect(try await world.balance(shop.shop).posted == 400)
        }
    }

    /// Nobody may write notes, and many want to: those who do not are served.
    @Test func aHeldTableRefusesOnlyWhoWritesIt() async throws {
        try await World.run { world in
            let shop = try await Shop(world)
            let other = try Connection.open(world.settings)
            try other.run(unprepared: "BEGIN; LOCK TABLE shop.notes IN SHARE MODE")
            let commands = (1...100).map {
                $0 % 2 == 0
                    ? .pay(shop.alice, shop.shop, 10, key: .test($0))
                    : shop.order(Int64($0), key: .test($0))
            }
            let outcomes = try await world.ledger.submit(commands)
            for (number, outcome) in zip(1..., outcomes) {
                #expect((outcome.receipt != nil) == (number % 2 == 0), "command \(number)")
            }
            try other.run(unprepared: "COMMIT")
            for (number, outcome) in zip(1..., try await world.ledger.submit(commands)) {
                #expect(try outcome.get().isReplay == (number % 2 == 0))
            }
            #expect(try await world.balance(shop.shop).posted == 1000)
        }
    }
}
