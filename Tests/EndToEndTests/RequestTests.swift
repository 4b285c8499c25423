import HTTP
import Testing

@Suite("Requests", .timeLimit(.minutes(1)))
struct RequestTests {
    private let path = "/v1/requests"

    /// Someone who asks for 200, someone who has 1000 and is asked, and the request.
    private func ask(note: String? = nil) async throws -> (Person, Person, JSON) {
        let api = try await World.api
        let (asker, payer) = (
            try await Person.signUp(api), try await Person.signUp(api, money: 1000)
        )
        return (asker, payer, try await asker.post(path, body(from: payer, note: note)))
    }

    private func body(from payer: Person, amount: Int64 = 200, note: String? = nil) -> JSON {
        JSON.send(amount, to: "", note: note).replacing("to", nil)
            .replacing("from", .string(payer.username))
    }

    private func status(_ request: JSON, seenBy person: Person) async throws -> String? {
        try await person.get("\(path)/\(request.id)")["status"]?.string
    }

    @Test func bothSidesSeeIt() async throws {
        let (asker, payer, request) = try await ask(note: "Cinema")
        #expect(request["status"]?.string == "pending")
        #expect(request["direction"]?.string == "asked")
        #expect(request["from"]?.string == payer.username)
        #expect(request["to"]?.string == asker.username)
        #expect(request["amount"]?.integer == 200)
        #expect(request["note"]?.string == "Cinema")
        let owed = request.replacing("direction", "owed")
        #expect(try await payer.get("\(path)/\(request.id)") == owed)
        #expect(try await asker.get(path).rows == [request])
        #expect(try await payer.get(path).rows == [owed])
    }

    @Test func acceptingPays() async throws {
        let (asker, payer, request) = try await ask(note: "Cinema")
        let (key, acceptances) = (Api.newKey(), "\(path)/\(request.id)/acceptances")
        let done = try await payer.post(acceptances, key: key)
        #expect(done[at: "request", "status"]?.string == "accepted")
        #expect(done[at: "transfer", "amount"]?.integer == 200)
        #expect(done[at: "transfer", "purpose"]?.string == "request")
        #expect(done[at: "transfer", "note"]?.string == "Cinema")
        #expect(done[at: "transfer", "balance", "available"]?.integer == 800)
        #expect(try await asker.available() == 200)
        #expect(try await status(request, seenBy: asker) == "accepted")

        let again = try await payer.reply(.post, acceptances, key: key)
        #expect(again.status == 201)
        #expect(again.isReplay)
        #expect(again.json == done)
        try await payer.refused(409, "request_already_decided", .post, acceptances)
        try await payer.refused(
            409, "request_already_decided", .post, "\(path)/\(request.id)/declines")
        try await asker.refused(
            409, "request_already_decided", .post, "\(path)/\(request.id)/cancellations")
        #expect(try await payer.available() == 800)
    }

    @Test func decliningAndCancellingMoveNothing() async throws {
        for (verb, outcome) in [("declines", "declined"), ("cancellations", "cancelled")] {
            let (asker, payer, request) = try await ask()
            let (decider, other) = verb == "declines" ? (payer, asker) : (asker, payer)
            try await other.refused(403, "forbidden", .post, "\(path)/\(request.id)/\(verb)")
            let decided = try await decider.post("\(path)/\(request.id)/\(verb)")
            #expect(decided["status"]?.string == outcome)
            #expect(try await status(request, seenBy: other) == outcome)
            for (person, late) in [
                (payer, "acceptances"), (payer, "declines"), (asker, "cancellations"),
            ] {
                try await person.refused(
                    409, "request_already_decided", .post, "\(path)/\(request.id)/\(late)")
            }
            #expect(try await payer.available() == 1000)
        }
    }

    @Test func onlyThePayerAccepts() async throws {
        let (asker, payer, request) = try await ask()
        let stranger = try await Person.signUp(World.api, money: 1000)
        try await asker.refused(403, "forbidden", .post, "\(path)/\(request.id)/acceptances")
        for verb in ["acceptances", "declines", "cancellations"] {
            try await stranger.refused(
                404, "request_not_found", .post, "\(path)/\(request.id)/\(verb)")
        }
        try await stranger.refused(404, "request_not_found", .get, "\(path)/\(request.id)")
        #expect(try await stranger.get(path).rows.isEmpty)
        try await payer.refused(
            404, "request_not_found", .get, "\(path)/01890000-0000-7000-8000-000000000000")
    }

    @Test func aRequestBeyondOnesMeansWaits() async throws {
        let (asker, payer, request) = try await ask()
        try await payer.send(900, to: asker)
        let problem = try await payer.refused(
            409, "insufficient_funds", .post, "\(path)/\(request.id)/acceptances")
        #expect(problem["available"]?.integer == 100)
        #expect(try await status(request, seenBy: payer) == "pending")
        try await payer.topUp(100)
        _ = try await payer.post("\(path)/\(request.id)/acceptances")
    }

    @Test func ofAllWhoDecideOneSucceeds() async throws {
        for _ in 0..<4 {
            let (asker, payer, request) = try await ask()
            let base = "\(path)/\(request.id)/"
            let replies = try await together(9) { number in
                switch number % 3 {
                case 0: try await payer.reply(.post, base + "acceptances")
                case 1: try await payer.reply(.post, base + "declines")
                default: try await asker.reply(.post, base + "cancellations")
                }
            }
            #expect(replies.count { $0.status == 201 } == 1)
            #expect(replies.count { $0.code == "request_already_decided" } == 8)
            let isAccepted = try await status(request, seenBy: asker) == "accepted"
            #expect(try await asker.available() == (isAccepted ? 200 : 0))
        }
    }

    @Test func refusalsOfARequest() async throws {
        let (asker, payer, _) = try await ask()
        try await asker.refused(
            404, "recipient_not_found", .post, path,
            body(from: payer).replacing("from", "nobody-at-all"))
        try await asker.refused(422, "accounts_must_differ", .post, path, body(from: asker))
        try await asker.refused(
            422, "amount_must_be_positive", .post, path, body(from: payer, amount: 0))
        try await asker.refused(
            422, "currency_not_supported", .post, path,
            body(from: payer).replacing("currency", "JPY"))
        try await asker.refused(400, "cursor_invalid", .get, path + "?cursor=nonsense")
    }

    @Test func requestsComeInPages() async throws {
        let (asker, payer, first) = try await ask()
        var ids = [first.id]
        for _ in 0..<4 { ids.append(try await asker.post(path, body(from: payer)).id) }
        var (seen, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await payer.get(
                path + "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            seen += page.rows.map(\.id)
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        #expect(seen == ids.reversed())
    }
}

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
