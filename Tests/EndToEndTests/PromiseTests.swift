import FlorinClient
import HTTP
import Testing

@Suite("What a key and a hold promise", .timeLimit(.minutes(1)))
struct PromiseTests {
    @Test func aKeyThatPaidOneRequestDoesNotAnswerForAnother() async throws {
        let payer = try await Person.signUp(World.api, money: 1000)
        let friend = try await Person.signUp(World.api)
        let body: JSON = [
            "from": .string(payer.username), "amount": 100, "currency": "KES",
        ]
        let (one, two) = (
            try await friend.post("/v1/requests", body), try await friend.post("/v1/requests", body)
        )
        let key = Api.newKey()
        _ = try await payer.post("/v1/requests/\(id(one))/acceptances", [:], key: key)
        let problem = try await payer.refused(
            422, "idempotency_mismatch", .post, "/v1/requests/\(id(two))/acceptances", [:],
            key: key)
        #expect(problem["first_difference"]?.string == "request")
        let again = try await payer.reply(
            .post, "/v1/requests/\(id(one))/acceptances", [:], key: key)
        #expect(again.isReplay)
        #expect(try await payer.get("/v1/requests/\(id(two))")["status"]?.string == "pending")
        #expect(try await payer.available() == 900)
    }

    @Test func whoGaveAHoldCannotTakeMostOfItBack() async throws {
        let payer = try await Person.signUp(World.api, money: 1000)
        let shop = try await Person.signUp(World.api)
        let hold = try await payer.post(
            "/v1/holds",
            [
                "to": .string(shop.username), "amount": 500, "currency": "KES",
                "expires_in": 600,
            ])
        let path = "/v1/holds/\(id(hold))/captures"
        try await payer.refused(403, "forbidden", .post, path, ["amount": 1])
        #expect(try await payer.available() == 500)
        _ = try await payer.post(path, ["amount": 500])
        #expect(try await shop.available() == 500)
    }

    private func id(_ json: JSON) -> String { json["id"]?.string ?? "" }
}
