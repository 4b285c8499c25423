import Testing
import Values

@testable import Ledger

/// What needs a moment to the microsecond, which a running clock does not give.
@Suite struct RulesTests {
    private static let kes = Currency("KES")!
    private static let noon = Timestamp("2028-02-29T12:00:00Z")!

    private static func head(
        _ id: Int64, posted: Int64 = 0, held: Int64 = 0, limits: AccountLimits = .none
    ) -> Head {
        let never = Head.Spent(period: 0, amount: 0)
        let none = Head.Payments(period: 0, count: 0)
        return Head(
            id: id, currency: kes, floor: 0, limits: limits, isClosed: false, posted: posted,
            held: held, lastTransfer: 0, lastAt: noon, spentToday: never, spentThisMonth: never,
            paymentsThisHour: none, paymentsToday: none)
    }

    private static func hold(_ amount: Int64, until end: Timestamp) -> Transfer {
        let none = Balance(posted: 0, held: 0)
        return Transfer(
            id: TransferID(1), at: noon, kind: .hold, code: TransferCode(rawValue: 5),
            debit: AccountID(1), credit: AccountID(2), amount: amount, debitAfter: none,
            creditAfter: none, debitPrevious: 0, creditPrevious: 0, key: nil, legs: 1,
            isLimited: false,
            settles: nil, expiresAt: end)
    }

    private static func leg(_ amount: Int64) -> Leg {
        Leg(
            debit: AccountID(1), credit: AccountID(2), amount: Money(amount, kes),
            code: TransferCode(rawValue: 1), isLimited: true)
    }

