import FlorinClient
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("The PIN", .timeLimit(.minutes(1)))
struct PinTests {
    static let pin = "739104"
    private static let other = "260597"
    /// 5,000 KES, in minor units.
    private let threshold: Int64 = 500_000
    private let stepUps = "/v1/sessions/current/step_ups"

    private func payer(pin: String? = pin, _ api: Api? = nil) async throws -> Person {
        let api = if let api { api } else { try await World.api }
        let person = try await Person.signUp(api, money: 10_000_000)
        if let pin { try await person.setPin(pin) }
        return person
    }

    // MARK: Setting

    @Test func theFirstOneTakesThePasswordAndAnotherOneTheOneBefore() async throws {
        let person = try await payer(pin: nil)
        #expect(try await person.get("/v1/me/pin")["is_set"]?.bool == false)
        let first: JSON = ["pin": .string(Self.pin), "password": .string(Person.password)]
        try await person.refused(
            403, "step_up_required", .put, "/v1/me/pin", ["pin": .string(Self.pin)])
        try await person.refused(
            403, "password_incorrect", .put, "/v1/me/pin",
            first.replacing("password", "not the password"))
        #expect(try await person.reply(.put, "/v1/me/pin", first).status == 204)
        #expect(try await person.get("/v1/me/pin")["is_set"]?.bool == true)
        #expect(try await person.api.newestMessage(to: person.phone).contains("PIN was set"))

        // A stolen password sets no other one.
        let second: JSON = ["pin": .string(Self.other), "password": .string(Person.password)]
        try await person.refused(403, "step_up_required", .put, "/v1/me/pin", second)
        let reply = try await person.api.reply(
            .put, "/v1/me/pin", second, token: person.token,
            headers: [("X-Florin-PIN", Self.pin)])
        #expect(reply.status == 204, "\(reply.text)")
        try await person.refused(403, "pin_incorrect", .post, stepUps, ["pin": .string(Self.pin)])
        _ = try await person.post(stepUps, ["pin": .string(Self.other)])
    }

    @Test(
        arguments: [
            ("000000", "repeated"), ("121212", "repeated"), ("123123", "repeated"),
            ("112233", "repeated"), ("123456", "sequence"), ("654321", "sequence"),
            ("890123", "sequence"), ("975310", nil), ("135791", "sequence"), ("159753", "common"),
            ("147258", "common"),
        ] as [(String, String?)])
    func whatEverybodyTriesFirstIsRefused(_ pin: String, _ reason: String?) async throws {
        let person = try await Person.signUp(World.api)
        let body: JSON = ["pin": .string(pin), "password": .string(Person.password)]
        let reply = try await person.reply(.put, "/v1/me/pin", body)
        guard let reason else {
            #expect(reply.status == 204)
            return
        }
        reply.expectProblem(422, "pin_too_weak")
        #expect(reply.json["reason"]?.string == reason)
    }

    @Test func theTelephoneNumberIsRefused() async throws {
        let person = try await Person.signUp(World.api)
        let problem = try await person.refused(
            422, "pin_too_weak", .put, "/v1/me/pin",
            ["pin": .string(String(person.phone.suffix(6))), "password": "any"])
        #expect(["phone_number", "repeated"].contains(problem["reason"]?.string))
    }

