import HTTP
import Testing

@Suite("Transfers", .timeLimit(.minutes(1)))
struct TransferTests {
    private let path = "/v1/transfers"

    @Test func aTransferSaysWhatHappened() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.post(path, .send(300, to: friend.username, note: "Lunch ☕"))
        #expect(done["status"]?.string == "posted")
        #expect(done["kind"]?.string == "transfer")
        #expect(done["purpose"]?.string == "send")
        #expect(done["amount"]?.integer == 300)
        #expect(done["currency"]?.string == "KES")
        #expect(done["fee"]?.integer == 0)
        #expect(done["from"]?.string == payer.username)
        #expect(done["to"]?.string == friend.username)
        #expect(done["note"]?.string == "Lunch ☕")
        #expect(done["created_at"]?.string?.hasSuffix("Z") == true)
        #expect(done["balance"] == ["posted": 700, "held": 0, "available": 700])

        for side in [payer, friend] {
            let shown = try await side.get("\(path)/\(done.id)")
            #expect(shown == done.replacing("balance", nil))
        }
        #expect(try await payer.available() == 700)
        #expect(try await friend.available() == 300)
    }

    @Test func anyNameFindsTheRecipient() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        for name in [
            friend.username, friend.username.uppercased(), friend.phone, friend.email,
            friend.email.uppercased(),
        ] {
            let done = try await payer.post(path, .send(10, to: name))
            #expect(done["to"]?.string == friend.username)
        }
        #expect(try await friend.available() == 50)
    }

    @Test func aRepeatedCommandHasOneEffect() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let (key, body) = (Api.newKey(), JSON.send(300, to: friend.username, note: "once"))
        let first = try await payer.reply(.post, path, body, key: key)
        try #require(first.status == 201)
        #expect(!first.isReplay)
        // What happens meanwhile does not change the answer.
        try await payer.send(5, to: friend)
        for _ in 0..<3 {
            let again = try await payer.reply(.post, path, body, key: key)
            #expect(again.status == 201)
            #expect(again.isReplay)
            #expect(again.json == first.json)
        }
        #expect(try await friend.available() == 305)
    }

    @Test func concurrentTwinsHaveOneEffect() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let (key, body) = (Api.newKey(), JSON.send(300, to: friend.username))
        let replies = try await together(16) { _ in
            try await payer.reply(.post, "/v1/transfers", body, key: key)
        }
        #expect(replies.allSatisfy { $0.status == 201 && $0.json == replies[0].json })
        #expect(replies.count { !$0.isReplay } == 1)
        #expect(try await payer.available() == 700)
    }

    @Test func aKeyBelongsToOnePerson() async throws {
        let api = try await World.api
        let (one, two) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api, money: 1000)
        )
        let key = Api.newKey()
        _ = try await one.post(path, .send(1, to: two.username), key: key)
        let other = try await two.reply(.post, path, .send(2, to: one.username), key: key)
        #expect(other.status == 201)
        #expect(!other.isReplay)
    }

    @Test(arguments: ["to", "amount", "currency", "note", "no note"])
    func anotherCommandUnderTheSameKeyIsRefused(_ difference: String) async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        try await payer.topUp(1000, "USD")
        let (friend, other) = (try await Person.signUp(api), try await Person.signUp(api))
        let (key, body) = (Api.newKey(), JSON.send(300, to: friend.username, note: "first"))
        _ = try await payer.post(path, body, key: key)
        let changed: [String: JSON] = [
            "to": body.replacing("to", .string(other.username)),
            "amount": body.replacing("amount", 301),
            "currency": body.replacing("currency", "USD"),
            "note": body.replacing("note", "second"),
            "no note": body.replacing("note", nil),
        ]
        let problem = try await payer.refused(
            422, "idempotency_mismatch", .post, path, changed[difference], key: key)
        #expect(
            problem["first_difference"]?.string == (difference == "no note" ? "note" : difference))
        #expect(try await payer.available() == 700)
    }

    @Test func aKeyOfAnotherKindOfCommandIsRefused() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let key = Api.newKey()
        _ = try await payer.post(path, .send(300, to: friend.username), key: key)
        let problem = try await payer.refused(
            422, "idempotency_mismatch", .post, "/v1/holds",
            .send(300, to: friend.username, expiresIn: 60), key: key)
        #expect(problem["first_difference"]?.string == "operation")
    }

    @Test func aKeyIsRequired() async throws {
        let payer = try await Person.signUp(World.api, money: 100)
        let id = "01890000-0000-7000-8000-000000000000"
        for path in [
            "/v1/transfers", "/v1/transfers/\(id)/reversals", "/v1/holds",
            "/v1/holds/\(id)/captures", "/v1/holds/\(id)/voids", "/v1/requests/\(id)/acceptances",
        ] {
            try await payer.refused(
                400, "idempotency_key_required", .post, path, .send(1, to: "x"), key: nil)
        }
        for key in [String(repeating: "k", count: 256), "two words"] {
            try await payer.refused(
                400, "invalid_request", .post, path, .send(1, to: "x"), key: key)
        }
        _ = try await payer.refused(
            404, "recipient_not_found", .post, path, .send(1, to: "x-nobody"),
            key: String(repeating: "k", count: 255))
    }

    @Test func refusalsOfATransfer() async throws {
        let payer = try await Person.signUp(World.api, money: 1000)
        let friend = try await Person.signUp(World.api)
        let short = try await payer.refused(
            409, "insufficient_funds", .post, path, .send(1001, to: friend.username))
        #expect(short["available"]?.integer == 1000)
        for name in ["nobody-at-all", "+19995550100", "nobody@example.com", "what is this?"] {
            try await payer.refused(404, "recipient_not_found", .post, path, .send(1, to: name))
        }
        for name in [payer.username, payer.phone, payer.email] {
            try await payer.refused(422, "accounts_must_differ", .post, path, .send(1, to: name))
        }
        for amount in [0, -1, .min] as [Int64] {
            try await payer.refused(
                422, "amount_must_be_positive", .post, path, .send(amount, to: friend.username))
        }
        let foreign = try await payer.refused(
            422, "currency_not_supported", .post, path,
            .send(1, to: friend.username, currency: "JPY"))
        #expect(
            foreign["supported"]?.array?.compactMap(\.string)
                == ["KES", "USD", "EUR", "NGN", "UGX", "TZS"])
        #expect(try await payer.available() == 1000)
    }

    @Test func aBodyOutOfShapeIsRefused() async throws {
        let payer = try await Person.signUp(World.api, money: 1000)
        let body = JSON.send(1, to: "someone")
        for (changed, field) in [
            (body.replacing("amount", .decimal("1.5")), "/amount"),
            (body.replacing("amount", .decimal("9223372036854775808")), "/amount"),
            (body.replacing("amount", "1"), "/amount"),
            (body.replacing("currency", "kes"), "/currency"),
            (body.replacing("to", nil), "/to"),
            (body.replacing("fee", 0), "/fee"),
        ] {
            let problem = try await payer.refused(
                400, "invalid_request", .post, path, changed)
            #expect(problem["field"]?.string == field, "\(problem.text)")
        }
        let long = String(repeating: "x", count: 281)
        let reply = try await payer.reply(.post, path, body.replacing("note", .string(long)))
        #expect((400...422).contains(reply.status))
        try await payer.refused(
            404, "recipient_not_found", .post, path,
            .send(1, to: "nobody", note: String(repeating: "é", count: 280)))
    }

    @Test func moneyCannotBeSpentTwice() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let replies = try await together(20) { _ in
            try await payer.reply(.post, "/v1/transfers", .send(300, to: friend.username))
        }
        #expect(replies.count { $0.status == 201 } == 3)
        #expect(replies.count { $0.code == "insufficient_funds" } == 17)
        #expect(try await payer.available() == 100)
        #expect(try await friend.available() == 900)
    }

    @Test func aStrangersTransferIsNotThere() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        let (friend, stranger) = (try await Person.signUp(api), try await Person.signUp(api))
        let done = try await payer.send(300, to: friend)
        try await stranger.refused(404, "transfer_not_found", .get, "\(path)/\(done.id)")
        try await payer.refused(
            404, "transfer_not_found", .get, "\(path)/01890000-0000-7000-8000-000000000000")
        try await payer.refused(404, "not_found", .get, "\(path)/not-an-id")
    }
}

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

