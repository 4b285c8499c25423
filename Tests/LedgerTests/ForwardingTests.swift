import Cryptography
import Ledger
import Peers
import Postgres
import Synchronization
import TestSupport
import Testing
import Values

/// One process is the usual writer and the others forward to it. Whatever becomes of either, a
/// command happens once, and what its client was told is true.
@Suite(.timeLimit(.minutes(2))) struct ForwardingTests {
    /// Two processes that have met, and accounts with money.
    private struct Pair {
        let world: World
        let writer: World
        let forwarder: World
        let float: AccountID
        let alice: AccountID

        static func run(_ body: (Pair) async throws -> Void) async throws {
            try await World.run { world in
                let (one, two) = (world.colleague(), world.colleague())
                try await one.meet(two)
                let isOne = one.ledger.isForwarding
                let pair = Pair(
                    world: world, writer: isOne ? two : one, forwarder: isOne ? one : two,
                    float: try await world.open(), alice: try await world.open(floor: 0))
                try await body(pair)
                for each in [one, two] { await each.end() }
            }
        }
    }

    // MARK: The usual day

    @Test func whatIsForwardedIsDoneOnceAndToldInFull() async throws {
        try await Pair.run { pair in
            let key = CommandKey.random()
            let first = try await pair.forwarder.ledger.submit(
                .pay(pair.float, pair.alice, 100, key: key))
            #expect(!first.isReplay)
            for each in [pair.forwarder, pair.writer, pair.world] {
                let again = try await each.ledger.submit(
                    .pay(pair.float, pair.alice, 100, key: key))
                #expect(again.isReplay)
                #expect(again.transfers == first.transfers)
            }
            let other = try await pair.forwarder.ledger.submit(
                [.pay(pair.float, pair.alice, 101, key: key)])[0]
            #expect(
                throws: LedgerRefusal(
                    .idempotencyMismatch, [Fact("first_difference", "amount")])
            ) { try other.get() }
            let tooMuch = try await pair.forwarder.ledger.submit(
                [.pay(pair.alice, pair.float, 101, key: .random())])[0]
            #expect(throws: LedgerRefusal(.insufficientFunds, [Fact("available", 100)])) {
                try tooMuch.get()
            }
            #expect(try pair.world.lines(of: key) == 1)
            #expect(pair.forwarder.ledger.isForwarding)
        }
    }

    @Test func oneKeyAtBothProcessesAtOnceIsOneCommand() async throws {
        try await Pair.run { pair in
            let keys = (0..<100).map { _ in CommandKey.random() }
            let ledgers = [pair.forwarder, pair.writer, pair.forwarder].map(\.ledger)
            let receipts = try await together(ledgers.count * keys.count) { number in
                try await ledgers[number % ledgers.count].submit(
                    .pay(pair.float, pair.alice, 1, key: keys[number / ledgers.count]))
            }
            for key in keys {
                let own = receipts.filter { $0.first.key == key }
                #expect(own.count == ledgers.count)
                #expect(own.count { !$0.isReplay } == 1)
                #expect(Set(own.map(\.first.id)).count == 1)
            }
            #expect(try await pair.world.balance(pair.alice).posted == Int64(keys.count))
        }
    }

    /// What cannot travel goes its own way, beside what does.
    @Test func attachmentsAndNamelessCommandsAreWrittenByTheirOwnProcess() async throws {
        try await Pair.run { pair in
            try pair.world.run("CREATE TABLE rows (id bigint)")
            let outcomes = try await together(60) { number in
                let command: Command =
                    switch number % 3 {
                    case 0: .pay(pair.float, pair.alice, 1, key: .random())
                    case 1: .pay(pair.float, pair.alice, 1)
                    default:
                        .attaching(pair.float, pair.alice, 1, key: .random()) {
                            "INSERT INTO rows VALUES (\($0.number))"
                        }
                    }
                return try await pair.forwarder.ledger.submit(command)
            }
            #expect(Set(outcomes.map(\.first.id)).count == 60)
            #expect(try pair.world.number("SELECT count(*) FROM rows") == 20)
            #expect(try await pair.world.balance(pair.alice).posted == 60)
        }
    }

    @Test func aWriterThatStopsLeavesNobodyWithoutAnAnswer() async throws {
        try await World.run { world in
            let (one, two) = (world.colleague(), world.colleague())
            try await one.meet(two)
            let isOne = one.ledger.isForwarding
            let (writer, forwarder) = isOne ? (two, one) : (one, two)
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            async let receipts = together(8) { _ in
                var keys: [CommandKey] = []
                repeat {
                    keys.append(.random())
                    _ = try await forwarder.ledger.submit(
                        .pay(float, alice, 1, key: keys.last))
                } while forwarder.ledger.isForwarding
                return keys
            }
            await writer.end()
            let keys = try await receipts.flatMap { $0 }
            #expect(try await world.balance(alice).posted == Int64(keys.count))
            await forwarder.end()
        }
    }

    // MARK: A writer that fails

    enum Failure: CaseIterable { case silence, hangingUp, hangingUpWhenDone }

    /// The usual writer takes a command and is not heard of again, whether it did it or not.
    @Test(arguments: Failure.allCases)
    func anUnansweredCommandIsDoneOnce(_ failure: Failure) async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let played = try PlayedWriter(in: world)
            let colleague = world.colleague()
            try await played.attract(colleague, from: world)
            let key = CommandKey.random()
            let command = Command.pay(float, alice, 70, key: key)
            async let receipt = colleague.ledger.submit(command)
            let request = try await played.request()
            if failure == .hangingUpWhenDone { _ = try await world.ledger.submit(command) }
            if failure != .silence { request.link.close() }
            #expect(try await receipt.first.key == key)
            #expect(try world.lines(of: key) == 1)
            #expect(try await world.balance(alice).posted == 70)
            await colleague.end()
            played.end()
        }
    }

    /// What was forwarded, given up and refused does not happen when its first addressee wakes up.
    @Test func aCommandThatWasGivenUpNeverHappensLater() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let played = try PlayedWriter(in: world)
            let colleague = world.colleague()
            try await played.attract(colleague, from: world)
            let key = CommandKey.random()
            async let outcome = colleague.ledger.submit([.pay(alice, float, 70, key: key)])[0]
            let late = try await played.request()
            #expect(try await outcome.refusal == "insufficient_funds")

            // Now there is money, and somebody takes the old request up again.
            _ = try await world.ledger.submit(.pay(float, alice, 100))
            #expect(try await say(late.bytes, to: world.writerAddress()) != nil)
            #expect(try world.lines(of: key) == 0)
            #expect(try await world.balance(alice).posted == 100)
            await colleague.end()
            played.end()
        }
    }

    /// Terms pass to and fro under load: each process believes for a while to be the usual writer.
    @Test func anyNumberOfUsualWritersIsHarmless() async throws {
        try await World.run { world in
            let float = try await world.open()
            let accounts = try await together(4) { _ in try await world.open(floor: 0) }
            let colleagues = [world.colleague(), world.colleague(), world.colleague()]
            try await colleagues[0].meet(colleagues[1])
            let addresses = Mutex<Set<String>>([])
            let keys = try await together(12) { number in
                var keys: [CommandKey] = []
                for step in 0..<60 {
                    keys.append(.random())
                    _ = try await colleagues[(number + step) % 3].ledger.submit(
                        .pay(float, accounts[number % 4], 1, key: keys.last))
                    if number == 0, step % 4 == 0 {
                        let address = "\(try world.writerAddress())"
                        let other = addresses.withLock { addresses in
                            addresses.insert(address)
                            return addresses.randomElement()
                        }
                        try world.endTerm(address: other)
                    }
                }
                return keys
            }.flatMap { $0 }
            var total: Int64 = 0
            for account in accounts { total += try await world.balance(account).posted }
            #expect(total == Int64(keys.count))
            for colleague in colleagues { await colleague.end() }
        }
    }

    // MARK: Strangers

    @Test func strangersAreTurnedAwayAndTheWriterGoesOn() async throws {
        try await Pair.run { pair in
            let address = try pair.world.writerAddress()
            let stranger = KeyRing([[UInt8](repeating: 8, count: KeyRing.keyBytes)])
                .sealingKey(Forwarding.purpose)
            #expect(throws: PeerError.self) {
                try PeerLink.connect(to: address, key: stranger)
            }
            // Even who knows the key is hung up on for saying what cannot be understood.
            for length in [0, 1, 20, 1000] {
                let nonsense = (0..<length).map { _ in UInt8.random(in: .min ... .max) }
                #expect(try await say(nonsense, to: address) == nil)
            }
            _ = try await pair.forwarder.ledger.submit(
                .pay(pair.float, pair.alice, 1, key: .random()))
            #expect(try await pair.world.balance(pair.alice).posted == 1)
        }
    }

    /// Processes that cannot reach each other take turns, as if there were no forwarding.
    @Test func processesWithDifferentKeysTakeTurns() async throws {
        try await World.run { world in
            let other = KeyRing([[UInt8](repeating: 8, count: KeyRing.keyBytes)])
                .sealingKey(Forwarding.purpose)
            let colleagues = [world.colleague(), world.colleague(key: other)]
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for number in 0..<200 {
                _ = try await colleagues[number % 2].ledger.submit(
                    .pay(float, alice, 1, key: .random()))
            }
            #expect(!colleagues.contains { $0.ledger.isForwarding })
            #expect(try await world.balance(alice).posted == 200)
            for colleague in colleagues { await colleague.end() }
        }
    }
}
