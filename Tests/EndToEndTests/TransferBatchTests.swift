import HTTP
import Testing

@Suite("Transfer batches", .timeLimit(.minutes(2)))
struct TransferBatchTests {
    private let path = "/v1/transfer_batches"

    @Test func eachPaymentHasItsOutcome() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.post(
            path,
            .batch([
                .send(300, to: friend.username, note: "Lunch ☕"), .send(1, to: "nobody-at-all"),
                .send(1, to: payer.username), .send(0, to: friend.username),
                .send(-5, to: friend.username), .send(1, to: friend.username, currency: "JPY"),
                .send(1, to: friend.username, note: String(repeating: "é", count: 280)),
                .send(700, to: friend.username), .send(699, to: friend.phone),
            ]), status: 200)
        #expect(
            done.outcomes == [
                "posted", "recipient_not_found", "accounts_must_differ",
                "amount_must_be_positive", "amount_must_be_positive", "currency_not_supported",
                "posted", "insufficient_funds", "posted",
            ])
        #expect(done["posted"]?.integer == 3)
        #expect(done["replayed"]?.integer == 0)
        #expect(done["refused"]?.integer == 6)
        #expect(done["results"]?[7]?["available"]?.integer == 699)
        #expect(done["results"]?[5]?["supported"]?.array?.contains("KES") == true)
        let detail = done["results"]?[1]?["detail"]?.string
        #expect(detail?.isEmpty == false)
        #expect(done["balances"] == .balances(0))
        #expect(try await payer.available() == 0)
        #expect(try await friend.available() == 1000)

        let first = try await friend.get("/v1/transfers/\(done["results"]?[0]?.id ?? "")")
        #expect(first["note"]?.string == "Lunch ☕")
        #expect(first["amount"]?.integer == 300)
        #expect(first["purpose"]?.string == "send")
    }

    @Test func anyNameFindsTheRecipientAndOneMayComeTwice() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let names = [
            friend.username, friend.username.uppercased(), friend.phone, friend.email,
            friend.email.uppercased(), friend.username,
        ]
        let done = try await payer.post(
            path, .batch(names.map { .send(10, to: $0) }, mode: "linked"), status: 200)
        #expect(done["posted"]?.integer == 6)
        #expect(try await friend.available() == 60)
    }

    @Test func theCurrencyMayBeLeftOut() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        try await payer.topUp(500, "USD")
        let done = try await payer.post(
            path,
            .batch([
                ["to": .string(friend.username), "amount": 100],
                .send(200, to: friend.username, currency: "USD"),
            ]), status: 200)
        #expect(done["posted"]?.integer == 2)
        let balances = done["balances"]?.array ?? []
        #expect(balances.map { $0["currency"]?.string } == ["KES", "USD"])
        #expect(balances.map { $0[at: "balance", "available"]?.integer } == [900, 300])
        #expect(try await friend.available() == 100)
        #expect(try await friend.available("USD") == 200)
    }

    @Test func aRetryReplaysEachAndPaysTheRest() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 100), try await Person.signUp(api)
        )
        let body = JSON.batch([
            .send(60, to: friend.username, note: "rent"), .send(70, to: friend.username),
            .send(40, to: friend.username),
        ])
        let key = Api.newKey()
        let first = try await payer.reply(.post, path, body, key: key)
        #expect(first.json.outcomes == ["posted", "insufficient_funds", "posted"])
        #expect(!first.isReplay)

        try await payer.topUp(100)
        let second = try await payer.reply(.post, path, body, key: key)
        #expect(second.json.outcomes == ["posted", "posted", "posted"])
        #expect(second.json["replayed"]?.integer == 2)
        #expect(second.json.replays == [true, false, true])
        #expect(second.json["results"]?[0]?.id == first.json["results"]?[0]?.id)
        #expect(!second.isReplay)

        let third = try await payer.reply(.post, path, body, key: key)
        #expect(third.isReplay)
        #expect(third.json["replayed"]?.integer == 3)
        #expect(try await friend.available() == 170)
        #expect(try await payer.available() == 30)
    }

    @Test func anotherPaymentInAPlaceIsRefusedAlone() async throws {
        let api = try await World.api
        let (payer, friend, other) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api),
            try await Person.signUp(api)
        )
        let key = Api.newKey()
        _ = try await payer.post(
            path, .batch((1...5).map { _ in .send(10, to: friend.username, note: "a") }),
            key: key, status: 200)
        let changed = try await payer.post(
            path,
            .batch([
                .send(11, to: friend.username, note: "a"), .send(10, to: other.username, note: "a"),
                .send(10, to: friend.username, note: "b"), .send(10, to: friend.username),
                .send(10, to: friend.username, note: "a"), .send(7, to: other.username),
            ]), key: key, status: 200)
        let results = changed["results"]?.array ?? []
        #expect(
            results.map { $0["first_difference"]?.string }
                == ["amount", "to", "note", "note", nil, nil])
        #expect(
            changed.outcomes == Array(repeating: "idempotency_mismatch", count: 4)
                + ["posted", "posted"])
        #expect(changed.replays == [nil, nil, nil, nil, true, false])
        #expect(try await payer.available() == 1000 - 50 - 7)
    }

    @Test func aKeyStandsForOneModeAndOneOwner() async throws {
        let api = try await World.api
        let (payer, other, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api, money: 1000),
            try await Person.signUp(api)
        )
        let payments = [JSON.send(10, to: friend.username), .send(20, to: friend.username)]
        for (mode, another) in [("independent", "linked"), ("linked", "independent")] {
            let key = Api.newKey()
            _ = try await payer.post(path, .batch(payments, mode: mode), key: key, status: 200)
            let problem = try await payer.refused(
                422, "idempotency_mismatch", .post, path, .batch(payments, mode: another), key: key)
            #expect(problem["first_difference"]?.string == "mode")
            let others = try await other.post(
                path, .batch(payments, mode: another), key: key, status: 200)
            #expect(others["replayed"]?.integer == 0)
            // A single payment under the same key is another command.
            try await payer.refused(
                409, "insufficient_funds", .post, "/v1/transfers",
                .send(5000, to: friend.username), key: key)
        }
        #expect(try await payer.available() == 940)
        #expect(try await friend.available() == 120)
    }

    @Test func onlyVerifiedPeoplePay() async throws {
        let api = try await World.api
        let stranger = try await Person.signUp(api, isVerified: false)
        let friend = try await Person.signUp(api)
        let body = JSON.batch([.send(1, to: friend.username)])
        try await stranger.refused(403, "phone_not_verified", .post, path, body)
        try await api.refused(401, "session_invalid", .post, path, body)
        try await friend.refused(400, "idempotency_key_required", .post, path, body, key: nil)
    }
}

