import HTTP
import Simulators
import TestSupport
import Testing
import Values

/// Money in and out over real sockets: the program, the simulators, and a person between them.
@Suite("Money in and out")
struct RailTests {
    @Test func aTopUpIsApprovedOnTheTelephone() async throws {
        let (vendors, person) = try await Self.place()
        let topUp = try await person.topUp(byRail: 50_000)
        #expect(topUp["status"]?.string == "calling")
        #expect(topUp[at: "next_action", "type"]?.string == "phone_prompt")
        try vendors.answer(person, .approve)
        let paid = try await person.payment(topUp.id, when: ["settled"])
        #expect(try await person.available() == 50_000)
        #expect(paid["receipt"]?.string == vendors.daraja.books.first?.receipt)
        let timeline = paid["timeline"]?.array?.compactMap { $0["status"]?.string }
        #expect(timeline?.first == "created" && timeline?.last == "settled")
    }

    @Test(
        "what somebody does with their telephone",
        arguments: [
            (PromptAnswer.refuse, "declined_by_payer"), (.wrongPin, "wrong_pin"),
            (.noMoney, "insufficient_funds_at_provider"),
        ])
    func unpaid(answer: PromptAnswer, failure: String) async throws {
        let (vendors, person) = try await Self.place()
        let topUp = try await person.topUp(byRail: 50_000)
        try vendors.answer(person, answer)
        let failed = try await person.payment(topUp.id, when: ["failed"])
        #expect(failed["failure"]?.string == failure)
        #expect(try await person.available() == 0 && vendors.daraja.books.isEmpty)
    }

    @Test func aPromptThatEndedAndWasApprovedAllTheSameIsCredited() async throws {
        let (vendors, person) = try await Self.place()
        let topUp = try await person.topUp(byRail: 50_000)
        try vendors.answer(person, .approveLate)
        vendors.world.clock.advance(seconds: 61)
        let failed = try await person.payment(topUp.id, when: ["failed"])
        #expect(failed["failure"]?.string == "not_answered")
        vendors.world.clock.advance(seconds: 120)
        _ = try await person.payment(topUp.id, when: ["settled"])
        #expect(try await person.available() == 50_000)
    }

    @Test func aPayoutIsHeldAndPaid() async throws {
        let (vendors, person) = try await Self.place(["FLORIN_PAYOUT_FEE": "fixed=700"])
        try await person.topUp(100_000)
        let payout = try await person.payOut(30_000)
        #expect(payout["fee"]?.integer == 700)
        #expect(try await person.wallet()["available"]?.integer == 69_300)
        vendors.world.clock.advance(seconds: 5)
        let paid = try await person.payment(payout.id, when: ["settled"])
        #expect(try await person.wallet()["posted"]?.integer == 69_300)
        let entry = try #require(vendors.daraja.books.first)
        #expect(entry.amount == 30_000 && entry.order == payout.id)
        #expect(paid["receipt"]?.string == entry.receipt)
        let history = try await person.get("/v1/wallets/\(person.wallet().id)/entries").rows
        #expect(history.contains { $0["purpose"]?.string == "payout" })
    }

    @Test func whatARailDoesNotMoveIsRefused() async throws {
        let (_, person) = try await Self.place()
        for (body, code) in [
            (["rail": "mpesa", "amount": 150, "currency": "KES"], "amount_not_payable"),
            (["rail": "mpesa", "amount": 1, "currency": "KES"], "amount_below_minimum"),
            (["rail": "mpesa", "amount": 99_000_000, "currency": "KES"], "amount_above_maximum"),
            (["rail": "mpesa", "amount": 1_000, "currency": "USD"], "rail_not_available"),
            (["rail": "card", "amount": 1_000, "currency": "KES"], "rail_not_available"),
        ] as [(JSON, String)] {
            try await person.refused(422, code, .post, "/v1/topups", body)
        }
        try await person.refused(
            409, "insufficient_funds", .post, "/v1/payouts",
            ["rail": "mpesa", "amount": 1_000, "currency": "KES"])
    }

    /// The hold of a payout is not its owner's to end.
    @Test func aPayoutsHoldIsEndedByTheProviderAlone() async throws {
        let (vendors, person) = try await Self.place()
        vendors.world.plan = FaultPlan(rules: [FaultPlan.Rule(.silenceBeforeActing)])
        try await person.topUp(100_000)
        _ = try await person.payOut(30_000)
        let entries = try await person.get("/v1/wallets/\(person.wallet().id)/entries").rows
        let hold = try #require(entries.first { $0["kind"]?.string == "hold" })
        for path in ["captures", "voids"] {
            try await person.refused(
                404, "hold_not_found", .post, "/v1/holds/\(hold.id)/\(path)", [:])
        }
        try await person.refused(404, "hold_not_found", .get, "/v1/holds/\(hold.id)")
    }

    static func place(
        _ more: [String: String] = [:]
    ) async throws -> (vendors: Vendors, person: Person) {
        let vendors = try Vendors()
        let server = try await World.own(vendors.settings.merging(more) { _, new in new })
        return (vendors, try await Person.signUp(server.api))
    }
}
