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
