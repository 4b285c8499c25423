import HTTP
import TestSupport
import Testing

/// More of everything than anybody needs.
@Suite("Abuse: too much", .timeLimit(.minutes(1)))
struct OversizeTests {
    private static func send(_ api: Api, _ text: String) async throws -> Reply {
        let request = OutboundRequest(
            .post, api.url + "/v1/sessions", headers: [("Content-Type", "application/json")],
            body: Array(text.utf8))
        return Reply(try await HTTPClient().send(request))
    }

    @Test(arguments: [33, 1000, 100_000])
    func deepNestingIsRefusedAtItsFirstLevelTooMany(_ depth: Int) async throws {
        let api = try await World.api
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let inner = String(repeating: open, count: depth)
            let text = inner + "1" + String(repeating: close, count: depth)
            let reply = try await Self.send(api, text)
            reply.expectProblem(400, "invalid_request")
            #expect(reply.json["reason"]?.string == "too_deep", "\(depth) of \(open)")
            #expect(reply.json["offset"]?.integer == Int64(32 * open.utf8.count))
        }
        // As deep as may be is read, and is then no log-in.
        let allowed = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        let reply = try await Self.send(api, allowed)
        reply.expectProblem(400, "invalid_request")
        #expect(reply.json["reason"]?.string == "must be an object")
    }

    @Test(arguments: [
        (#"{"login":"a","login":"b","password":"c"}"#, "duplicate_name"),
        (#"{"login":"a","password":"\ud800"}"#, "lone_surrogate"),
        (#"{"login":"a","password":"b"}{"#, "trailing_bytes"),
        (#"{"login":"a","password":"b",}"#, "unexpected_byte"),
        (#"{"login":"a" /* */,"password":"b"}"#, "unexpected_byte"),
        (#"{'login':'a','password':'b'}"#, "unexpected_byte"),
        (#"{"login":NaN,"password":"b"}"#, "unexpected_byte"),
        (#"{"login":1e5,"password":"b"}"#, "must be a string"),
        ("{\"login\":\"a\u{0001}\",\"password\":\"b\"}", "control_character"),
        ("{\"login\":\"a\\u0000\",\"password\":\"b\"}", "must not contain U+0000"),
        (#"{"login":-,"password":"b"}"#, "invalid_number"),
        (#"{"login":01,"password":"b"}"#, "invalid_number"),
    ])
    func whatTwoProgramsWouldReadDifferentlyIsRefused(
        _ text: String, _ reason: String
    ) async throws {
        let reply = try await Self.send(World.api, text)
        reply.expectProblem(400, "invalid_request")
        #expect(reply.json["reason"]?.string == reason, "\(reply.text)")
    }

    @Test func longNumbersAreNotRounded() async throws {
        let payer = try await Person.signUp(World.api, money: 100)
        let friend = try await Person.signUp(World.api)
        for amount in [
            "9223372036854775808", "1.0", "1e2", "0.99999999999999999999", "-1", "-0", "1E400",
            String(repeating: "9", count: 65),
        ] {
            let text = #"{"to":"\#(friend.username)","currency":"KES","amount":\#(amount)}"#
            let request = OutboundRequest(
                .post, payer.api.url + "/v1/transfers",
                headers: [
                    ("Content-Type", "application/json"),
                    ("Authorization", "Bearer " + payer.token), ("Idempotency-Key", Api.newKey()),
                ], body: Array(text.utf8))
            let reply = Reply(try await HTTPClient().send(request))
            #expect([400, 422].contains(reply.status), "\(amount): \(reply.text)")
            #expect(["invalid_request", "amount_must_be_positive"].contains(reply.code))
        }
        #expect(try await payer.available() == 100)
    }

    @Test func manyMembersAndLongTextsAreRefused() async throws {
        let api = try await World.api
        let members = (0..<20_000).map { "\"m\($0)\":1" }.joined(separator: ",")
        let many = try await Self.send(api, "{\(members)}")
        many.expectProblem(400, "invalid_request")
        #expect(many.json["field"]?.string == "/login")
        let long = String(repeating: "a", count: 500_000)
        let text = try await Self.send(api, #"{"login":"\#(long)","password":"b"}"#)
        text.expectProblem(400, "invalid_request")
        #expect(text.json["field"]?.string == "/login")
        #expect(text.text.utf8.count < 1000, "a refusal does not repeat what it refuses")
        let whole = try await Self.send(api, String(repeating: " ", count: 1024 * 1024 + 1))
        whole.expectProblem(413, "content_too_large")
    }

    @Test func longHeadsAreRefused() async throws {
        let api = try await World.api
        let long = String(repeating: "a", count: 9 * 1024)
        for headers in [
            [("X-Long", long)], (0..<120).map { ("X-\($0)", "a") },
        ] {
            (try await api.reply(.get, "/v1/me", headers: headers))
                .expectProblem(431, "request_header_fields_too_large")
        }
        let query = (0..<65).map { "a\($0)=1" }.joined(separator: "&")
        (try await api.reply(.get, "/v1/me?" + query)).expectProblem(400, "invalid_request")
    }

    /// A small body that would become a large one is not unpacked at all.
    @Test func compressedBodiesAreNotUnpacked() async throws {
        for coding in ["gzip", "br", "deflate", "identity, gzip"] {
            let reply = try await World.api.reply(
                .post, "/v1/sessions", .logIn("a", "b"), headers: [("Content-Encoding", coding)])
            reply.expectProblem(415, "unsupported_media_type")
        }
    }
}
