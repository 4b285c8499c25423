import HTTP
import Ledger
import Payments
import Rails
import Simulators
import Testing
import Values

/// What every adapter must do, whatever its provider: run against each pair of adapter and
/// simulator, in virtual time.
@Suite("Conformance of providers")
struct ConformanceTests {
    static let amount: Int64 = 50_000

    @Test(arguments: ProviderPair.all)
    func moneyComesInOnceWhenItWasPaid(pair: ProviderPair) async throws {
        try await RailsWorld.run(pair) { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(Self.amount, by: payer)
            #expect(topUp.state == .calling && topUp.nextAction != .nothing)
            #expect(try await world.balance(of: payer).posted == 0)
            try world.approve(topUp)
            try await world.pass(seconds: 60)
            #expect(try await world.now(topUp, of: payer).state == .settled)
            #expect(try await world.balance(of: payer).posted == Self.amount)
            try await world.expectAgreement()
        }
    }

    @Test(arguments: ProviderPair.all)
    func moneyGoesOutOnce(pair: ProviderPair) async throws {
        try await RailsWorld.run(
            pair, fee: FeeSchedule(fixed: 500, basisPoints: 0, min: 0, max: 500)
        ) { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(Self.amount, by: payer)
            #expect(payout.state == .held)
            #expect(try await world.balance(of: payer).held == Self.amount + 500)
            try await world.pass(seconds: 300)
            #expect(try await world.now(payout, of: payer).state == .settled)
            let balance = try await world.balance(of: payer)
            #expect(balance.posted == 100_000 - Self.amount - 500 && balance.held == 0)
            try await world.expectAgreement()
        }
    }

    /// Each fault alone, on the call itself: whatever the provider did, the ledger says the same.
    @Test(arguments: ProviderPair.all, Fault.allCases)
    func aPayoutEndsAsTheProvidersBooksSay(pair: ProviderPair, fault: Fault) async throws {
        let plan = FaultPlan(
            seed: 1, rules: [FaultPlan.Rule(fault, operation: pair.payoutOperation, call: 1)])
        try await RailsWorld.run(pair, plan: plan) { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(Self.amount, by: payer)
            try await world.pass()
            try await world.decideWhatIsInReview()
            let state = try await world.now(payout, of: payer).state
            #expect([.settled, .failed, .reversed].contains(state), "\(world.conversation)")
            #expect(try await world.balance(of: payer).held == 0)
            try await world.expectAgreement()
        }
    }

    @Test(arguments: ProviderPair.all, Fault.allCases)
    func aTopUpEndsAsTheProvidersBooksSay(pair: ProviderPair, fault: Fault) async throws {
        let plan = FaultPlan(
            seed: 1, rules: [FaultPlan.Rule(fault, operation: pair.topUpOperation, call: 1)])
        try await RailsWorld.run(pair, plan: plan) { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(Self.amount, by: payer)
            if world.vendor.prompts.count == 1 { try world.approve(topUp) }
            try await world.pass()
            try await world.decideWhatIsInReview()
            let state = try await world.now(topUp, of: payer).state
            #expect(
                [.settled, .failed, .reversed, .chargedBack].contains(state),
                "\(world.conversation)")
            try await world.expectAgreement()
        }
    }

    /// Killed before the call, or after the provider acted and before anybody here knew.
    @Test(arguments: ProviderPair.all, [SimulatedLine.Cut.beforeSending, .afterActing])
    func aPayoutThatWasCutOffIsAskedAbout(
        pair: ProviderPair, cut: SimulatedLine.Cut
    ) async throws {
        try await RailsWorld.run(pair) { world in
            let payer = try await world.person(money: 100_000)
            world.line.cut(pair.payoutPath, cut)
            let payout = try await world.payOut(Self.amount, by: payer)
            try await world.settle()
            #expect(try await world.now(payout, of: payer).state == .calling)
            try await world.pass()
            let state = try await world.now(payout, of: payer).state
            let isPaid = cut == .afterActing || pair.asksBySending
            #expect(state == (isPaid ? .settled : .failed), "\(world.conversation)")
            #expect(world.vendor.books.count == (isPaid ? 1 : 0))
            try await world.expectAgreement()
        }
    }

    @Test(arguments: ProviderPair.all)
    func theSameKeyAsksOnce(pair: ProviderPair) async throws {
        try await RailsWorld.run(pair) { world in
            let payer = try await world.person(money: 100_000)
            let key = RailsWorld.newKey()
            let command = RailCommand(rail: pair.rail, amount: Self.amount, currency: "KES")
            for (number, kind) in [RailKind.payout, .topUp].enumerated() {
                let first =
                    kind == .payout
                    ? try await world.rails.payOut(command, key: key, by: payer)
                    : try await world.rails.topUp(command, key: key, by: payer)
                let again =
                    kind == .payout
                    ? try await world.rails.payOut(command, key: key, by: payer)
                    : try await world.rails.topUp(command, key: key, by: payer)
                #expect(!first.isReplay && again.isReplay && again.payment.id == first.payment.id)
                let other = RailCommand(rail: pair.rail, amount: 60_000, currency: "KES")
                await #expect(throws: LedgerRefusal.self, "\(number)") {
                    _ =
                        kind == .payout
                        ? try await world.rails.payOut(other, key: key, by: payer)
                        : try await world.rails.topUp(other, key: key, by: payer)
                }
            }
        }
    }

    @Test(arguments: ProviderPair.all)
    func secretsAreKeptNowhere(pair: ProviderPair) async throws {
        try await RailsWorld.run(pair) { world in
            let payer = try await world.person(money: 100_000)
            let payments = [
                try await world.payOut(Self.amount, by: payer),
                try await world.topUp(Self.amount, by: payer),
            ]
            try await world.pass(seconds: 300)
            var said = ""
            for payment in payments {
                let whole = try await world.rails.whole(payment.id)
                #expect(!whole.exchanges.isEmpty)
                said += whole.exchanges.map { $0.request + $0.answer }.joined()
            }
            for secret in ["hidden-", "Bearer", "Basic"] { #expect(!said.contains(secret)) }
            #expect(said.contains("•••"))
        }
    }

    /// Callbacks that nobody verified change nothing.
    @Test(arguments: ProviderPair.all)
    func strangersCallbacksAreRefused(pair: ProviderPair) async throws {
        try await RailsWorld.run(pair) { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(Self.amount, by: payer)
            for token in [nil, "", "AAAA", String(repeating: "A", count: 44)] {
                await #expect(throws: (any Error).self) {
                    try await world.rails.receive(
                        from: world.provider, token: token, body: Array("{}".utf8), json: [:]
                    ) { _ in nil }
                }
            }
            #expect(try await world.now(topUp, of: payer).version == topUp.version)
        }
    }
}