@Suite("Reversals", .timeLimit(.minutes(1)))
struct ReversalTests {
    private func path(_ transfer: JSON) -> String { "/v1/transfers/\(transfer.id)/reversals" }

    @Test func whoReceivedSendsItBackOnce() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.send(300, to: friend)
        let key = Api.newKey()
        let back = try await friend.post(path(done), key: key)
        #expect(back["kind"]?.string == "reversal")
        #expect(back["amount"]?.integer == 300)
        #expect(back[at: "balance", "available"]?.integer == 0)
        #expect(try await payer.available() == 1000)
        #expect(try await payer.get("/v1/transfers/\(done.id)")["status"]?.string == "reversed")

        #expect(try await friend.reply(.post, path(done), key: key).isReplay)
        try await friend.refused(409, "transfer_already_reversed", .post, path(done))
        try await payer.refused(409, "transfer_not_reversible", .post, path(back))
        #expect(try await payer.available() == 1000)
    }

    @Test func nobodyElseMay() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        let (friend, stranger) = (try await Person.signUp(api), try await Person.signUp(api))
        let done = try await payer.send(300, to: friend)
        try await payer.refused(403, "forbidden", .post, path(done))
        try await stranger.refused(404, "transfer_not_found", .post, path(done))
        try await friend.refused(
            404, "transfer_not_found", .post,
            "/v1/transfers/01890000-0000-7000-8000-000000000000/reversals")
        #expect(try await friend.available() == 300)
    }

    @Test func whatIsSpentCannotBeSentBack() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        let (friend, other) = (try await Person.signUp(api), try await Person.signUp(api))
        let done = try await payer.send(300, to: friend)
        try await friend.send(100, to: other)
        let problem = try await friend.refused(409, "insufficient_funds", .post, path(done))
        #expect(problem["available"]?.integer == 200)
    }

    @Test func ofConcurrentReversalsOneSucceeds() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api, money: 1000)
        )
        let path = path(try await payer.send(300, to: friend))
        let replies = try await together(8) { _ in try await friend.reply(.post, path) }
        #expect(replies.count { $0.status == 201 } == 1)
        #expect(replies.count { $0.code == "transfer_already_reversed" } == 7)
        #expect(try await payer.available() == 1000)
    }
}
