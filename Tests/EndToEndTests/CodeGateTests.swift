import HTTP
import TestSupport
import Testing

/// Caps on codes, and the guard against numbers that are pumped.
@Suite("What codes pass before they are sent", .timeLimit(.minutes(1)))
struct CodeGateTests {
    private static let generous = FlorinServer.generousCodeLimits

    private func signUp(
        _ phone: String, _ api: Api, from address: String? = nil
    ) async throws -> Reply {
        let body = Person.Names().signUp.replacing("phone", .string(phone))
        return try await api.reply(
            .post, "/v1/users", body, headers: address.map { [("X-Forwarded-For", $0)] } ?? [])
    }

    private func resend(_ phone: String, _ api: Api) async throws -> Reply {
        try await api.reply(.post, "/v1/phone_codes", ["phone": .string(phone)])
    }

    private func expectWait(_ reply: Reply, _ seconds: ClosedRange<Int64>) throws {
        reply.expectProblem(429, "too_many_attempts")
        let wait = try #require(reply.json["retry_after"]?.integer)
        #expect(seconds.contains(wait))
    }

    @Test(arguments: [true, false])
    func aNumberIsSentSoMany(withWallet: Bool) async throws {
        let server = try await World.own([
            "FLORIN_CODE_LIMITS": Self.generous + ",phone=2/7200"
        ])
        let names = Person.Names()
        if withWallet { _ = try await server.api.expect(201, .post, "/v1/users", names.signUp) }
        for _ in 0..<2 {
            try await server.api.advanceClock(seconds: 61)
            #expect(try await resend(names.phone, server.api).status == 202)
        }
        try await server.api.advanceClock(seconds: 61)
        try expectWait(try await resend(names.phone, server.api), 3400...3600)
        // Another's number is another bucket, and in time there is a token again.
        #expect(try await resend(Person.Names().phone, server.api).status == 202)
        try await server.api.advanceClock(seconds: 3600)
        #expect(try await resend(names.phone, server.api).status == 202)
    }

    @Test func codesThatOthersAskedForKeepNobodyFromSigningUp() async throws {
        let server = try await World.own([
            "FLORIN_CODE_LIMITS": Self.generous + ",phone=1/3600"
        ])
        let names = Person.Names()
        #expect(try await resend(names.phone, server.api).status == 202)
        try expectWait(try await resend(names.phone, server.api), 3500...3600)
        _ = try await server.api.expect(201, .post, "/v1/users", names.signUp)
        try await server.api.verify(names.phone)
    }

    @Test func anAddressIsCountedWhereverItsCodesGo() async throws {
        let server = try await World.own([
            "FLORIN_CODE_LIMITS": Self.generous + ",address=2/3600",
            "FLORIN_TRUSTED_PROXIES": "127.0.0.1",
        ])
        let api = server.api
        #expect(try await signUp("+254711000001", api, from: "2001:db8::1").status == 201)
        #expect(try await signUp("+255711000002", api, from: "2001:db8::2").status == 201)
        try expectWait(try await signUp("+256711000003", api, from: "2001:db8::3"), 1700...1800)
        #expect(try await signUp("+256711000003", api, from: "2001:db8:0:1::3").status == 201)
        #expect(try await signUp("+256711000004", api, from: "192.0.2.1").status == 201)
    }

    @Test func neighbouringNumbersShareABucket() async throws {
        let server = try await World.own([
            "FLORIN_CODE_LIMITS": Self.generous + ",prefix=2/3600"
        ])
        #expect(try await signUp("+254711110001", server.api).status == 201)
        #expect(try await signUp("+254711119999", server.api).status == 201)
        try expectWait(try await signUp("+254711114711", server.api), 1700...1800)
        #expect(try await signUp("+254711120001", server.api).status == 201)
    }

    @Test func aCountryHasABucketAndMayHaveItsOwn() async throws {
        let server = try await World.own([
            "FLORIN_CODE_LIMITS": Self.generous
                + ",country=1/3600,+254=2/3600,+1=3/3600,+1876=1/3600"
        ])
        for (numbers, most) in [
            (["+254711000001", "+254722000001", "+254733000001"], 2),
            (["+255711000001", "+255722000001"], 1), (["+39061000001", "+39062000001"], 1),
            // Jamaica is not the United States, whose code it shares.
            (["+18765550001", "+18765660001"], 1),
            (["+12025550001", "+12025660001", "+12025770001", "+12025880001"], 3),
        ] {
            var sent = 0
            for number in numbers {
                let reply = try await signUp(number, server.api)
                if reply.status == 201 { sent += 1 } else { try expectWait(reply, 1...3600) }
            }
            #expect(sent == most, "\(numbers)")
        }
    }

