import HTTP
import Testing

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
