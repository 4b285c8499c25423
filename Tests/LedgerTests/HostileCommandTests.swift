import Ledger
import Testing
import Values

@Suite("Commands that no honest client sends")
struct HostileCommandTests {
    @Test("A repeated hold may ask for any time at all and is told that the time differs")
    func secondsOutOfRange() async throws {
        try await World.run { world in
            let (float, shop) = (try await world.open(), try await world.open())
            let leg = Leg(
                debit: float, credit: shop, amount: Money(100, World.kes),
                code: TransferCode(rawValue: 1))
            let key = CommandKey(high: 1, low: 2)
            _ = try await world.ledger.submit(Command(key: key, [.hold(leg, seconds: 60)]))
            for seconds in [Int64.max, .min, 0, -60, 61] {
                await #expect(
                    throws: LedgerRefusal(
                        .idempotencyMismatch, [Fact("first_difference", "expires_in")])
                ) {
                    try await world.ledger.submit(
                        Command(key: key, [.hold(leg, seconds: seconds)]))
                }
            }
            let again = try await world.ledger.submit(
                Command(key: key, [.hold(leg, seconds: 60)]))
            #expect(again.isReplay)
        }
    }
}