// MARK: All or none

@Suite("Linked batches", .timeLimit(.minutes(2)))
struct LinkedBatchTests {
    private let path = "/v1/transfer_batches"

    @Test func nothingIsDoneWhenOneIsRefused() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 100), try await Person.signUp(api)
        )
        let good = JSON.send(40, to: friend.username, note: "share")
        for (bad, status, code, index) in [
            (JSON.send(1, to: "nobody-at-all"), 404, "recipient_not_found", 1),
            (.send(1, to: payer.username), 422, "accounts_must_differ", 1),
            (.send(0, to: friend.username), 422, "amount_must_be_positive", 1),
            (.send(1, to: friend.username, currency: "JPY"), 422, "currency_not_supported", 1),
            (.send(50, to: friend.username), 409, "insufficient_funds", 2),
        ] {
            let problem = try await payer.refused(
                status, code, .post, path, .batch([good, bad, good], mode: "linked"))
            #expect(problem["index"]?.integer == Int64(index))
        }
        #expect(try await payer.available() == 100)
        #expect(try await friend.available() == 0)
        let entries = try await friend.get("/v1/wallets/\(friend.wallet().id)/entries")
        #expect(entries.rows.isEmpty)
    }

    @Test func aRetryReplaysTheWhole() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let payments = [
            JSON.send(10, to: friend.username), .send(20, to: friend.username, note: "two"),
            .send(30, to: friend.username, note: "three"),
        ]
        let key = Api.newKey()
        let first = try await payer.reply(.post, path, .batch(payments, mode: "linked"), key: key)
        #expect(first.json.replays == [false, false, false])
        let again = try await payer.reply(.post, path, .batch(payments, mode: "linked"), key: key)
        #expect(again.isReplay)
        #expect(again.json.replays == [true, true, true])
        #expect(again.json.ids == first.json.ids)

        for (changed, difference) in [
            (JSON.send(31, to: friend.username, note: "three"), "amount"),
            (.send(30, to: friend.phone, note: "drei"), "note"),
            (.send(30, to: friend.username), "note"),
        ] {
            let problem = try await payer.refused(
                422, "idempotency_mismatch", .post, path,
                .batch(payments.dropLast() + [changed], mode: "linked"), key: key)
            #expect(problem["first_difference"]?.string == difference)
        }
        try await payer.refused(
            422, "idempotency_mismatch", .post, path,
            .batch(payments + payments, mode: "linked"), key: key)
        #expect(try await payer.available() == 940)
        let notes = try await friend.get("/v1/wallets/\(friend.wallet().id)/entries").rows
        #expect(notes.map { $0["note"]?.string } == ["three", "two", nil])
    }

    @Test func aRefusedBatchKeepsItsKeyFree() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 10), try await Person.signUp(api)
        )
        let body = JSON.batch(
            [.send(10, to: friend.username), .send(5, to: friend.username)], mode: "linked")
        let key = Api.newKey()
        try await payer.refused(409, "insufficient_funds", .post, path, body, key: key)
        try await payer.topUp(5)
        let done = try await payer.post(path, body, key: key, status: 200)
        #expect(done.replays == [false, false])
        #expect(done["balances"] == .balances(0))
    }
}