    @Test func aHoldEndsWithItsLastMicrosecond() throws {
        let end = Self.noon.adding(seconds: 60)
        let before = Timestamp(microseconds: end.microseconds - 1)
        let hold = Self.hold(50, until: end)
        let sides = Sides(debit: Self.head(1, posted: 70, held: 50), credit: Self.head(2))
        let after = try Rules.capture(hold, amount: 20, sides, at: before)
        #expect(after.debit.balance == Balance(posted: 50, held: 0))
        #expect(after.credit.balance == Balance(posted: 20, held: 0))
        #expect(throws: LedgerRefusal(.holdExpired)) {
            try Rules.capture(hold, amount: 20, sides, at: end)
        }
        #expect(!Rules.hasExpired(hold, at: before))
        #expect(Rules.hasExpired(hold, at: end))
    }

    /// Days and months begin in UTC, leap days and ends of years included.
    @Test(arguments: [
        ("2028-02-29T23:59:59.999999Z", "2028-03-01T00:00:00Z", "2028-03-01"),
        ("2027-02-28T23:59:59.999999Z", "2027-03-01T00:00:00Z", "2027-03-01"),
        ("2027-12-31T23:59:59.999999Z", "2028-01-01T00:00:00Z", "2028-01-01"),
    ])
    func aLimitBeginsAgainAtMidnight(_ last: String, _ first: String, _ reset: String) throws {
        let (last, first) = (try #require(Timestamp(last)), try #require(Timestamp(first)))
        for limits in [AccountLimits(perDay: 100), AccountLimits(perMonth: 100)] {
            let payer = Self.head(1, posted: 1000, limits: limits)
            let sides = Sides(debit: payer, credit: Self.head(2))
            var after = try Rules.post(Self.leg(100), sides, at: last)
            let refusal = #expect(throws: LedgerRefusal.self) {
                try Rules.post(Self.leg(1), after, at: last)
            }
            let resetsAt = try #require(Timestamp(reset))
            #expect(refusal?.rejection == .limitExceeded)
            #expect(refusal?.facts.contains(Fact("resets_at", "\(resetsAt)")) == true)
            after = try Rules.post(Self.leg(100), after, at: first)
            #expect(after.debit.posted == 800)
        }
    }

    /// The last day of one month and the first of another are different days.
    @Test func aDayIsNoMonth() throws {
        let limits = AccountLimits(perDay: 100, perMonth: 150)
        var sides = Sides(debit: Self.head(1, posted: 1000, limits: limits), credit: Self.head(2))
        sides = try Rules.post(Self.leg(100), sides, at: Self.noon)
        let march = Self.noon.adding(seconds: 86_400)
        sides = try Rules.post(Self.leg(100), sides, at: march)
        let refusal = #expect(throws: LedgerRefusal.self) {
            try Rules.post(Self.leg(51), sides, at: march.adding(seconds: 86_400))
        }
        #expect(refusal?.facts.first == Fact("limit", "per_month"))
    }

    @Test func aMonthIsOfOneYear() throws {
        let limits = AccountLimits(perMonth: 100)
        var sides = Sides(debit: Self.head(1, posted: 1000, limits: limits), credit: Self.head(2))
        sides = try Rules.post(Self.leg(100), sides, at: Self.noon)
        let nextYear = try #require(Timestamp("2029-02-28T12:00:00Z"))
        #expect(try Rules.post(Self.leg(100), sides, at: nextYear).debit.posted == 800)
    }

    /// Without a limit spending is counted too, and the count stops where numbers end.
    @Test func spendingIsCountedUpToTheLargestNumber() throws {
        var sides = Sides(debit: Self.head(1, posted: .max), credit: Self.head(2))
        sides.debit.spentToday = Head.Spent(period: Self.noon.day, amount: .max - 5)
        let after = try Rules.post(Self.leg(6), sides, at: Self.noon).debit
        #expect(after.spentToday.amount == .max)
        #expect(after.spentThisMonth.amount == 6)
    }

    @Test func paymentsAreCountedUpToTheLargestNumber() throws {
        var sides = Sides(debit: Self.head(1, posted: 1000), credit: Self.head(2))
        sides.debit.paymentsThisHour = Head.Payments(
            period: Int32(Self.noon.hour), count: .max)
        let after = try Rules.post(Self.leg(1), sides, at: Self.noon).debit
        #expect(after.paymentsThisHour.count == .max)
        #expect(after.paymentsToday.count == 1)
        let limits = AccountLimits(paymentsPerHour: .max)
        sides.debit = Self.head(1, posted: 1000, limits: limits)
        sides.debit.paymentsThisHour.count = .max
        sides.debit.paymentsThisHour.period = Int32(Self.noon.hour)
        #expect(throws: LedgerRefusal.self) {
            try Rules.post(Self.leg(1), sides, at: Self.noon)
        }
    }

    /// To the microsecond, and an hour of one day is not the same hour of another.
    @Test func anHourBeginsAgainOnTheHour() throws {
        let limits = AccountLimits(paymentsPerHour: 1)
        var sides = Sides(debit: Self.head(1, posted: 1000, limits: limits), credit: Self.head(2))
        let last = Timestamp(microseconds: Self.noon.microseconds - 1)
        sides = try Rules.post(Self.leg(1), sides, at: last)
        let refusal = #expect(throws: LedgerRefusal.self) {
            try Rules.post(Self.leg(1), sides, at: last)
        }
        #expect(
            refusal?.facts == [
                Fact("limit", "payments_per_hour"), Fact("limit_count", 1), Fact("remaining", 0),
                Fact("resets_at", "\(Self.noon)"),
            ])
        sides = try Rules.post(Self.leg(1), sides, at: Self.noon)
        #expect(throws: LedgerRefusal.self) { try Rules.post(Self.leg(1), sides, at: Self.noon) }
        sides = try Rules.post(Self.leg(1), sides, at: Self.noon.adding(seconds: 86_400))
        #expect(sides.debit.posted == 997)
    }

    /// What a person is told when asking is what a refusal tells.
    @Test func whatIsLeftIsToldAlikeEverywhere() throws {
        let limits = AccountLimits(
            perTransfer: 90, perDay: 100, perMonth: 1000, paymentsPerHour: 5, paymentsPerDay: 9,
            ceiling: 5000)
        var sides = Sides(debit: Self.head(1, posted: 1000, limits: limits), credit: Self.head(2))
        sides = try Rules.post(Self.leg(60), sides, at: Self.noon)
        let uses = LimitUse.Kind.allCases.compactMap { sides.debit.use(of: $0, at: Self.noon) }
        #expect(uses.map(\.remaining) == [90, 4, 8, 40, 940, 4060])
        #expect(uses.map(\.used) == [0, 1, 1, 60, 60, 940])
        let refusal = #expect(throws: LedgerRefusal.self) {
            try Rules.post(Self.leg(41), sides, at: Self.noon)
        }
        #expect(refusal?.facts == uses.first { $0.kind == .perDay }?.facts)
        let tomorrow = Self.noon.adding(seconds: 86_400)
        let then = LimitUse.Kind.allCases.compactMap { sides.debit.use(of: $0, at: tomorrow) }
        // The 29th of February is the month's last day.
        #expect(then.map(\.remaining) == [90, 5, 9, 100, 1000, 4060])
    }

    @Test func nothingRemainsOfALimitThatWasLowered() throws {
        var sides = Sides(
            debit: Self.head(1, posted: 1000, limits: AccountLimits(perDay: 100)),
            credit: Self.head(2))
        sides.debit.spentToday = Head.Spent(period: Self.noon.day, amount: 150)
        let refusal = #expect(throws: LedgerRefusal.self) {
            try Rules.post(Self.leg(1), sides, at: Self.noon)
        }
        #expect(refusal?.facts.contains(Fact("remaining", 0)) == true)
    }

    // MARK: The writer's cache

    @Test func theCacheForgetsWhatIsOldAndNeverAnswersWithIt() {
        var cache = Generations<Int, Int>(capacity: 20)
        for key in 0..<10 { cache.insert(1, for: key) }
        cache.insert(2, for: 0)
        #expect(cache.value(for: 0) == 2)
        for key in 100..<109 { cache.insert(1, for: key) }
        cache.insert(3, for: 0)
        #expect(cache.value(for: 0) == 3)
        for key in 200..<240 { cache.insert(1, for: key) }
        #expect(cache.value(for: 0) == nil)
        #expect(cache.value(for: 239) == 1)
        // Whatever half a key is in by now.
        cache.removeAll()
        for key in 0..<240 { #expect(cache.value(for: key) == nil) }
    }
}
