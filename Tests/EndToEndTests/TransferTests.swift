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

    @Test func aRefusedCommandKeepsNoKey() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 100), try await Person.signUp(api)
        )
        let (key, body) = (Api.newKey(), JSON.send(300, to: friend.username))
        try await payer.refused(409, "insufficient_funds", .post, path, body, key: key)
        try await payer.topUp(200)
        let reply = try await payer.reply(.post, path, body, key: key)
        #expect(reply.status == 201)
        #expect(!reply.isReplay)
        #expect(try await payer.available() == 0)
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
