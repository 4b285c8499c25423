import Ledger
import Testing
import Values

/// Writers that have met take turns, and learn at each turn what the other did.
@Suite struct TurnTests {
    @Test func aClosureIsNoticedAtTheNextTurn() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            for each in [world, neighbour, world, neighbour] {
                _ = try await each.ledger.submit(.pay(float, alice, 5))
            }
            // No line of the journal tells of it: only the head has moved.
            try await world.ledger.closeAccount(alice)
            for each in [world, neighbour] {
                let outcome = try await each.ledger.submit([.pay(float, alice, 5)])[0]
                #expect(outcome.refusal == "credit_account_closed")
            }
            await neighbour.end()
        }
    }

    @Test func everyTurnBeginsWithWhatTheOtherLeft() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            let (alice, bob) = (try await world.open(floor: 0), try await world.open(floor: 0))
            let float = try await world.open()
            _ = try await world.ledger.submit(.pay(float, alice, 90))
            for turn in 0..<30 {
                let (payer, payee) = turn.isMultiple(of: 2) ? (alice, bob) : (bob, alice)
                let each = turn.isMultiple(of: 2) ? neighbour : world
                _ = try await each.ledger.submit(.pay(payer, payee, 90))
                let outcome = try await each.ledger.submit([.pay(payer, payee, 1)])[0]
                #expect(outcome.refusal == "insufficient_funds")
            }
            await neighbour.end()
        }
    }

    /// A line is never older than the line before it, which the audit at the end looks at.
    @Test func aClockThatIsBehindIsCarriedForward() async throws {
        try await World.run { world in
            let neighbour = world.neighbour(clock: Clock())
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            var last = Timestamp(microseconds: 0)
            for each in [world, neighbour, world, neighbour] {
                let at = try await each.ledger.submit(.pay(float, alice, 5)).first.at
                #expect(at >= last)
                last = at
            }
            await neighbour.end()
        }
    }
}
