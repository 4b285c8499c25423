import Ledger
import Postgres
import Testing
import Values

/// What a writer fetches in two round trips may be of two moments.
@Suite struct TornPictureTests {
    enum End: CaseIterable { case void, expire, capture }

    /// The hold ends between the look at what has ended and the look at the accounts, which a lock
    /// delays: it is not known to have ended, and the account no longer holds its money.
    @Test(arguments: End.allCases)
    func aHoldThatEndsWhileItIsLookedAtHasEnded(_ end: End) async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            _ = try await world.ledger.submit(.pay(float, alice, 100))
            let leg = Leg(
                debit: alice, credit: float, amount: Money(60, World.kes),
                code: TransferCode(rawValue: 1))
            let held = try await neighbour.ledger.submit(
                Command(key: nil, [.hold(leg, seconds: 3600)]))
            world.clock.advance(seconds: end == .expire ? 3600 : 0)

            let lock = try Connection.open(world.settings)
            try lock.run(unprepared: "BEGIN; LOCK ledger.account_closures IN ACCESS EXCLUSIVE MODE")
            async let late = world.ledger.submit([Self.command(end, held.first.id)])[0]
            while try world.number(Self.writersWaiting) == 0 { await Task.yield() }
            _ = try await neighbour.ledger.submit(Self.command(end, held.first.id))
            try lock.run(unprepared: "COMMIT")

            #expect(try await late.refusal == "hold_already_ended")
            #expect(try await world.balance(alice).held == 0)
            await neighbour.end()
        }
    }

    private static func command(_ end: End, _ hold: TransferID) -> Command {
        switch end {
        case .void: Command(key: nil, [.void(hold: hold)])
        case .expire: Command(key: nil, [.expire(hold: hold)])
        case .capture: Command(key: nil, [.capture(hold: hold, amount: nil)])
        }
    }

    private static let writersWaiting: SQL = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = \(World.writerName) AND wait_event_type = 'Lock'
        """
}
