import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// What the running check sees, and what it does not mistake for a difference.
@Suite(.serialized) struct WatchTests {
    /// One way to tamper, and part of what a look must say of it.
    struct Tampering: CustomTestStringConvertible {
        let finding: String
        let statement: SQL

        init(_ finding: String, _ statement: SQL) {
            self.finding = finding
            self.statement = statement
        }

        var testDescription: String { finding }
    }

    // The history: 1 float→alice 1000, 2 float→bob 500, 3 alice→bob 200, 4 hold alice→bob 50,
    // 5 capture of 4 by 30, 6 hold alice→bob 40, 7 hold bob→alice 20, 8 void of 7,
    // 9 reversal of 3. Accounts: 1 float, 2 alice, 3 bob, 4 closed, 5 never used.

    static let tamperings = [
        Tampering(
            "account 2: stores posted",
            "UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2"),
        Tampering(
            "account 3: stores posted",
            "UPDATE ledger.accounts SET posted = posted + CASE id WHEN 2 THEN -1 ELSE 1 END "
                + "WHERE id IN (2, 3)"),
        Tampering(
            "KES is off by 7: balances",
            "UPDATE ledger.accounts SET posted = posted + 7 WHERE id = 5"),
        Tampering(
            "account 5: stores posted 7",
            "UPDATE ledger.accounts SET posted = posted + 7 WHERE id = 5"),
        Tampering(
            "held is off by -40: accounts hold 0",
            "UPDATE ledger.accounts SET held = 0 WHERE id = 2"),
        Tampering(
            "account 2: stores held 40; its open holds are 0", "DELETE FROM ledger.open_holds"),
        Tampering(
            "account 3: stores held 0; its open holds are 40",
            "UPDATE ledger.open_holds SET account = 3"),
        Tampering(
            "account 2: stores posted 771 held 40; line 6 left posted",
            "UPDATE ledger.accounts SET last_transfer = 6, posted = 771 WHERE id = 2"),
        Tampering(
            "account 2: does not know of its line 9",
            "UPDATE ledger.accounts SET last_transfer = 8 WHERE id = 2"),
        Tampering(
            "account 2: its line 99 is missing",
            "UPDATE ledger.accounts SET last_transfer = 99 WHERE id = 2"),
        Tampering(
            "account 3: its line 1 is another's",
            "UPDATE ledger.accounts SET last_transfer = 1 WHERE id = 3"),
        Tampering(
            "account 2: last moved at",
            "UPDATE ledger.accounts SET last_at = last_at + '1 ms' WHERE id = 2"),
        Tampering(
            "account 2: is below its floor",
            "UPDATE ledger.accounts SET posted = posted - 2000 WHERE id = 2"),
        Tampering("account 2: its currency", "UPDATE ledger.accounts SET floor = -1 WHERE id = 2"),
        Tampering(
            "account 5: its currency", "UPDATE ledger.accounts SET limit_day = 9 WHERE id = 5"),
        Tampering("account 4: its currency", "DELETE FROM ledger.account_closures"),
        Tampering(
            "account 3: its currency", "UPDATE ledger.accounts SET currency = 'USD' WHERE id = 3"),
        Tampering(
            "names account 3, which does not exist", "DELETE FROM ledger.accounts WHERE id = 3"),
        Tampering(
            "account 2: line 9 began with",
            "UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 9"),
        Tampering(
            "account 3: line 9 began with posted",
            "UPDATE ledger.transfers SET debit_posted = 0 WHERE id = 8"),
        Tampering(
            "account 2: line 8 began with",
            "UPDATE ledger.transfers SET kind = 1, settles = NULL WHERE id = 8"),
        Tampering(
            "account 2: line 9 does not read",
            "UPDATE ledger.transfers SET kind = 3, settles = 1 WHERE id = 9"),
        Tampering(
            "account 2: line 8 began with posted",
            "UPDATE ledger.transfers SET credit_posted = 1 WHERE id = 7"),
        Tampering(
            "account 2: its line 2 is another's",
            "UPDATE ledger.transfers SET credit_previous = 2 WHERE id = 7"),
        Tampering("line 7: is followed by a gap", "DELETE FROM ledger.transfers WHERE id = 8"),
        Tampering(
            "the head: stands at 9; the journal ends at 8",
            "DELETE FROM ledger.transfers WHERE id = 9"),
        Tampering(
            "the head: stands at 8", "UPDATE ledger.head SET last_transfer = last_transfer - 1"),
        Tampering(
            "the head: stands at 20", "UPDATE ledger.head SET last_at = last_at + '1 year'"),
        Tampering("the head: is gone", "DELETE FROM ledger.head"),
        Tampering(
            "the chain: ends at 8",
            "DELETE FROM ledger.batches WHERE last_transfer = 9"),
        Tampering(
            "the chain: does not end in",
            "UPDATE ledger.head SET chain = sha256(chain)"),
    ]

