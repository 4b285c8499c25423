import HTTP
import Testing

@Suite("Holds", .timeLimit(.minutes(1)))
struct HoldTests {
    /// Someone with 1000, of whom a shop holds 300.
    private func hold() async throws -> (Person, Person, JSON) {
        let api = try await World.api
        let (payer, shop) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let body = JSON.send(300, to: shop.username, note: "room 7", expiresIn: 3600)
        return (payer, shop, try await payer.post("/v1/holds", body))
    }

    private func path(_ hold: JSON, _ verb: String) -> String { "/v1/holds/\(hold.id)/\(verb)" }

    @Test func heldMoneyIsNotAvailable() async throws {
        let (payer, shop, hold) = try await hold()
        #expect(hold["status"]?.string == "held")
        #expect(hold["kind"]?.string == "hold")
        #expect(hold["note"]?.string == "room 7")
        #expect(hold["expires_at"]?.string?.isEmpty == false)
        #expect(hold["balance"] == ["posted": 1000, "held": 300, "available": 700])
        #expect(try await shop.available() == 0)
        let problem = try await payer.refused(
            409, "insufficient_funds", .post, "/v1/transfers", .send(701, to: shop.username))
        #expect(problem["available"]?.integer == 700)
        #expect(try await shop.get("/v1/transfers/\(hold.id)")["status"]?.string == "held")
        for side in [payer, shop] {
            #expect(try await side.get("/v1/holds/\(hold.id)") == hold.replacing("balance", nil))
        }
    }

    @Test func aPartIsCapturedAndTheRestReturns() async throws {
        let (payer, shop, hold) = try await hold()
        let key = Api.newKey()
        let tooMuch = try await shop.refused(
            422, "amount_exceeds_hold", .post, path(hold, "captures"), ["amount": 301])
        #expect(tooMuch["held"]?.integer == 300)
        for amount in [0, -1] as [Int64] {
            try await shop.refused(
                422, "amount_must_be_positive", .post, path(hold, "captures"),
                ["amount": .integer(amount)])
        }
        let captured = try await shop.post(path(hold, "captures"), ["amount": 250], key: key)
        #expect(captured["kind"]?.string == "capture")
        #expect(captured["amount"]?.integer == 250)
        #expect(captured[at: "balance", "available"]?.integer == 250)
        let wallet = try await payer.wallet()
        #expect(wallet["posted"]?.integer == 750)
        #expect(wallet["held"]?.integer == 0)
        #expect(try await payer.get("/v1/transfers/\(hold.id)")["status"]?.string == "captured")

        let again = try await shop.reply(.post, path(hold, "captures"), ["amount": 250], key: key)
        #expect(again.isReplay)
        #expect(again.json == captured)
        let problem = try await shop.refused(
            422, "idempotency_mismatch", .post, path(hold, "captures"), ["amount": 249], key: key)
        #expect(problem["first_difference"]?.string == "amount")
        for verb in ["captures", "voids"] {
            try await shop.refused(409, "hold_already_ended", .post, path(hold, verb))
        }
    }

    @Test func allIsCapturedWithoutAnAmount() async throws {
        let (payer, shop, hold) = try await hold()
        let captured = try await payer.post(path(hold, "captures"))
        #expect(captured["amount"]?.integer == 300)
        #expect(try await payer.available() == 700)
        #expect(try await shop.available() == 300)
    }

    @Test func voidingLetsGo() async throws {
        let (payer, shop, hold) = try await hold()
        try await payer.refused(403, "forbidden", .post, path(hold, "voids"))
        let voided = try await shop.post(path(hold, "voids"))
        #expect(voided["kind"]?.string == "void")
        #expect(try await payer.available() == 1000)
        #expect(try await payer.get("/v1/transfers/\(hold.id)")["status"]?.string == "voided")
        try await shop.refused(409, "hold_already_ended", .post, path(hold, "captures"))
    }

    @Test func aStrangersHoldIsNotThere() async throws {
        let (payer, _, hold) = try await hold()
        let stranger = try await Person.signUp(World.api, money: 1000)
        let transfer = try await payer.send(1, to: stranger)
        for verb in ["captures", "voids"] {
            try await stranger.refused(404, "hold_not_found", .post, path(hold, verb))
            // A transfer is no hold.
            try await stranger.refused(404, "hold_not_found", .post, path(transfer, verb))
        }
        try await stranger.refused(404, "transfer_not_found", .get, "/v1/transfers/\(hold.id)")
        try await stranger.refused(404, "hold_not_found", .get, "/v1/holds/\(hold.id)")
        try await stranger.refused(404, "hold_not_found", .get, "/v1/holds/\(transfer.id)")
    }

    @Test func aHoldIsNotReversedAndACaptureMayBe() async throws {
        let (payer, shop, hold) = try await hold()
        try await shop.refused(
            409, "transfer_not_reversible", .post, "/v1/transfers/\(hold.id)/reversals")
        let captured = try await shop.post(path(hold, "captures"), ["amount": 100])
        _ = try await shop.post("/v1/transfers/\(captured.id)/reversals")
        #expect(try await payer.available() == 1000)
    }

    @Test func ofAllWhoEndItOneSucceeds() async throws {
        let (payer, shop, hold) = try await hold()
        let paths = ["captures", "voids"].map { path(hold, $0) }
        let replies = try await together(8) { try await shop.reply(.post, paths[$0 % 2]) }
        #expect(replies.count { $0.status == 201 } == 1)
        #expect(replies.count { $0.code == "hold_already_ended" } == 7)
        let captured = replies.contains { $0.status == 201 && $0.json["kind"] == "capture" }
        #expect(try await payer.available() == (captured ? 700 : 1000))
    }

    @Test func refusalsOfAHold() async throws {
        let (payer, shop, _) = try await hold()
        for seconds in [0, -1, 31 * 86_400 + 1] as [Int64] {
            try await payer.refused(
                422, "hold_time_out_of_range", .post, "/v1/holds",
                .send(1, to: shop.username, expiresIn: seconds))
        }
        let problem = try await payer.refused(
            409, "insufficient_funds", .post, "/v1/holds",
            .send(701, to: shop.username, expiresIn: 60))
        #expect(problem["available"]?.integer == 700)
        try await payer.refused(
            422, "accounts_must_differ", .post, "/v1/holds",
            .send(1, to: payer.username, expiresIn: 60))
    }

    @Test func aHoldIsRepeatedOnlyAsItWas() async throws {
        let (payer, shop, _) = try await hold()
        let (key, body) = (Api.newKey(), JSON.send(5, to: shop.username, expiresIn: 60))
        _ = try await payer.post("/v1/holds", body, key: key)
        #expect(try await payer.reply(.post, "/v1/holds", body, key: key).isReplay)
        for (field, value) in [("expires_in", 61), ("amount", 6)] as [(String, JSON)] {
            let problem = try await payer.refused(
                422, "idempotency_mismatch", .post, "/v1/holds", body.replacing(field, value),
                key: key)
            #expect(problem["first_difference"]?.string == field)
        }
    }
}
