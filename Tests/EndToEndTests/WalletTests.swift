import HTTP
import Testing

@Suite("Wallets and histories", .timeLimit(.minutes(1)))
struct WalletTests {
    @Test func walletsHoldOneCurrencyEach() async throws {
        let person = try await Person.signUp(World.api)
        let dollars = try await person.post("/v1/wallets", ["currency": "USD"])
        #expect(dollars["currency"]?.string == "USD")
        #expect(dollars["available"]?.integer == 0)
        // Opening it again finds it.
        #expect(try await person.post("/v1/wallets", ["currency": "USD"]) == dollars)
        try await person.topUp(250, "USD")
        let shown = try await person.get("/v1/wallets/\(dollars.id)")
        #expect(
            shown == [
                "id": .string(dollars.id), "currency": "USD", "posted": 250, "held": 0,
                "available": 250,
            ])
        let wallets = try await person.get("/v1/wallets")
        #expect(wallets.rows.contains(shown))
        #expect(wallets.object?["next_cursor"] == .null)
        let problem = try await person.refused(
            422, "currency_not_supported", .post, "/v1/wallets", ["currency": "JPY"])
        #expect(problem["supported"]?.array?.contains("KES") == true)
    }

    @Test func ofTwinsThatOpenOneWalletIsMade() async throws {
        let person = try await Person.signUp(World.api)
        let ids = try await together(8) { _ in
            try await person.post("/v1/wallets", ["currency": "EUR"]).id
        }
        #expect(Set(ids).count == 1)
        #expect(try await person.get("/v1/wallets").rows.count { $0["currency"] == "EUR" } == 1)
    }

    @Test func aStrangersWalletIsNotThere() async throws {
        let api = try await World.api
        let (person, stranger) = (
            try await Person.signUp(api, money: 100), try await Person.signUp(api)
        )
        let id = try await person.wallet().id
        for path in ["/v1/wallets/\(id)", "/v1/wallets/\(id)/entries"] {
            try await stranger.refused(404, "wallet_not_found", .get, path)
            try await api.refused(401, "session_invalid", .get, path)
        }
        try await person.refused(
            404, "wallet_not_found", .get, "/v1/wallets/01890000-0000-7000-8000-000000000000")
        try await person.refused(404, "not_found", .get, "/v1/wallets/1")
    }

    @Test func topUpsAreOnce() async throws {
        let person = try await Person.signUp(World.api)
        let (key, body) = (Api.newKey(), ["amount": 500, "currency": "KES"] as JSON)
        let first = try await person.post("/sandbox/topups", body, key: key)
        #expect(first["purpose"]?.string == "top_up")
        #expect(first["from"] == nil)
        #expect(first["to"]?.string == person.username)
        let again = try await person.reply(.post, "/sandbox/topups", body, key: key)
        #expect(again.isReplay)
        #expect(again.json == first)
        let problem = try await person.refused(
            422, "idempotency_mismatch", .post, "/sandbox/topups",
            ["amount": 501, "currency": "KES"], key: key)
        #expect(problem["first_difference"]?.string == "amount")
        for (amount, currency, code) in [
            (0, "KES", "amount_must_be_positive"), (-5, "KES", "amount_must_be_positive"),
            (5, "JPY", "currency_not_supported"),
        ] as [(Int64, String, String)] {
            try await person.refused(
                422, code, .post, "/sandbox/topups",
                ["amount": .integer(amount), "currency": .string(currency)])
        }
        try await person.refused(
            409, "limit_exceeded", .post, "/sandbox/topups",
            ["amount": .integer(.max), "currency": "KES"])
        #expect(try await person.available() == 500)
    }

    @Test func historyTellsEachSide() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.post(
            "/v1/transfers", .send(300, to: friend.username, note: "tea"))
        let out = try await payer.entries()
        let into = try await friend.entries()
        #expect(out.count == 2)
        #expect(into.count == 1)
        #expect(out[0].id == done.id)
        #expect(out[0]["direction"]?.string == "out")
        #expect(out[0]["counterparty"]?.string == friend.username)
        #expect(out[0]["note"]?.string == "tea")
        #expect(out[0]["balance"] == ["posted": 700, "held": 0, "available": 700])
        #expect(out[1]["purpose"]?.string == "top_up")
        #expect(out[1]["direction"]?.string == "in")
        #expect(out[1]["counterparty"] == nil)
        #expect(into[0]["direction"]?.string == "in")
        #expect(into[0]["counterparty"]?.string == payer.username)
        #expect(into[0]["balance"] == ["posted": 300, "held": 0, "available": 300])
    }

    @Test func pagesCoverEverythingOnce() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        for amount in 1...24 { try await payer.send(Int64(amount), to: friend) }
        let path = "/v1/wallets/\(try await payer.wallet().id)/entries"
        var (seen, cursor): ([JSON], String?) = ([], nil)
        var pages = 0
        repeat {
            let page = try await payer.get(
                path + "?limit=10" + (cursor.map { "&cursor=\($0)" } ?? ""))
            seen += page.rows
            cursor = page["next_cursor"]?.string
            pages += 1
            // New money does not move the pages.
            try await payer.topUp(1)
        } while cursor != nil
        #expect(pages == 3)
        #expect(seen.map(\.["amount"]?.integer) == (1...24).reversed().map { Int64($0) } + [1000])
        #expect(Set(seen.map(\.id)).count == 25)

        for limit in ["0", "201", "x"] {
            try await payer.refused(400, "invalid_request", .get, path + "?limit=" + limit)
        }
        try await payer.refused(400, "cursor_invalid", .get, path + "?cursor=nonsense")
    }

    @Test func historyIsCutAtMoments() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        var moments: [String] = []
        for amount in 1...5 as ClosedRange<Int64> {
            moments.append(try await payer.send(amount, to: friend)["created_at"]?.string ?? "")
        }
        let path = "/v1/wallets/\(try await friend.wallet().id)/entries"
        let amounts = { (query: String) in
            try await friend.get(path + query).rows.map { $0["amount"]?.integer ?? 0 }
        }
        #expect(try await amounts("?from=\(moments[1])&to=\(moments[3])") == [3, 2])
        #expect(try await amounts("?from=\(moments[3])") == [5, 4])
        #expect(try await amounts("?to=\(moments[1])") == [1])
        #expect(try await amounts("?from=\(moments[1])&limit=2") == [5, 4])
        #expect(try await amounts("?from=2200-01-01T00:00:00Z") == [])
        try await friend.refused(400, "invalid_request", .get, path + "?from=yesterday")
    }
}

extension Person {
    /// The newest page of the history, at its largest.
    func entries(_ currency: String = "KES") async throws -> [JSON] {
        try await get("/v1/wallets/\(try await wallet(currency).id)/entries?limit=200").rows
    }
}