    @Test func theBirthDateIsRefusedOnceItIsKnown() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        // Born on 1990-03-31, and so far nobody knows.
        let body: JSON = ["pin": "310390", "password": .string(Person.password)]
        #expect(try await person.reply(.put, "/v1/me/pin", body).status == 204)
        let sent = try await person.sendDocuments()
        for act in ["reviews", "approvals"] {
            let clerk = try await office.hire("support")
            try await clerk.look(sent.id)
            try #require(try await clerk.judge(sent.id, act).status == 201)
        }
        _ = try await person.post(stepUps, ["pin": "310390"])
        for pin in ["310390", "033190", "900331", "310319", "319003", "311990", "199031"] {
            let problem = try await person.refused(
                422, "pin_too_weak", .put, "/v1/me/pin", ["pin": .string(pin)])
            #expect(problem["reason"]?.string == "birth_date", "\(pin)")
        }
        let reply = try await person.reply(.put, "/v1/me/pin", ["pin": .string(Self.pin)])
        #expect(reply.status == 204, "\(reply.text)")
    }

    @Test(arguments: ["12345", "1234567", "12345a", "１２３４５６", " 73910", ""])
    func whatIsNoPinIsRefused(_ pin: String) async throws {
        let person = try await payer()
        try await person.refused(
            400, "invalid_request", .put, "/v1/me/pin",
            ["pin": .string(pin), "password": .string(Person.password)])
        try await person.refused(400, "invalid_request", .post, stepUps, ["pin": .string(pin)])
        guard !pin.isEmpty, pin.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        let friend = try await Person.signUp(person.api)
        let reply = try await person.pay(threshold, friend, pin: pin)
        reply.expectProblem(400, "invalid_request")
        #expect(!reply.text.contains(pin.trimmed))
    }

    // MARK: Paying

    @Test func aLargePaymentAsksForIt() async throws {
        let (payer, friend) = (try await payer(), try await Person.signUp(World.api))
        _ = try await payer.post("/v1/transfers", .send(threshold - 1, to: friend.username))
        for headers in [[], [("X-Florin-PIN", Self.other)]] {
            let reply = try await payer.api.reply(
                .post, "/v1/transfers", .send(threshold, to: friend.username),
                token: payer.token, key: Api.newKey(), headers: headers)
            reply.expectProblem(403, headers.isEmpty ? "pin_required" : "pin_incorrect")
            if headers.isEmpty {
                #expect(reply.json["threshold"]?.integer == threshold)
                #expect(reply.json["currency"]?.string == "KES")
                #expect(reply.json["pin_set"]?.bool == true)
            } else {
                #expect(reply.json["tries_left"]?.integer == 4)
            }
        }
        #expect(try await friend.available() == threshold - 1)
        let paid = try await payer.pay(threshold, friend, pin: Self.pin)
        #expect(paid.status == 201, "\(paid.text)")
        // With one request, for one request.
        let next = try await payer.pay(threshold, friend)
        next.expectProblem(403, "pin_required")
    }

    @Test func whoHasNoneIsToldSo() async throws {
        let (payer, friend) = (try await payer(pin: nil), try await Person.signUp(World.api))
        for pin in [nil, Self.pin] {
            let reply = try await payer.pay(threshold, friend, pin: pin)
            reply.expectProblem(403, "pin_required")
            #expect(reply.json["pin_set"]?.bool == false)
        }
        try await payer.refused(409, "pin_not_set", .post, stepUps, ["pin": .string(Self.pin)])
    }

    @Test func everyWayOutOfAWalletAsksForIt() async throws {
        let (payer, friend) = (try await payer(), try await payer())
        let asked = try await friend.post(
            "/v1/requests",
            [
                "from": .string(payer.username), "amount": .integer(threshold),
                "currency": "KES",
            ])
        let received = try await friend.pay(threshold, payer, pin: Self.pin)
        let half = JSON.send(threshold / 2, to: friend.username)
        let ways: [(path: String, body: JSON?, status: Int)] = [
            ("/v1/transfers", .send(threshold, to: friend.username), 201),
            ("/v1/holds", .send(threshold, to: friend.username, expiresIn: 60), 201),
            ("/v1/requests/\(asked.id)/acceptances", nil, 201),
            ("/v1/transfers/\(received.json.id)/reversals", nil, 201),
            ("/v1/transfer_batches", ["mode": "independent", "transfers": [half, half]], 200),
            ("/v1/transfer_batches", ["mode": "linked", "transfers": [half, half]], 200),
        ]
        for way in ways {
            try await payer.refused(403, "pin_required", .post, way.path, way.body)
            let reply = try await payer.api.reply(
                .post, way.path, way.body, token: payer.token, key: Api.newKey(),
                headers: [("X-Florin-PIN", Self.pin)])
            #expect(reply.status == way.status, "\(way.path): \(reply.text)")
        }
        _ = try await payer.post(
            "/v1/transfer_batches", ["mode": "linked", "transfers": [half]], status: 200)
    }

    @Test func aSimpleTransferAsksForItToo() async throws {
        let (payer, friend) = (try await payer(), try await payer())
        let body: JSON = [
            "sender_email": .string(payer.email), "receiver_email": .string(friend.email),
            "amount": .integer(threshold / 100),
        ]
        try await payer.refused(403, "pin_required", .post, "/api/transactions", body)
        let reply = try await payer.api.reply(
            .post, "/api/transactions", body, token: payer.token,
            headers: [("X-Florin-PIN", Self.pin)])
        #expect(reply.status == 201, "\(reply.text)")
    }

    @Test func thePreviewSaysWhetherItWillBeAsked() async throws {
        let (payer, friend) = (try await payer(), try await Person.signUp(World.api))
        func isAsked(_ amount: Int64) async throws -> Bool? {
            try await payer.post(
                "/v1/transfers/preview", .send(amount, to: friend.username), status: 200)[
                    "pin_required"]?.bool
        }
        #expect(try await isAsked(threshold - 1) == false)
        #expect(try await isAsked(threshold) == true)
        _ = try await payer.post(stepUps, ["pin": .string(Self.pin)])
        #expect(try await isAsked(threshold) == false)
    }

    @Test func theThresholdIsTheOperatorsForEachCurrency() async throws {
        let server = try await World.own(["FLORIN_PIN_THRESHOLD": "7,USD=3"])
        let payer = try await Person.signUp(server.api, money: 10_000)
        try await payer.topUp(10_000, "USD")
        let friend = try await Person.signUp(server.api)
        for (currency, threshold) in [("KES", Int64(700)), ("USD", 300)] {
            _ = try await payer.post(
                "/v1/transfers",
                .send(threshold - 1, to: friend.username, currency: currency))
            let problem = try await payer.refused(
                403, "pin_required", .post, "/v1/transfers",
                .send(threshold, to: friend.username, currency: currency))
            #expect(problem["threshold"]?.integer == threshold)
            #expect(problem["currency"]?.string == currency)
        }
    }

    // MARK: Stepping up

    @Test func aSteppedUpSessionIsAskedForFiveMinutesNoMore() async throws {
        let server = try await World.own()
        let payer = try await payer(server.api)
        let friend = try await Person.signUp(server.api)
        let done = try await payer.post(stepUps, ["pin": .string(Self.pin)])
        #expect(done["method"]?.string == "pin")
        _ = try await payer.post("/v1/transfers", .send(threshold, to: friend.username))
        // Another session of the same person is not.
        let other = try await server.api.logIn(payer.username)
        try await server.api.refused(
            403, "pin_required", .post, "/v1/transfers", .send(threshold, to: friend.username),
            token: other["access_token"]?.string)
        try await server.api.advanceClock(seconds: 240)
        _ = try await payer.post("/v1/transfers", .send(threshold, to: friend.username))
        try await server.api.advanceClock(seconds: 60)
        try await payer.refused(
            403, "pin_required", .post, "/v1/transfers", .send(threshold, to: friend.username))
    }

    @Test func anotherPinEndsWhatTheOneBeforeSteppedUp() async throws {
        let (payer, friend) = (try await payer(), try await Person.signUp(World.api))
        _ = try await payer.post(stepUps, ["pin": .string(Self.pin)])
        let reply = try await payer.reply(.put, "/v1/me/pin", ["pin": .string(Self.other)])
        #expect(reply.status == 204, "\(reply.text)")
        let next = try await payer.pay(threshold, friend)
        next.expectProblem(403, "pin_required")
    }

    // MARK: Guessing

    @Test func wrongOnesLockEverywhere() async throws {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database)
        let payer = try await payer(servers[0].api)
        let friend = try await Person.signUp(servers[0].api)
        for left in [4, 3, 2, 1, 0] as [Int64] {
            let problem = try await payer.refused(
                403, "pin_incorrect", .post, stepUps, ["pin": .string(Self.other)])
            #expect(problem["tries_left"]?.integer == left)
        }
        // Not even the right one helps now, in whatever process and on whatever route.
        for server in servers {
            let problem = try await server.api.refused(
                429, "too_many_attempts", .post, stepUps, ["pin": .string(Self.pin)],
                token: payer.token)
            #expect((1...30).contains(problem["retry_after"]?.integer ?? 0))
        }
        let large = try await payer.pay(threshold, friend, pin: Self.pin)
        large.expectProblem(429, "too_many_attempts")
        _ = try await payer.post("/v1/transfers", .send(threshold - 1, to: friend.username))

        let acts = try database.connection().query(
            "SELECT kind, subject::text FROM identity.acts WHERE kind = 'pin_locked'")
        #expect(try acts.map { try $0[1] as String } == [payer.id])

        // The wait doubles with each further one.
        for wait in [30, 60, 120] as [Int64] {
            try await servers[0].api.advanceClock(seconds: wait + 1)
            try await payer.refused(
                403, "pin_incorrect", .post, stepUps, ["pin": .string(Self.other)])
            let problem = try await payer.refused(
                429, "too_many_attempts", .post, stepUps, ["pin": .string(Self.pin)])
            #expect((wait + 1...2 * wait).contains(problem["retry_after"]?.integer ?? 0))
        }
    }

    @Test func aBurstOfGuessesInTwoProcessesGetsNoMoreTries() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let payer = try await payer(servers[0].api)
        let codes = try await together(40) { number in
            try await servers[number % 2].api.reply(
                .post, "/v1/sessions/current/step_ups",
                ["pin": .string(String(260_500 + number))], token: payer.token
            ).code
        }
        #expect(codes.count { $0 == "pin_incorrect" } == 5)
        #expect(codes.count { $0 == "too_many_attempts" } == 35)
    }

    @Test func theRightOneIsRightManyTimesAtOnceAndForgetsWrongOnes() async throws {
        let payer = try await payer()
        for _ in 0..<3 {
            for _ in 0..<4 {
                try await payer.refused(
                    403, "pin_incorrect", .post, stepUps, ["pin": .string(Self.other)])
            }
            let statuses = try await together(6) { _ in
                try await payer.reply(
                    .post, "/v1/sessions/current/step_ups", ["pin": .string(Self.pin)]
                ).status
            }
            #expect(statuses.allSatisfy { $0 == 201 })
        }
    }

    @Test func whoForgotItSetsANewOneWithCodeAndPassword() async throws {
        let (payer, friend) = (try await payer(), try await Person.signUp(World.api))
        for _ in 0..<5 {
            _ = try await payer.reply(.post, stepUps, ["pin": .string(Self.other)])
        }
        let path = "/v1/me/pin_resets"
        _ = try await payer.post(path, status: 202)
        try await payer.refused(429, "too_many_attempts", .post, path)
        let code = try await payer.api.code(at: payer.phone)
        let body: JSON = [
            "pin": .string(Self.other), "code": .string(code),
            "password": .string(Person.password),
        ]
        try await payer.refused(
            403, "password_incorrect", .post, path + "/completions",
            body.replacing("password", "not it"))
        let wrong = code == "000000" ? "000001" : "000000"
        try await payer.refused(
            422, "code_incorrect", .post, path + "/completions",
            body.replacing("code", .string(wrong)))
        let reply = try await payer.reply(.post, path + "/completions", body)
        #expect(reply.status == 204, "\(reply.text)")
        try await payer.refused(410, "code_expired", .post, path + "/completions", body)
        // The lock went with the PIN that was guessed at.
        let paid = try await payer.pay(threshold, friend, pin: Self.other)
        #expect(paid.status == 201, "\(paid.text)")
    }

    @Test func noLogAndNoTableHasIt() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_LOG_LEVEL": "debug"])
        let (payer, friend) = (
            try await payer(server.api), try await Person.signUp(server.api)
        )
        _ = try await payer.pay(threshold, friend, pin: Self.pin)
        _ = try await payer.pay(threshold, friend, pin: Self.other)
        let stored: String = try database.connection().query(
            "SELECT hash FROM identity.pins")[0][0]
        #expect(stored.hasPrefix("$argon2id$"))
        try await server.stop()
        let said = server.current.output + server.current.complaints
        #expect(!said.contains(Self.pin) && !said.contains(Self.other))
    }

    @Test func theClientLibraryPaysWithIt() async throws {
        let (payer, friend) = (try await payer(pin: nil), try await Person.signUp(World.api))
        let client = payer.client
        #expect(try await !client.isPinSet())
        try await client.setPin(Self.pin, password: Person.password)
        let quote = try await client.preview(
            to: friend.username, amount: threshold, currency: "KES")
        #expect(quote.isPinRequired)
        _ = try await client.send(
            to: friend.username, amount: threshold, currency: "KES", pin: Self.pin)
        try await client.stepUp(pin: Self.pin)
        _ = try await client.send(to: friend.username, amount: threshold, currency: "KES")
    }
}

extension Person {
    func setPin(_ pin: String = PinTests.pin) async throws {
        let reply = try await reply(
            .put, "/v1/me/pin", ["pin": .string(pin), "password": .string(Person.password)])
        try #require(reply.status == 204, "\(reply.text)")
    }

    /// Sets a PIN and shows it: nothing asks for one within five minutes.
    func stepUp() async throws {
        try await setPin()
        _ = try await post("/v1/sessions/current/step_ups", ["pin": .string(PinTests.pin)])
    }

    /// Tries to pay, perhaps with a PIN.
    func pay(_ amount: Int64, _ other: Person, pin: String? = nil) async throws -> Reply {
        try await api.reply(
            .post, "/v1/transfers", .send(amount, to: other.username), token: token,
            key: Api.newKey(), headers: pin.map { [("X-Florin-PIN", $0)] } ?? [])
    }
}

extension String {
    fileprivate var trimmed: String { filter { $0 != " " } }
}
