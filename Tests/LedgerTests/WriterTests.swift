import Ledger
import Postgres
import Synchronization
import TestSupport
import Testing
import Values

/// Several processes on one database: each test's neighbours have writers and caches of their own.
@Suite(.serialized) struct WriterTests {
    @Test func nothingIsLostBetweenTwoWriters() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let accounts = try await Self.accounts(world, 6)
            let first = try await Self.load(world, accounts, commands: 300)
            let (left, right) = try await Self.both(
                { try await Self.load(world, accounts, commands: 600) },
                { try await Self.load(neighbour, accounts, commands: 600) })
            #expect(try world.number("SELECT count(*) FROM ledger.transfers") == 1500)
            let places = (first + left + right).map(\.number)
            #expect(Set(places).count == 1500 && places.max() == 1500)
            var sum: Int64 = 0
            for account in accounts { sum += try await world.balance(account).posted }
            #expect(sum == 0)
            await neighbour.end()
        }
    }

    @Test func aKeyHasOneEffectWhoeverIsFaster() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let commands = (0..<400).map { Command.pay(float, alice, 1, key: .test($0)) }
            let (left, right) = try await Self.both(
                { try await Self.oneByOne(world, commands) },
                { try await Self.oneByOne(neighbour, commands.reversed()) })
            for (index, pair) in zip(left, right.reversed()).enumerated() {
                let receipts = [pair.0.receipt, pair.1.receipt].compactMap { $0 }
                #expect(receipts.map(\.first.id).count == 2, "key \(index): \(pair)")
                #expect(Set(receipts.map(\.first.id)).count == 1)
                #expect(receipts.count { !$0.isReplay } == 1)
            }
            #expect(try await world.balance(alice).posted == 400)
            await neighbour.end()
        }
    }

    @Test func twoSpendersCannotOverdraw() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let shop = try await world.open(floor: 0)
            _ = try await world.ledger.submit(.pay(float, alice, 1000))
            let commands = (0..<150).map { _ in Command.pay(alice, shop, 10) }
            let (left, right) = try await Self.both(
                { try await Self.oneByOne(world, commands) },
                { try await Self.oneByOne(neighbour, commands) })
            #expect((left + right).count { $0.receipt != nil } == 100)
            #expect((left + right).count { $0.refusal == "insufficient_funds" } == 200)
            #expect(try await world.balance(alice).posted == 0)
            await neighbour.end()
        }
    }

    @Test func aTransferIsReversedOnceByWhomever() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for _ in 0..<10 {
                let paid = try await world.ledger.submit(.pay(float, alice, 5)).first.id
                let commands = (0..<8).map { _ in Command(key: nil, [.reverse(paid)]) }
                let (left, right) = try await Self.both(
                    { try await Self.oneByOne(world, commands) },
                    { try await Self.oneByOne(neighbour, commands) })
                #expect((left + right).count { $0.receipt != nil } == 1)
                #expect((left + right).count { $0.refusal == "transfer_already_reversed" } == 15)
            }
            await neighbour.end()
        }
    }

    /// A refusal is decided on what is, not on what this process last saw.
    @Test func moneyThatAnotherWriterBroughtCanBeSpent() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for amount in Int64(1)...20 {
                _ = try await world.ledger.submit(.pay(float, alice, 1))
                _ = try await neighbour.ledger.submit(.pay(float, alice, amount))
                _ = try await world.ledger.submit(.pay(alice, float, amount + 1))
                #expect(try await world.balance(alice).posted == 0)
            }
            await neighbour.end()
        }
    }

    /// A head that was read after the other wrote must not follow the other's lines once more; the
    /// audit, which ends every world, would see the spending counted twice.
    @Test func spendingThatAnotherWriterCountedIsCountedOnce() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, shop) = (try await world.open(), try await world.open(floor: 0))
            let limits = AccountLimits(perDay: 100)
            for _ in 0..<10 {
                let alice = try await world.open(floor: 0, limits: limits)
                _ = try await neighbour.ledger.submit(.pay(float, alice, 500))
                _ = try await world.ledger.submit(.pay(float, shop, 1))
                _ = try await neighbour.ledger.submit(.pay(alice, shop, 60, isLimited: true))
                _ = try await world.ledger.submit(.pay(alice, shop, 40, isLimited: true))
                let outcome = try await world.ledger.submit([.pay(alice, shop, 1, isLimited: true)])
                #expect(outcome[0].refusal == "limit_exceeded")
            }
            await neighbour.end()
        }
    }

    @Test(arguments: [
        AccountLimits(paymentsPerHour: 2), AccountLimits(paymentsPerDay: 2),
    ])
    func paymentsThatAnotherWriterCountedAreCountedOnce(_ limits: AccountLimits) async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, shop) = (try await world.open(), try await world.open(floor: 0))
            for _ in 0..<5 {
                let alice = try await world.open(floor: 0, limits: limits)
                for each in [world, neighbour] {
                    _ = try await each.ledger.submit(.pay(float, alice, 500))
                }
                _ = try await neighbour.ledger.submit(.pay(alice, shop, 1, isLimited: true))
                _ = try await world.ledger.submit(.pay(alice, shop, 1, isLimited: true))
                for each in [neighbour, world] {
                    let outcome = try await each.ledger.submit(
                        [.pay(alice, shop, 1, isLimited: true)])
                    #expect(outcome[0].refusal == "limit_exceeded")
                }
            }
            await neighbour.end()
        }
    }

    @Test func limitsThatChangeElsewhereHoldAtOnce() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for each in [world, neighbour] {
                _ = try await each.ledger.submit(.pay(float, alice, 500))
            }
            for (number, each) in [neighbour, world, neighbour].enumerated() {
                let limit = Int64(number) + 1
                try await each.setLimits(AccountLimits(perTransfer: limit), of: alice)
                for other in [world, neighbour] {
                    let outcomes = try await other.ledger.submit([
                        .pay(alice, float, limit + 1, isLimited: true),
                        .pay(alice, float, limit, isLimited: true),
                    ])
                    #expect(outcomes[0].refusal == "limit_exceeded")
                    #expect(outcomes[1].refusal == nil)
                }
                let uses = try await world.ledger.limits(of: [alice])[alice]
                #expect(uses?.map(\.limit) == [limit])
            }
            await neighbour.end()
        }
    }

    /// Whoever closed an account meanwhile, its seal is that of both changes.
    @Test func limitsOfAClosedAccountAreSealedWithIt() async throws {
        try await World.run { world in
            let alice = try await world.open(floor: 0, limits: AccountLimits(ceiling: 5))
            try await world.ledger.closeAccount(alice)
            try await world.setLimits(AccountLimits(perDay: 7, paymentsPerDay: 3), of: alice)
        }
    }

    @Test func aClosedAccountIsClosedForEveryWriter() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for each in [world, neighbour] {
                _ = try await each.ledger.submit(.pay(float, alice, 5))
            }
            try await neighbour.ledger.closeAccount(alice)
            for each in [world, neighbour] {
                let outcome = try await each.ledger.submit([.pay(float, alice, 5)])[0]
                #expect(outcome.refusal == "credit_account_closed")
            }
            await neighbour.end()
        }
    }

    // MARK: A process that knows nothing

    /// What was done is a replay, whatever has become of its money since.
    @Test func aRetryAfterARestartIsAReplay() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let shop = try await world.open(floor: 0)
            _ = try await world.ledger.submit(.pay(float, alice, 200))
            let all = Command.pay(alice, shop, 100, key: .test(1))
            let leg = Leg(
                debit: alice, credit: shop, amount: Money(100, World.kes),
                code: TransferCode(rawValue: 1))
            let hold = Command(key: .test(2), [.hold(leg, seconds: 3600)])
            let paid = try await world.ledger.submit(all).first.id
            let held = try await world.ledger.submit(hold).first.id
            let capture = Command(key: .test(3), [.capture(hold: held, amount: nil)])
            let reversal = Command(key: .test(4), [.reverse(paid)])
            _ = try await world.ledger.submit(capture)
            _ = try await world.ledger.submit(reversal)
            _ = try await world.ledger.submit(.pay(alice, shop, 100))

            for command in [all, hold, capture, reversal] {
                let restarted = world.neighbour()
                let receipt = try await restarted.ledger.submit(command)
                #expect(receipt.isReplay, "\(command.operations)")
                await restarted.end()
            }
            let restarted = world.neighbour()
            let other = Command.pay(alice, shop, 101, key: .test(1))
            let outcomes = try await restarted.ledger.submit([other, all, .pay(alice, shop, 1)])
            #expect(outcomes[0].refusal == "idempotency_mismatch")
            #expect(outcomes[1].receipt?.first.id == paid)
            #expect(outcomes[2].refusal == "insufficient_funds")
            await restarted.end()
        }
    }

    // MARK: Stopping and refusing work

    @Test func whatWasAcceptedIsFinishedBeforeTheEnd() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let commands = (0..<500).map { _ in Command.pay(float, alice, 1) }
            async let outcomes = neighbour.ledger.submit(commands)
            _ = try await outcomes
            await neighbour.end()
            await #expect(throws: LedgerOverloaded.self) {
                try await neighbour.ledger.submit(.pay(float, alice, 1))
            }
            #expect(try await world.balance(alice).posted == 500)
        }
    }

    @Test func followersHearEveryLineOnceAndInOrder() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let (heard, ear) = AsyncStream.makeStream(of: [Transfer].self)
            let hears = Atomic(false)
            world.ledger.follow(whileWanted: { true }) { lines in
                hears.store(true, ordering: .relaxed)
                ear.yield(lines)
            }
            let following = Task { try await world.ledger.run() }
            // Following begins where the journal stands when it begins: from here on it has.
            var last: Int64 = 0
            while !hears.load(ordering: .relaxed) {
                last = try await neighbour.ledger.submit(.pay(float, alice, 1)).first.id.number
            }
            let commands = (0..<100).map { _ in Command.pay(float, alice, 1) }
            _ = try await Self.both(
                { try await Self.oneByOne(world, commands) },
                { try await Self.oneByOne(neighbour, commands) })
            last += 200
            var places: [Int64] = []
            for await lines in heard {
                places += lines.map(\.id.number)
                if places.last == last { break }
            }
            #expect(places == Array((places.first ?? 0)...last))
            following.cancel()
            _ = await following.result
            await neighbour.end()
        }
    }

    /// What another process writes while nobody wants to know is not even read.
    @Test func whoBeginsToListenHearsWhatComesFromThenOn() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let (heard, ear) = AsyncStream.makeStream(of: [Transfer].self)
            let isWanted = Atomic(false)
            let asked = Tally()
            world.ledger.follow(
                whileWanted: {
                    asked.add()
                    return isWanted.load(ordering: .relaxed)
                }
            ) { ear.yield($0) }
            let following = Task { try await world.ledger.run() }
            let early = try await neighbour.ledger.submit(.pay(float, alice, 1)).first.id
            // Two looks, the second of which began after the line was written.
            let count = asked.count
            while asked.count < count + 4 { try await Task.yieldUnlessCancelled() }
            isWanted.store(true, ordering: .relaxed)
            let late = try await neighbour.ledger.submit(.pay(float, alice, 1)).first.id
            var places: [TransferID] = []
            for await lines in heard {
                places += lines.map(\.id)
                if places.last == late { break }
            }
            #expect(!places.contains(early))
            following.cancel()
            _ = await following.result
            await neighbour.end()
        }
    }

    // MARK: Steps

    private static func both<Value: Sendable>(
        _ left: @escaping @Sendable () async throws -> Value,
        _ right: @escaping @Sendable () async throws -> Value
    ) async throws -> (Value, Value) {
        async let other = Task { try await right() }.value
        let own = try await Task { try await left() }.value
        return (own, try await other)
    }

    /// Accounts that may go below zero, so that every payment between them succeeds.
    private static func accounts(_ world: World, _ count: Int) async throws -> [AccountID] {
        var accounts: [AccountID] = []
        for _ in 0..<count { accounts.append(try await world.open()) }
        return accounts
    }

    /// Sends commands in batches of every size and returns the lines they wrote.
    private static func load(
        _ world: World, _ accounts: [AccountID], commands: Int
    ) async throws -> [TransferID] {
        var lines: [TransferID] = []
        var size = 1
        while lines.count < commands {
            let count = min(size, commands - lines.count)
            let batch = (0..<count).map { index in
                Command.pay(
                    accounts[index % accounts.count], accounts[(index + 1) % accounts.count], 7)
            }
            for outcome in try await world.ledger.submit(batch) {
                lines.append(try outcome.get().first.id)
            }
            size = size % 40 + 3
        }
        return lines
    }

    private static func oneByOne(
        _ world: World, _ commands: [Command]
    ) async throws -> [Result<Receipt, any Error>] {
        var outcomes: [Result<Receipt, any Error>] = []
        for command in commands { outcomes += try await world.ledger.submit([command]) }
        return outcomes
    }
}