// MARK: Terms and sizes

@Suite("Batches under the operator's terms", .timeLimit(.minutes(2)))
struct BatchTermsTests {
    private let path = "/v1/transfer_batches"

    /// 10 fixed and half a percent, at least 20, at most 150.
    @Test(arguments: ["independent", "linked"])
    func feesAreThoseOfSinglePayments(_ mode: String) async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 150_000), try await Person.signUp(api)
        )
        let amounts: [Int64] = [1, 2100, 20_000, 80_000]
        let body = JSON.batch(amounts.map { .send($0, to: friend.username) }, mode: mode)
        let key = Api.newKey()
        for isReplay in [false, true] {
            let done = try await payer.post(path, body, key: key, status: 200)
            let results = done["results"]?.array ?? []
            #expect(results.map { $0["fee"]?.integer } == [20, 21, 110, 150])
            #expect(done.replays == Array(repeating: isReplay, count: 4))
        }
        #expect(try await payer.available() == 150_000 - 102_101 - 301)
        #expect(try await friend.available() == 102_101)
    }

    @Test func theFeeOfALinkedPaymentIsItsOwn() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 300), try await Person.signUp(api)
        )
        // Three of 80 fit with their fees of 20; of the fourth the amount would, the fee would not.
        let payments = [80, 80, 60, 20].map { JSON.send($0, to: friend.username) }
        let problem = try await payer.refused(
            409, "insufficient_funds", .post, path, .batch(payments, mode: "linked"))
        #expect(problem["index"]?.integer == 3)
        let done = try await payer.post(path, .batch(payments), status: 200)
        #expect(done.outcomes == ["posted", "posted", "posted", "insufficient_funds"])
        #expect(done["balances"] == .balances(20))
    }

    @Test func limitsCountWithinABatch() async throws {
        let api = try await World.terms
        let (payer, friend) = (
            try await Person.signUp(api, money: 300_000), try await Person.signUp(api)
        )
        let payments = [90_000, 100_001, 90_000, 30_000, 20_000]
            .map { JSON.send($0, to: friend.username) }
        let problem = try await payer.refused(
            409, "limit_exceeded", .post, path, .batch(payments, mode: "linked"))
        #expect(problem["index"]?.integer == 1)
        #expect(problem["limit"]?.string == "per_transfer")
        let done = try await payer.post(path, .batch(payments), status: 200)
        #expect(
            done.outcomes == ["posted", "limit_exceeded", "posted", "limit_exceeded", "posted"])
        #expect(done["results"]?[3]?["limit"]?.string == "per_day")
        #expect(done["results"]?[3]?["remaining"]?.integer == 20_000)
    }

    @Test func whatIsNoBatchIsRefusedAsAWhole() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let good = JSON.send(1, to: friend.username)
        let tooMany = JSON.batch(Array(repeating: good, count: 10_001))
        let bodies: [(JSON, String)] = [
            (tooMany, "/transfers"), (.batch([]), "/transfers"),
            (["transfers": [good]], "/mode"), (["mode": "independent"], "/transfers"),
            (.batch([good], mode: "some"), "/mode"),
            (["mode": "linked", "transfers": 7], "/transfers"),
            (.batch([good, 3]), "/transfers/1"),
            (.batch([good, ["amount": 1]]), "/transfers/1/to"),
            (.batch([["to": "x", "amount": "1"]]), "/transfers/0/amount"),
            (.batch([["to": "x", "amount": .decimal("1.5")]]), "/transfers/0/amount"),
            (
                .batch([["to": "x", "amount": .decimal("9223372036854775808")]]),
                "/transfers/0/amount"
            ),
            (.batch([["to": "", "amount": 1]]), "/transfers/0/to"),
            (.batch([["to": "x\u{0}", "amount": 1]]), "/transfers/0/to"),
            (.batch([["to": "x", "amount": 1, "more": 1]]), "/transfers/0/more"),
            (.batch([["to": "x", "amount": 1, "currency": "kes"]]), "/transfers/0/currency"),
            (
                .batch([
                    ["to": "x", "amount": 1, "note": .string(String(repeating: "n", count: 281))]
                ]),
                "/transfers/0/note"
            ),
        ]
        for (body, field) in bodies {
            let problem = try await payer.refused(400, "invalid_request", .post, path, body)
            #expect(problem["field"]?.string == field)
        }
        #expect(try await payer.available() == 1000)
    }

    @Test func amountsNearTheEndOfTheRangeAreRefused() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        try await payer.stepUp()
        let done = try await payer.post(
            path,
            .batch([
                .send(.max, to: friend.username), .send(.min, to: friend.username),
                .send(1, to: friend.username), .send(.max, to: friend.username),
            ]), status: 200)
        #expect(done.outcomes[1...2] == ["amount_must_be_positive", "posted"])
        #expect(done["posted"]?.integer == 1)
    }
}

