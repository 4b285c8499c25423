import HTTP
import Testing

/// How the whole program answers what is not a call of its API. `HTTPTests` has the engine's part.
@Suite("The protocol", .timeLimit(.minutes(1)))
struct ProtocolTests {
    private let path = "/v1/transfers"

    @Test func nothingIsThere() async throws {
        let api = try await World.api
        for path in ["/v1/nothing", "/v1/transfers/", "/v1", "/v2/users", "/sandbox"] {
            try await api.refused(404, "not_found", .get, path)
        }
    }

    @Test func whatAnAddressAnswersIsNamed() async throws {
        let api = try await World.api
        let reply = try await api.reply(.put, path, [:])
        reply.expectProblem(405, "method_not_allowed")
        let allowed = Set(
            reply.header("Allow")?.split(separator: ",").map { $0.filter { $0 != " " } } ?? [])
        #expect(allowed.contains("POST"))
        #expect(!allowed.contains("GET"))
        let options = try await api.reply(.options, "/v1/me")
        #expect(options.status == 204)
        #expect(options.header("Allow")?.contains("GET") == true)
    }

    @Test func headHasTheHeadersAlone() async throws {
        let api = try await World.api
        let (head, get) = (
            try await api.reply(.head, "/health"), try await api.reply(.get, "/health")
        )
        #expect(head.status == 200)
        #expect(head.text.isEmpty)
        #expect(head.header("Content-Type") == get.header("Content-Type"))
    }

    @Test func mediaTypesMatter() async throws {
        let payer = try await Person.signUp(World.api, money: 10)
        let send = { (headers: [(String, String)]) in
            try await payer.api.reply(
                .post, "/v1/transfers", .send(1, to: "x"), token: payer.token, key: Api.newKey(),
                headers: headers)
        }
        (try await send([("Accept", "image/png")])).expectProblem(406, "not_acceptable")
        let form = OutboundRequest(
            .post, payer.api.url + path,
            headers: [
                ("Authorization", "Bearer " + payer.token), ("Idempotency-Key", Api.newKey()),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ], body: Array("to=x&amount=1".utf8))
        Reply(try await HTTPClient().send(form)).expectProblem(415, "unsupported_media_type")
    }

    @Test func bodiesHaveALimitAndAForm() async throws {
        let payer = try await Person.signUp(World.api, money: 10)
        let long = String(repeating: "x", count: 1024 * 1024 + 1)
        let problem = try await payer.refused(
            413, "content_too_large", .post, path, .send(1, to: "x", note: long))
        #expect(problem["bytes_max"]?.integer == 1_048_576)
        for text in ["{", "[]", #"{"to":"x","to":"y"}"#, "\u{FEFF}{}", ""] {
            let request = OutboundRequest(
                .post, payer.api.url + path,
                headers: [
                    ("Authorization", "Bearer " + payer.token), ("Idempotency-Key", Api.newKey()),
                    ("Content-Type", "application/json"),
                ], body: Array(text.utf8))
            Reply(try await HTTPClient().send(request)).expectProblem(400, "invalid_request")
        }
    }

    @Test func requestsAreNamed() async throws {
        let api = try await World.api
        let mine = try await api.reply(
            .get, "/v1/nothing", headers: [("X-Request-Id", "a-name-of-mine.1")])
        #expect(mine.header("X-Request-Id") == "a-name-of-mine.1")
        mine.expectProblem(404, "not_found")
        let (one, two) = (
            try await api.reply(.get, "/health"), try await api.reply(.get, "/health")
        )
        #expect(one.header("X-Request-Id")?.isEmpty == false)
        #expect(one.header("X-Request-Id") != two.header("X-Request-Id"))
        #expect(one.header("X-Content-Type-Options") == "nosniff")
    }

    @Test func theOutboxIsReadByAnySpelling() async throws {
        let (api, names) = (try await World.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let digits = names.phone.dropFirst()
        let spelt = "%2B\(digits.prefix(3))%20\(digits.dropFirst(3))"
        #expect(try await api.expect(200, .get, "/sandbox/messages?to=\(spelt)").rows.count == 1)
        #expect(try await api.expect(200, .get, "/sandbox/messages?to=nobody").rows.isEmpty)
        let all = try await api.expect(200, .get, "/sandbox/messages").rows
        #expect(!all.isEmpty)
        // Ids, by which they are sorted, know milliseconds.
        let times = all.compactMap { $0["created_at"]?.string?.prefix(23) }
        #expect(times == times.sorted(by: >))
    }
}
