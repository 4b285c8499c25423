import HTTP
import Simulators
import TestSupport
import Testing

/// Cards through Stripe over real sockets: the program, the simulator's page, signed webhooks.
@Suite("Money in and out by card")
struct CardTests {
    static let amount: Int64 = 2_500
    static let crossing: JSON = ["rail": "card", "amount": 2_500, "currency": "USD"]

    @Test func aTopUpIsPaidOnTheProvidersPage() async throws {
        let (vendors, person) = try await RailTests.place()
        let (topUp, page) = try await Self.begin(person)
        #expect(try await page.send(.get).contains("Pay with a card that is declined"))
        // A card that is declined leaves the page open.
        #expect(try await page.send(.post, "answer=decline").contains("declined"))
        #expect(try await person.get("/v1/payments/\(topUp.id)")["status"]?.string == "calling")
        #expect(try await page.send(.post, "answer=pay").contains("/?payment=\(topUp.id)"))
        let paid = try await person.payment(topUp.id, when: ["settled"])
        #expect(try await person.available("USD") == Self.amount)
        let entry = try #require(vendors.stripe.books.first)
        #expect(entry.order == topUp.id && entry.receipt == paid["receipt"]?.string)
    }

    /// The simulator draws which of the two happens to a payment.
    @Test func whatIsRefundedOrDisputedLeavesTheWallet() async throws {
        let (vendors, person) = try await RailTests.place()
        vendors.world.plan = FaultPlan(seed: 5, rules: [FaultPlan.Rule(.paidThenFailed)])
        var seen: Set<String> = []
        while seen.count < 2 {
            let (topUp, page) = try await Self.begin(person)
            _ = try await page.send(.post, "answer=pay")
            // Where it was taken back before anybody asked, it was never settled.
            let end = try await person.payment(
                topUp.id, when: ["reversed", "charged_back", "failed"])
            guard end["status"]?.string != "failed" else { continue }
            let timeline = end["timeline"]?.array?.compactMap { $0["status"]?.string }
            #expect(timeline?.contains("settled") == true)
            seen.insert(end["status"]?.string ?? "")
            #expect(try await person.available("USD") == 0)
        }
        #expect(vendors.stripe.books.allSatisfy(\.isReversed))
    }

    @Test func aPayoutGoesToTheAccountThatStaffHaveEntered() async throws {
        let vendors = try Vendors()
        let office = try await Office(vendors.settings)
        let person = try await Person.signUp(office.api)
        try await person.topUp(100_000, "USD")
        try await person.refused(
            409, "rail_contact_missing", .post, "/v1/payouts", Self.crossing)
        let finance = try await office.hire("finance")
        let entry = "/v1/staff/people/\(person.id)/destinations/stripe"
        let body: JSON = ["account": "acct_77", "reason": "Seen at Stripe."]
        #expect(try await finance.reply(.put, entry, body).status == 200)
        // One account is one person's.
        try await finance.refused(
            409, "rail_destination_taken", .put,
            "/v1/staff/people/\(finance.id)/destinations/stripe", body)
        let payout = try await person.post("/v1/payouts", Self.crossing)
        _ = try await person.payment(payout.id, when: ["settled"])
        let booked = try #require(vendors.stripe.books.first)
        #expect(booked.party == "acct_77" && booked.amount == Self.amount)
        #expect(try await person.available("USD") == 100_000 - Self.amount)
        #expect(try await office.acts("rail_destination_entered").count == 1)
    }

    @Test func financeHasATopUpGivenBack() async throws {
        let vendors = try Vendors()
        let office = try await Office(vendors.settings)
        let (person, finance) = (
            try await Person.signUp(office.api), try await office.hire("finance")
        )
        let (topUp, page) = try await Self.begin(person)
        let refunds = "/v1/staff/payments/\(topUp.id)/refunds"
        let reason: JSON = ["reason": "Paid twice."]
        try await finance.refused(409, "payment_not_refundable", .post, refunds, reason)
        _ = try await page.send(.post, "answer=pay")
        _ = try await person.payment(topUp.id, when: ["settled"])
        let told = try await finance.post(refunds, reason)
        #expect(
            told["timeline"]?.array?.contains { $0["event"]?.string == "refund_ordered" } == true)
        _ = try await person.payment(topUp.id, when: ["reversed"])
        #expect(try await person.available("USD") == 0)
        #expect(vendors.stripe.books.map(\.isReversed) == [true])
        try await finance.refused(409, "payment_not_refundable", .post, refunds, reason)
        #expect(try await office.acts("rail_refund_ordered").count == 1)
    }

    private static func begin(_ person: Person) async throws -> (JSON, Page) {
        let topUp = try await person.post("/v1/topups", crossing)
        #expect(topUp[at: "next_action", "type"]?.string == "redirect")
        return (topUp, Page(url: try #require(topUp[at: "next_action", "url"]?.string)))
    }

    /// The page as a person's browser has it.
    private struct Page {
        let url: String

        func send(_ method: HTTP.Method, _ form: String = "") async throws -> String {
            let client = HTTPClient()
            defer { client.close() }
            let response = try await client.send(
                OutboundRequest(
                    method, url,
                    headers: [("Content-Type", "application/x-www-form-urlencoded")],
                    body: Array(form.utf8)))
            #expect(response.status == 200)
            return String(decoding: response.body, as: UTF8.self)
        }
    }
}