@Suite("Large batches", .timeLimit(.minutes(2)))
struct LargeBatchTests {
    private let path = "/v1/transfer_batches"

    @Test(arguments: ["independent", "linked"])
    func tenThousandAtOnce(_ mode: String) async throws {
        let api = try await World.terms
        let payer = try await Person.signUp(api, money: 1_000_000)
        let friends = [try await Person.signUp(api), try await Person.signUp(api)]
        let payments = (0..<10_000).map { index in
            JSON.send(
                index == 9_999 ? 1_000 : 1, to: friends[index % 2].username,
                note: index % 100 == 0 ? "number \(index)" : nil)
        }
        let key = Api.newKey()
        for isReplay in [false, true] {
            let done = try await payer.post(
                path, .batch(payments, mode: mode), key: key, status: 200)
            #expect(done["posted"]?.integer == 10_000)
            #expect(done["replayed"]?.integer == (isReplay ? 10_000 : 0))
            #expect(Set(done.ids).count == 10_000)
        }
        let spent: Int64 = 9_999 + 1_000 + 20 * 10_000
        #expect(try await payer.available() == 1_000_000 - spent)
        #expect(try await friends[1].available() == 5_999)
        let newest = try await friends[0].get(
            "/v1/wallets/\(friends[0].wallet().id)/entries?limit=60")
        #expect(newest.rows.compactMap { $0["note"]?.string } == ["number 9900"])
    }
}

extension JSON {
    fileprivate static func batch(
        _ transfers: some Sequence<JSON>, mode: String = "independent"
    ) -> JSON {
        ["mode": .string(mode), "transfers": .array(Array(transfers))]
    }

    fileprivate static func balances(_ available: Int64) -> JSON {
        [
            [
                "currency": "KES",
                "balance": [
                    "posted": .integer(available), "held": 0, "available": .integer(available),
                ],
            ]
        ]
    }

    private var results: [JSON] { self["results"]?.array ?? [] }

    /// "posted", or the code of the refusal.
    fileprivate var outcomes: [String?] {
        results.map { $0["status"]?.string == "posted" ? "posted" : $0["code"]?.string }
    }
    fileprivate var replays: [Bool?] { results.map { $0["replayed"]?.bool } }
    fileprivate var ids: [String] { results.map(\.id) }
}
