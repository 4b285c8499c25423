import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// Stopping money-out and letting it go on: who, when, why, and once.
@Suite(.serialized) struct MoneyOutTests {
    @Test func aDifferenceStopsEveryWriterAndIsWrittenDownOnce() async throws {
        try await World.spoil { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let bob = try await world.open(floor: 0)
            for each in [world, neighbour] {
                _ = try await each.ledger.submit([.pay(float, alice, 50), .pay(alice, bob, 5)])
            }
            try world.run("UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 3")

            async let left = WatchTests.look(world)
            async let right = WatchTests.look(neighbour)
            let found = try await (left, right)
            #expect(found.0.map(\.subject) == ["account 3", "KES is off by 1"])
            #expect(found.1.map(\.subject) == ["account 3", "KES is off by 1"])
            #expect(try world.number("SELECT count(*) FROM ledger.stops") == 1)
            let stop = try #require(try await WatchTests.moneyOut(world).current())
            #expect(stop.kind == .stopped && stop.actor == Watch.actor)
            #expect(stop.reason == Watch.reason)
            #expect(stop.findings == found.0.map(\.description))

            for each in [world, neighbour] {
                let outcomes = try await each.ledger.submit([
                    .pay(alice, bob, 1), .pay(float, alice, 1),
                ])
                #expect(outcomes[0].refusal == "money_out_stopped")
                #expect(outcomes[1].receipt != nil)
            }
            // Stopped is stopped: looking on writes nothing more.
            _ = try await WatchTests.look(world)
            #expect(try world.number("SELECT count(*) FROM ledger.stops") == 1)
            await neighbour.end()
        }
    }

    @Test func resumingLooksFirst() async throws {
        try await World.run { world in
            try await WatchTests.history(world)
            let moneyOut = WatchTests.moneyOut(world)
            try world.run("UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2")
            _ = try await WatchTests.look(world)

            let refused = try await moneyOut.resume(by: "otieno", because: "it looks fine")
            guard case .refused(let findings) = refused else {
                return #expect(Bool(false), "\(refused)")
            }
            #expect(findings.map(\.subject).sorted() == ["KES is off by 1", "account 2"])
            #expect(try await moneyOut.current() != nil)

            try world.run("UPDATE ledger.accounts SET posted = posted - 1 WHERE id = 2")
            #expect(
                try await moneyOut.resume(by: "otieno", because: "a hand slipped") == .resumed([]))
            #expect(
                try await moneyOut.resume(by: "otieno", because: "again") == .nothingWasStopped)
            #expect(try await moneyOut.current() == nil)
            let last = try #require(try await moneyOut.decision(2))
            #expect(last.kind == .resumed && last.actor == "otieno")
            #expect(last.reason == "a hand slipped" && last.findings == [])
            #expect(try world.number("SELECT count(*) FROM ledger.stops") == 2)
            let paid = try await world.ledger.submit(.pay(AccountID(2), AccountID(3), 1))
            #expect(!paid.isReplay)
        }
    }

    /// A person may go on with a difference that is understood. The check then passes over that
    /// one, and over no other.
    @Test func whatWasAcceptedDoesNotStopAgainAndAnythingElseDoes() async throws {
        try await World.spoil { world in
            try await WatchTests.history(world)
            let moneyOut = WatchTests.moneyOut(world)
            try world.run("UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2")
            _ = try await WatchTests.look(world)
            guard
                case .resumed(let accepted) = try await moneyOut.resume(
                    by: "otieno", because: "known", despiteMismatch: true)
            else { return #expect(Bool(false), "it was not resumed") }
            #expect(accepted.count == 2)
            #expect(try await moneyOut.decision(2)?.findings == accepted.map(\.description))

            #expect(try await WatchTests.look(world) == [])
            _ = try await world.ledger.submit(.pay(AccountID(2), AccountID(3), 1))
            #expect(try await WatchTests.look(world) == [])
            #expect(try await moneyOut.current() == nil)

            try world.run("UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2")
            #expect(try await WatchTests.look(world).map(\.subject) == ["KES is off by 2"])
            #expect(try await moneyOut.current() != nil)
        }
    }

    @Test func aPersonMayPullTheBrake() async throws {
        try await World.run { world in
            try await WatchTests.history(world)
            let moneyOut = WatchTests.moneyOut(world)
            #expect(try await moneyOut.stop(by: "amina", because: "a leak at the bank") == 1)
            #expect(try await moneyOut.stop(by: "otieno", because: "me too") == nil)
            #expect(try await moneyOut.current()?.actor == "amina")
            #expect(try await WatchTests.look(world) == [])
            #expect(try await moneyOut.resume(by: "amina", because: "mended") == .resumed([]))
        }
    }

    /// The stop and the word of it are one transaction.
    @Test func whatCannotBeToldDoesNotHappen() async throws {
        try await World.run { world in
            struct Silence: Error {}
            let mute = WatchTests.moneyOut(world) { _, _ in throw Silence() }
            await #expect(throws: Silence.self) {
                _ = try await mute.stop(by: "amina", because: "nobody hears")
            }
            #expect(try await mute.current() == nil)
            #expect(try world.number("SELECT count(*) FROM ledger.stops") == 0)

            let tally = Tally()
            let loud = WatchTests.moneyOut(world) { stop, _ in
                #expect(stop.id > 0 && stop.actor == "amina")
                tally.add()
            }
            _ = try await loud.stop(by: "amina", because: "heard")
            _ = try await loud.stop(by: "amina", because: "not news")
            _ = try await loud.resume(by: "amina", because: "heard too")
            #expect(tally.count == 2)
        }
    }

    @Test func aHeadThatWasChangedByHandIsSaid() async throws {
        try await World.run { world in
            try world.setMoneyOut(isStopped: true)
            let moneyOut = WatchTests.moneyOut(world)
            #expect(try await moneyOut.current()?.id == 0)
            #expect(try await moneyOut.resume(by: "amina", because: "who was it?") == .resumed([]))
        }
    }

    @Test(
        arguments: [
            "UPDATE ledger.stops SET reason = 'none'", "DELETE FROM ledger.stops",
            "TRUNCATE ledger.stops",
        ] as [SQL])
    func whatWasDecidedStays(_ statement: SQL) async throws {
        try await World.run { world in
            _ = try await WatchTests.moneyOut(world).stop(by: "amina", because: "a drill")
            #expect(throws: DatabaseError.self) { try world.run(statement) }
        }
    }
}
