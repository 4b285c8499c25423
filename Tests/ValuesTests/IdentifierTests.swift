import Testing
import Values

private enum Thing {}

@Suite("Identifiers and moments as text")
struct IdentifierTests {
    @Test func identifiersComeBack() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            let id = ID<Thing>(high: random.next(), low: random.next())
            #expect(ID<Thing>(id.description) == id)
            #expect(ID<Thing>(id.description.uppercased()) == id)
        }
    }

    @Test func identifiersAreVersionSevenAndSortByTime() {
        var random = SeededRandom(seed: 2)
        var last: ID<Thing>?
        for step in 0..<500 {
            let time = Timestamp(microseconds: 1_790_000_000_000_000 + Int64(step) * 1000)
            let id = ID<Thing>.make(at: time, using: &random)
            let text = Array(id.description)
            #expect(text.count == 36 && text[14] == "7" && "89ab".contains(text[19]))
            if let last { #expect(last < id && last.description < id.description) }
            last = id
        }
    }

    @Test(
        "one form only",
        arguments: [
            "", "0199a2b4", "0199a2b4-0000-7000-8000-00000000000",
            "0199a2b400007000800000000000001",
            "0199a2b4-0000-7000-8000-0000000000011", "{199a2b4-0000-7000-8000-00000000000}",
            "0199a2b4-0000-7000-8000-00000000000g", "0199a2b40-000-7000-8000-000000000001",
            "0199a2b4-0000-7000-8000-00000000000é", "0199a2b4_0000_7000_8000_000000000001",
        ])
    func refusesIdentifier(text: String) {
        #expect(ID<Thing>(text) == nil)
    }

    @Test func momentsComeBack() {
        var random = SeededRandom(seed: 3)
        let years = Timestamp("0001-01-01")!.microseconds..<Timestamp("9999-12-31")!.microseconds
        for _ in 0..<3000 {
            let moment = Timestamp(microseconds: Int64.random(in: years, using: &random))
            #expect(Timestamp(moment.description) == moment)
        }
    }

    @Test func everyDayOfEightCenturiesComesBack() {
        for days in Int64(-150_000)...150_000 {
            let day = CalendarDay(daysSince1970: days)
            guard day.daysSince1970 == days, (1...31).contains(day.day),
                (1...12).contains(day.month)
            else {
                Issue.record("day \(days) does not come back")
                return
            }
        }
    }

    @Test(
        "RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-02", 86_400_000_000),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520_000),
            ("1996-12-19T16:39:57-08:00", 851_042_397_000_000),
            ("1970-01-01t03:00:00.0000019+03:00", 1), ("1969-12-31 23:59:59.999999Z", -1),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(
        "no such moment",
        arguments: [
            "", "1970", "1970-1-1", "1970-02-29", "1970-13-01", "1970-00-10", "1970-01-00",
            "1970-04-31", "1970-01-01T", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+3",
            "١٩٧٠-01-01", "-970-01-01",
        ])
    func refusesMoment(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func waitsAreRoundedUp() {
        let now = Timestamp(microseconds: 10)
        #expect(now.seconds(until: now) == 0)
        #expect(now.seconds(until: Timestamp(microseconds: 11)) == 1)
        #expect(now.seconds(until: now.adding(seconds: 2)) == 2)
        #expect(now.seconds(until: Timestamp(microseconds: 0)) == 0)
    }

    @Test func theSandboxClockOnlyMovesForward() {
        let clock = Clock()
        let before = clock.now
        clock.advance(seconds: 3600)
        #expect(clock.now >= before.adding(seconds: 3600) && clock.offsetSeconds == 3600)
    }

    @Test func idempotencyKeysAreVisibleASCII() {
        #expect(IdempotencyKey("pay-1")?.text == "pay-1")
        #expect(IdempotencyKey(String(repeating: "k", count: 255)) != nil)
        for text in ["", " ", "a b", "a\n", "é", String(repeating: "k", count: 256)] {
            #expect(IdempotencyKey(text) == nil)
        }
    }
}
