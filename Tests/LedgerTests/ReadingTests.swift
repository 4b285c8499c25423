import Ledger
import Postgres
import Testing
import Values

/// What can be asked of the journal besides balances and histories, which the tables show.
@Suite(.serialized) struct ReadingTests {
    @Test func aLineIsFoundByItsOwnIdOnly() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let line = try await world.ledger.submit(.pay(float, alice, 5)).first
            let id = line.publicID
            #expect(try await world.ledger.transfer(id) == line)
            let forged = [
                ID<Transfer>(high: id.high + 1, low: id.low),
                ID<Transfer>(high: id.high, low: id.low + 1),
                ID<Transfer>(high: id.high, low: id.low ^ 1 << 62),
                ID<Transfer>(high: 0, low: 0), ID<Transfer>(high: .max, low: .max),
            ]
            for id in forged { #expect(try await world.ledger.transfer(id) == nil) }
        }
    }

    /// A cursor that was made up, or taken from somebody else's history, shows nothing.
    @Test func aForeignCursorShowsNothing() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let bob = try await world.open(floor: 0)
            _ = try await world.ledger.submit([.pay(float, alice, 5), .pay(float, bob, 5)])
            let others = try await world.ledger.submit(.pay(float, bob, 5)).first.publicID
            for cursor in [others, ID(high: 1, low: 2), ID(high: .max, low: .max)] {
                let page = try await world.ledger.entries(of: alice, before: cursor, limit: 10)
                #expect(page.elements.isEmpty && page.nextCursor == nil)
            }
        }
    }

    @Test func anEntryIsALineSeenFromOneSide() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let line = try await world.ledger.submit(.pay(float, alice, 5)).first
            let entry = try await world.ledger.entries(of: alice, limit: 1).elements[0]
            #expect(entry == Entry(line, seenFrom: alice))
            #expect(entry.isCredit && entry.counterparty == float)
            #expect(entry.balance == Balance(posted: 5, held: 0))
            let other = try await world.ledger.entries(of: float, limit: 1).elements[0]
            #expect(!other.isCredit && other.counterparty == alice)
            #expect(other.balance == Balance(posted: -5, held: 0))
        }
    }

    @Test func linkedLinesAndEndingsAreFound() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let leg = Leg(
                debit: float, credit: alice, amount: Money(5, World.kes),
                code: TransferCode(rawValue: 1))
            let receipt = try await world.ledger.submit(
                Command(key: nil, [.post(leg), .hold(leg, seconds: 60), .post(leg)]))
            let first = receipt.first
            #expect(try await world.ledger.command(startingAt: first) == receipt.transfers)
            let hold = receipt.transfers[1].id
            #expect(try await world.ledger.ending(of: hold) == nil)
            let void = try await world.ledger.submit(Command(key: nil, [.void(hold: hold)])).first
            #expect(try await world.ledger.ending(of: hold) == void)
            let back = try await world.ledger.submit(Command(key: nil, [.reverse(first.id)])).first
            #expect(try await world.ledger.ending(of: first.id) == back)
        }
    }

    @Test func totalsCountWhatMovedAndNothingElse() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let leg = Leg(
                debit: alice, credit: float, amount: Money(30, World.kes),
                code: TransferCode(rawValue: 1))
            let paid = try await world.ledger.submit(.pay(float, alice, 100)).first.id
            let hold = try await world.ledger.submit(Command(key: nil, [.hold(leg, seconds: 60)]))
            _ = try await world.ledger.submit(
                Command(key: nil, [.capture(hold: hold.first.id, amount: 20)]))
            _ = try await world.ledger.submit(.pay(float, alice, 50))
            _ = try await world.ledger.submit(Command(key: nil, [.reverse(paid)]))
            let totals = try await world.ledger.totals(of: alice)
            #expect(totals.debits == 120 && totals.debitCount == 2)
            #expect(totals.credits == 150 && totals.creditCount == 2)
            let quiet = try await world.ledger.totals(of: try await world.open())
            #expect(quiet.debits == 0 && quiet.creditCount == 0)
        }
    }

    @Test func transfersOfACurrencyAreListedBetweenTwoMoments() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let dollars = Currency("USD")!
            let (mint, bob) = (try await world.open(dollars), try await world.open(dollars))
            var lines: [Transfer] = []
            for _ in 0..<3 {
                world.clock.advance(seconds: 60)
                lines.append(try await world.ledger.submit(.pay(float, alice, 5)).first)
                _ = try await world.ledger.submit(.pay(mint, bob, 5, dollars))
            }
            let found = try await world.ledger.transfers(
                from: lines[0].at, to: lines[2].at, currency: World.kes, limit: 10)
            #expect(found == [lines[1], lines[0]])
            let newest = try await world.ledger.transfers(
                from: lines[0].at, to: world.clock.now, currency: World.kes, limit: 1)
            #expect(newest == [lines[2]])
        }
    }

    /// One checkpoint for each month in which an account moves after an earlier one, and no more.
    @Test func aMonthLeavesOneCheckpoint() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for month in 0..<3 {
                if month > 0 { world.clock.advance(seconds: 32 * 86_400) }
                for _ in 0..<3 { _ = try await world.ledger.submit(.pay(float, alice, 5)) }
            }
            let count = try world.number(
                "SELECT count(*) FROM ledger.checkpoints WHERE account = \(alice.number)")
            #expect(count == 2)
        }
    }

    @Test func manyHoldsExpireInSteps() async throws {
        try await World.run { world in
            let (alice, shop) = (try await world.open(), try await world.open(floor: 0))
            let leg = Leg(
                debit: alice, credit: shop, amount: Money(5, World.kes),
                code: TransferCode(rawValue: 1))
            let holds = (0..<25).map { _ in Command(key: nil, [.hold(leg, seconds: 60)]) }
            _ = try await world.ledger.submit(holds)
            #expect(try await world.ledger.expireHolds(limit: 10) == 0)
            world.clock.advance(seconds: 60)
            var steps: [Int] = []
            while steps.last != 0 { steps.append(try await world.ledger.expireHolds(limit: 10)) }
            #expect(steps == [10, 10, 5, 0])
            #expect(try await world.balance(alice) == Balance(posted: 0, held: 0))
        }
    }
}
