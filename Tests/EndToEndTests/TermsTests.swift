import HTTP
import Testing

@Suite("Fees, limits and previews", .timeLimit(.minutes(1)))
struct TermsTests {
    private let path = "/v1/transfers"

    /// 10 fixed and half a percent, at least 20, at most 150.
    @Test(arguments: [(1, 20), (2100, 21), (2099, 20), (20_000, 110), (100_000, 150)])
    func thePreviewIsThePayment(_ amount: Int64, _ fee: Int64) async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 150_000), try await Person.signUp(api)
        )
        let body = JSON.send(amount, to: friend.phone)
        let quote = try await payer.post(path + "/preview", body, status: 200)
        #expect(quote["fee"]?.integer == fee)
        #expect(quote["total"]?.integer == amount + fee)
        #expect(quote["to"]?.string == friend.username)
        #expect(quote["available"]?.integer == 150_000)
        #expect(quote["sufficient"]?.bool == true)
        #expect(try await payer.available() == 150_000)

        let done = try await payer.post(path, body)
        #expect(done["fee"] == quote["fee"])
        #expect(done["amount"]?.integer == amount)
        #expect(try await payer.available() == 150_000 - amount - fee)
        #expect(try await friend.available() == amount)
        #expect(try await payer.get("\(path)/\(done.id)")["fee"]?.integer == fee)
    }

    @Test func aPreviewRefusesWhatThePaymentWould() async throws {
        let payer = try await Person.signUp(World.terms, money: 100)
        let friend = try await Person.signUp(World.terms)
        let preview = path + "/preview"
        for (body, status, code) in [
            (JSON.send(1, to: "nobody-at-all"), 404, "recipient_not_found"),
            (.send(1, to: payer.username), 422, "accounts_must_differ"),
            (.send(0, to: friend.username), 422, "amount_must_be_positive"),
            (.send(1, to: friend.username, currency: "JPY"), 422, "currency_not_supported"),
        ] {
            try await payer.refused(status, code, .post, preview, body)
            try await payer.refused(status, code, .post, path, body)
        }
        let quote = try await payer.post(preview, .send(81, to: friend.username), status: 200)
        #expect(quote["sufficient"]?.bool == false)
    }

    @Test func theFeeCountsAgainstTheBalance() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 100), try await Person.signUp(api)
        )
        let problem = try await payer.refused(
            409, "insufficient_funds", .post, path, .send(81, to: friend.username))
        #expect(problem["available"] != nil)
        #expect(try await payer.available() == 100)
        #expect(try await friend.available() == 0)
        try await payer.send(80, to: friend)
        #expect(try await payer.available() == 0)
    }

    @Test func aReplayIsComparedWithoutTheFee() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let (key, body) = (Api.newKey(), JSON.send(100, to: friend.username))
        let first = try await payer.post(path, body, key: key)
        let again = try await payer.reply(.post, path, body, key: key)
        #expect(again.isReplay)
        #expect(again.json == first)
    }

    @Test func aReversalGivesTheFeeBack() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.send(500, to: friend)
        #expect(try await payer.available() == 480)
        _ = try await friend.post("\(path)/\(done.id)/reversals")
        #expect(try await payer.available() == 1000)
        #expect(try await friend.available() == 0)
    }

    @Test func limitsSayWhatIsLeft() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 500_000), try await Person.signUp(api)
        )
        let over = try await payer.refused(
            409, "limit_exceeded", .post, path, .send(100_001, to: friend.username))
        #expect(over["limit"]?.string == "per_transfer")
        #expect(over["limit_amount"]?.integer == 100_000)
        #expect(over["resets_at"] == nil)
        try await payer.send(100_000, to: friend)
        try await payer.send(60_000, to: friend)
        let day = try await payer.refused(
            409, "limit_exceeded", .post, path, .send(40_001, to: friend.username))
        #expect(day["limit"]?.string == "per_day")
        #expect(day["limit_amount"]?.integer == 200_000)
        #expect(day["remaining"]?.integer == 40_000)
        #expect(day["resets_at"]?.string?.isEmpty == false)
        try await payer.send(40_000, to: friend)
    }

    @Test func limitsHoldUnderConcurrency() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 500_000), try await Person.signUp(api)
        )
        let replies = try await together(12) { _ in
            try await payer.reply(.post, "/v1/transfers", .send(30_000, to: friend.username))
        }
        #expect(replies.count { $0.status == 201 } == 6)
        #expect(replies.count { $0.code == "limit_exceeded" } == 6)
    }
}