    @Test(arguments: tamperings) func oneLookNotices(_ tampering: Tampering) async throws {
        try await World.spoil { world in
            try await Self.history(world)
            #expect(try await Self.look(world) == [])
            let connection = try Connection.open(world.settings)
            try connection.run(
                unprepared: """
                    SET session_replication_role = replica;
                    ALTER TABLE ledger.accounts DROP CONSTRAINT available_respects_floor
                    """)
            try connection.execute(tampering.statement)
            let found = try await Self.look(world).map(\.description)
            #expect(
                found.contains { $0.contains(tampering.finding) },
                "\(tampering.finding) is not among \(found)")
        }
    }

    /// More accounts than one look sees: the places go round, wherever they began.
    @Test func oneRotationSeesEveryAccount() async throws {
        try await World.spoil { world in
            try world.run(
                """
                INSERT INTO ledger.accounts (kind, currency, is_system, floor, created_at)
                SELECT 'wallet', 'KES', false, 0, now() FROM generate_series(1, 3500)
                """)
            for account: Int64 in [1, 1999, 3500] {
                var watch = Self.watch(world)
                #expect(try await watch.look() == [])
                // The totals do not see it, and nothing in the journal tells of it.
                try world.run(
                    "UPDATE ledger.accounts SET last_at = now() WHERE id = \(account)")
                var found: [Finding] = []
                for _ in 0..<4 { found += try await watch.look() }
                #expect(found.first?.subject == "account \(account)")
                try world.run("UPDATE ledger.accounts SET last_at = 'epoch'")
            }
        }
    }

    /// Writers, holds, closures and new accounts on all sides: every look sees whole batches.
    @Test func noLookMistakesWorkForADifference() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let observer = world.neighbour()
            let isOver = Tally()
            let float = try await world.open()
            async let left: Void = Self.work(world, float)
            async let right: Void = Self.work(neighbour, float)
            async let looks = Self.lookOn(observer, until: isOver)
            _ = try await (left, right)
            isOver.add()
            #expect(try await looks > 0)
            #expect(try await Self.moneyOut(world).current() == nil)
            await neighbour.end()
            await observer.end()
        }
    }

    // MARK: Steps

    static func moneyOut(
        _ world: World, announce: @escaping MoneyOut.Announcement = { _, _ in }
    ) -> MoneyOut {
        MoneyOut(database: world.database, clock: world.clock, announce: announce)
    }

    static func watch(_ world: World) -> Watch {
        Watch(
            database: world.database, moneyOut: moneyOut(world),
            everySeconds: Watch.secondsDefault)
    }

    static func look(_ world: World) async throws -> [Finding] {
        var watch = watch(world)
        return try await watch.look()
    }

    static func history(_ world: World) async throws {
        let (float, alice) = (try await world.open(), try await world.open(floor: 0))
        let (bob, gone) = (try await world.open(floor: 0), try await world.open(floor: 0))
        _ = try await world.open(limits: AccountLimits(perDay: 5))
        let ledger = world.ledger
        _ = try await ledger.submit([.pay(float, alice, 1000), .pay(float, bob, 500)])
        let paid = try await ledger.submit(.pay(alice, bob, 200)).first.id
        let taken = try await ledger.submit(hold(alice, bob, 50)).first.id
        _ = try await ledger.submit(Command(key: nil, [.capture(hold: taken, amount: 30)]))
        _ = try await ledger.submit(hold(alice, bob, 40))
        let released = try await ledger.submit(hold(bob, alice, 20)).first.id
        _ = try await ledger.submit(Command(key: nil, [.void(hold: released)]))
        _ = try await ledger.submit(Command(key: nil, [.reverse(paid)]))
        try await ledger.closeAccount(gone)
    }

    private static func hold(_ debit: AccountID, _ credit: AccountID, _ amount: Int64) -> Command {
        let leg = Leg(
            debit: debit, credit: credit, amount: Money(amount, World.kes),
            code: TransferCode(rawValue: 1))
        return Command(key: nil, [.hold(leg, seconds: 60)])
    }

    /// Looks until it is over, and says how often.
    private static func lookOn(_ observer: World, until isOver: Tally) async throws -> Int {
        var looks = 0
        while isOver.count == 0 {
            // A new one begins somewhere else, and with the totals.
            var watch = Self.watch(observer)
            for _ in 0..<2 { #expect(try await watch.look() == []) }
            looks += 2
        }
        return looks
    }

    private static func work(_ world: World, _ float: AccountID) async throws {
        for round in 0..<60 {
            let (payer, payee) = (try await world.open(floor: 0), try await world.open(floor: 0))
            _ = try await world.ledger.submit(
                [.pay(float, payer, 100)] + (0..<10).map { _ in .pay(payer, payee, 3) })
            let held = try await world.ledger.submit(hold(payer, payee, 20)).first.id
            let end: Operation =
                round.isMultiple(of: 2)
                ? .void(hold: held)
                : .capture(hold: held, amount: 5)
            _ = try await world.ledger.submit(Command(key: nil, [end]))
            try await world.ledger.closeAccount(payee)
        }
    }
}