    @Test func twoProcessesShareTheCapsExactly() async throws {
        let redis = try await TestRedis.start()
        let pair = try await FlorinServer.pair(
            on: TestPostgres.database(),
            [
                "FLORIN_REDIS_URL": redis.socket,
                "FLORIN_CODE_LIMITS": Self.generous + ",prefix=5/3600",
            ])
        let statuses = try await together(20) { number in
            try await signUp("+2547111100\(10 + number)", pair[number % 2].api).status
        }
        #expect(statuses.filter { $0 == 201 }.count == 5)
        #expect(statuses.filter { $0 == 429 }.count == 15)
        // Redis is told nobody's number.
        #expect(try await !redis.command("KEYS", "*").contains("25471111001"))
    }

    @Test func aPrefixThatNeverAnswersIsStoppedAndStaffAreTold() async throws {
        let office = try await Office(["FLORIN_CODE_GUARD": "sent=5,answered=20,hours=6"])
        let (api, support) = (office.api, try await office.hire("support"))
        for number in 1...5 {
            #expect(try await signUp("+9607770000\(number)", api).status == 201)
            // One in six, and that is enough.
            #expect(try await signUp("+9608880000\(number)", api).status == 201)
        }
        for number in 1...2 { try await api.verify("+9608880000\(number)") }
        // They may still be answered.
        #expect(try await signUp("+96077700006", api).status == 201)
        try await api.advanceClock(seconds: 181)
        try expectWait(try await signUp("+96077700007", api), 21_500...21_600)
        try expectWait(try await resend("+96077704711", api), 21_500...21_600)
        #expect(try await signUp("+96088800007", api).status == 201)
        #expect(try await signUp("+96077800001", api).status == 201)

        let line = try await office.server.current.logLine(containing: "codes_stopped")
        #expect(line.contains(#""prefix":"+9607770""#))
        let metrics = try await api.reply(.get, "/metrics").text
        #expect(metrics.contains("code_stops_total 1"))
        for person in [support, office.admin] {
            let inbox = try await api.expect(
                200, .get, "/sandbox/messages?to=%2B\(person.phone.dropFirst())")
            #expect(inbox.rows.first?["body"]?.string?.contains("begin with +9607770") == true)
        }
        let acts = try await office.acts("codes_stopped")
        #expect(acts.count == 1)
        #expect(acts.first?[at: "after", "sent"]?.integer == 6)
        let stop = try await support.get("/v1/staff/code_stops").rows
        #expect(stop.map { $0["prefix"]?.string } == ["+9607770"])
        #expect(stop.first?["answered"]?.integer == 0)
    }

    @Test func aStopIsLiftedByAnAdminOrEndsByItself() async throws {
        let office = try await Office(["FLORIN_CODE_GUARD": "sent=3,answered=50,hours=1"])
        let api = office.api
        func pump(_ round: Int) async throws {
            for number in 0..<3 {
                #expect(try await signUp("+96077700\(round)0\(number)", api).status == 201)
            }
            try await api.advanceClock(seconds: 181)
            try expectWait(try await signUp("+96077700999", api), 1...3600)
        }
        try await pump(1)
        // A restart does not set it free.
        try await office.server.stop()
        try await office.server.restart()
        // Its clock went back to that of the machine.
        try await api.advanceClock(seconds: 181)
        try expectWait(try await signUp("+96077700998", api), 1...3600)
        let admin = try await api.logIn(office.admin.username)["access_token"]?.string
        try office.admin.letWork(by: office.hands())
        let stops = try await api.expect(200, .get, "/v1/staff/code_stops", token: admin)
        let path = "/v1/staff/code_stops/\(stops.rows.first?.id ?? "")/lifts"
        let lifted = try await api.expect(
            201, .post, path, ["reason": "Our own campaign."], token: admin)
        #expect(lifted["lifted_at"]?.string != nil)
        try await api.refused(
            404, "code_stop_not_found", .post, path, ["reason": "Again."], token: admin)
        // What went unanswered before counts no more, what goes unanswered afterwards does.
        try await api.advanceClock(seconds: 61)
        try await pump(2)
        try await api.advanceClock(seconds: 3661)
        try await pump(3)
    }

    @Test(arguments: [
        ("FLORIN_CODE_LIMITS", "phone"), ("FLORIN_CODE_LIMITS", "planet=1/1"),
        ("FLORIN_CODE_LIMITS", "+0=1/1"), ("FLORIN_CODE_LIMITS", "254=1/1"),
        ("FLORIN_CODE_GUARD", "sent=0"), ("FLORIN_CODE_GUARD", "answered=101"),
        ("FLORIN_CODE_GUARD", "hours=721"), ("FLORIN_CODE_GUARD", "off"),
    ])
    func aSettingThatMakesNoSenseKeepsItFromStarting(name: String, value: String) async throws {
        let (program, ending) = try await FlorinServer.run(["serve"], [name: value])
        #expect(ending != .exited(0))
        #expect(program.complaints.contains(name))
    }
}
