import HTTP
import Identity
import Ledger
import Payments
import Simulators
import Testing
import Values

@testable import Rails

/// What is M-Pesa's alone.
@Suite("M-Pesa")
struct DarajaTests {
    @Test(
        arguments: [
            (PromptAnswer.refuse, RailFailure.declinedByPayer), (.wrongPin, .wrongPin),
            (.noMoney, .insufficientFunds), (.ignore, .notAnswered),
        ])
    func whatHappensOnTheTelephoneIsTold(
        answer: PromptAnswer, failure: RailFailure
    ) async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(50_000, by: payer)
            let prompt = try #require(world.vendor.prompts.first)
            _ = world.vendor.answer(prompt.id, answer, in: world.simulated)
            try await world.pass()
            let ended = try await world.now(topUp, of: payer)
            #expect(ended.state == .failed && ended.failure == failure)
            #expect(try await world.balance(of: payer).posted == 0)
        }
    }

    @Test func whatIsApprovedTooLateIsCredited() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(50_000, by: payer)
            let prompt = try #require(world.vendor.prompts.first)
            _ = world.vendor.answer(prompt.id, .approveLate, in: world.simulated)
            try await world.pass(seconds: 120)
            #expect(try await world.now(topUp, of: payer).state == .failed)
            try await world.pass()
            let ended = try await world.now(topUp, of: payer)
            #expect(ended.state == .settled && ended.receipt == world.vendor.books.first?.receipt)
            #expect(try await world.balance(of: payer).posted == 50_000)
        }
    }

    /// A callback that says "paid" is a reason to ask, and no more.
    @Test func aCallbackAloneCreditsNothing() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(50_000, by: payer)
            let url = world.callbackAddress(of: topUp)
            let lie: JSON = [
                "Body": [
                    "stkCallback": [
                        "MerchantRequestID": "x", "CheckoutRequestID": "x", "ResultCode": 0,
                        "ResultDesc": "paid",
                        "CallbackMetadata": [
                            "Item": [["Name": "MpesaReceiptNumber", "Value": "FORGED"]]
                        ],
                    ]
                ]
            ]
            world.simulated.post(lie, to: url, after: 0, vendor: world.provider, "stk_callback")
            try await world.settle()
            #expect(try await world.now(topUp, of: payer).state != .settled)
            try await world.pass()
            #expect(try await world.now(topUp, of: payer).state == .failed)
            #expect(try await world.balance(of: payer).posted == 0)
        }
    }

    @Test func aDeliveryThatComesTwiceCountsAndDoesNothingMore() async throws {
        let plan = FaultPlan(rules: [FaultPlan.Rule(.duplicateCallback)])
        try await RailsWorld.run(plan: plan) { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(50_000, by: payer)
            try world.approve(topUp)
            try await world.pass()
            let whole = try await world.rails.whole(topUp.id)
            #expect(whole.callbacks.count == 1 && whole.callbacks[0].deliveries == 2)
            #expect(try await world.balance(of: payer).posted == 50_000)
        }
    }

    /// What is taken back from somebody who has spent it is owed, and no wallet goes below zero.
    @Test func aTopUpThatIsTakenBackLeavesADebt() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(50_000, by: payer)
            try world.approve(topUp)
            try await world.pass(seconds: 60)
            _ = try await world.payOut(30_000, by: payer)
            try await world.pass(seconds: 60)
            // STK query cannot say so, other providers do.
            let settled = try await world.now(topUp, of: payer)
            let service = try #require(
                world.makeProvider().services.first { $0.kind == .topUp })
            try await world.rails.apply(.reversed(nil), to: settled, service, said: [])
            let balance = try await world.balance(of: payer)
            #expect(balance.posted == 0 && balance.held == 0)
            #expect(try await world.now(topUp, of: payer).state == .reversed)
            #expect(try await world.float() == -30_000)
        }
    }

    @Test func nobodyKnowsForAWeekAndThenAPersonDecides() async throws {
        let plan = FaultPlan(
            rules: [
                FaultPlan.Rule(.silenceAfterActing, operation: "b2c"),
                FaultPlan.Rule(.dropCallback),
            ])
        try await RailsWorld.run(plan: plan) { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(50_000, by: payer)
            try await world.pass(seconds: AskingSchedule.secondsMax / 2)
            #expect(try await world.now(payout, of: payer).state == .unknown)
            #expect(try await world.balance(of: payer).held == 50_000)
            try await world.pass()
            #expect(try await world.now(payout, of: payer).state == .review)
            // Longer than any hold lasts.
            world.clock.advance(seconds: 27 * 86_400)
            try await world.settle()
            world.clock.advance(seconds: 6 * 86_400)
            while try await world.ledger.expireHolds() > 0 {}
            #expect(try await world.balance(of: payer).held == 50_000)
            try await world.decideWhatIsInReview()
            #expect(try await world.now(payout, of: payer).state == .settled)
            try await world.expectAgreement()
        }
    }

    /// While payments are stopped nothing is captured; what happened outside is booked afterwards.
    @Test func whatIsPaidWhilePaymentsAreStoppedIsBookedLater() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(50_000, by: payer)
            try world.setMoneyOut(isStopped: true)
            try await world.pass(seconds: 600)
            #expect(try await world.now(payout, of: payer).state.isOpen)
            #expect(world.vendor.books.count == 1)
            try world.setMoneyOut(isStopped: false)
            try await world.pass(seconds: 600)
            #expect(try await world.now(payout, of: payer).state == .settled)
            try await world.expectAgreement()
        }
    }

    @Test func whatNobodyWasAskedForCanBeCancelled() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(50_000, by: payer)
            let cancelled = try await world.rails.cancel(payout.id, by: payer.caller)
            #expect(cancelled.state == .failed && cancelled.failure == .cancelledByOwner)
            #expect(try await world.balance(of: payer).held == 0)
            try await world.pass()
            #expect(world.vendor.books.isEmpty)
            let topUp = try await world.topUp(50_000, by: payer)
            await #expect(throws: RailRefusal.self) {
                _ = try await world.rails.cancel(topUp.id, by: payer.caller)
            }
        }
    }

    @Test func aProviderThatIsDownIsNotAskedAndPayoutsWait() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person(money: 100_000)
            let payout = try await world.payOut(50_000, by: payer)
            world.line.set(isUp: false)
            await #expect(throws: RailRejection.railDown) {
                _ = try await world.topUp(50_000, by: payer)
            }
            try await world.pass(seconds: 120)
            #expect(try await world.now(payout, of: payer).state == .held)
            world.line.set(isUp: true)
            try await world.pass(seconds: 120)
            #expect(try await world.now(payout, of: payer).state == .settled)
        }
    }
}
