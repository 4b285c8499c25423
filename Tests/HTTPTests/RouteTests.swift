import HTTP
import Telemetry
import Testing

/// What every client may rely on, seen from the wire.
struct RouteTests {
    @Test func answersRoutes() async throws {
        try await withServer { server in
            let answer = try await server.ask("GET /coins")
            #expect(answer.status == 200)
            #expect(answer.text == #"{"data":[],"next_cursor":null}"#)
            #expect(answer["content-type"] == "application/json")
            #expect(answer["cache-control"] == "no-store")
            #expect(answer["x-content-type-options"] == "nosniff")
            #expect(answer["strict-transport-security"] == nil)

            let one = try await server.ask("GET /coins/\(Sample.id)?limit=7")
            #expect(one.text == #"{"id":"\#(Sample.id)","limit":7,"address":"127.0.0.1"}"#)
            #expect(try await server.ask("DELETE /coins/\(Sample.id)").status == 204)
        }
    }

    @Test func answersHeadLikeGet() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(
                "HEAD /coins HTTP/1.1\r\nHost: t\r\n\r\nGET /text HTTP/1.1\r\nHost: t\r\n\r\n")
            let head = try await client.answer(toHead: true)
            #expect(head.status == 200)
            #expect(head["content-length"] == "30")
            // No body came in between, or this would not parse.
            #expect(try await client.answer().text == "words")
        }
    }

    @Test func answersOptionsAndOtherMethods() async throws {
        try await withServer { server in
            let options = try await server.ask("OPTIONS /coins")
            #expect(options.status == 204)
            #expect(options["allow"] == "GET, HEAD, POST, OPTIONS")
            #expect(try await server.ask("OPTIONS *").status == 204)
            #expect(try await server.ask("OPTIONS /nothing").status == 404)
            for method in ["PUT", "PATCH", "TRACE", "QUERY", "PROPFIND", "get"] {
                let answer = try await server.ask("\(method) /coins")
                #expect(answer.status == 405)
                #expect(answer["allow"] == "GET, HEAD, POST, OPTIONS")
                #expect(answer.text.contains(#""code":"method_not_allowed""#))
            }
        }
    }

    @Test func answersNotFoundAsProblem() async throws {
        try await withServer { server in
            let answer = try await server.ask("GET /nothing\nX-Request-Id: abc-1._Z")
            #expect(answer.status == 404)
            #expect(answer["content-type"] == "application/problem+json")
            let json = try JSON(parsing: answer.body)
            #expect(json["type"]?.string == "/problems/not_found")
            #expect(json["status"]?.integer == 404)
            #expect(json["code"]?.string == "not_found")
            #expect(json["title"]?.string == "Not found")
            #expect(json["request_id"]?.string == "abc-1._Z")
            #expect(try await server.ask("GET /coins/not-a-uuid").status == 404)
        }
    }

    @Test func carriesRequestIDs() async throws {
        try await withServer { server in
            let named = try await server.ask("GET /coins\nX-Request-Id: abc-1._Z")
            #expect(named["x-request-id"] == "abc-1._Z")
            for insane in ["a b", String(repeating: "x", count: 129), "é", "a\"b", "<"] {
                let answer = try await server.ask("GET /coins\nX-Request-Id: \(insane)")
                #expect(answer["x-request-id"]?.count == 32)
            }
            let first = try await server.ask("GET /coins")["x-request-id"]
            #expect(try await server.ask("GET /coins")["x-request-id"] != first)
        }
    }

    @Test func turnsErrorsIntoProblems() async throws {
        try await withServer { server in
            let full = try await server.ask("GET /full")
            #expect(full.status == 409)
            let json = try JSON(parsing: full.body)
            #expect(json["room"]?.integer == 0)
            #expect(json["of"]?.string == "coins")
            #expect(json["names"]?.array == ["a", "b"])

            let away = try await server.ask("GET /database")
            #expect(away.status == 503)
            #expect(away["retry-after"] == "2")
            let bug = try await server.ask("GET /bug")
            #expect(bug.status == 500)
            #expect(bug.text.contains("internal_error"))
            #expect(!bug.text.contains("Broken"))
        }
    }

    @Test func asksWhoBeforeWhat() async throws {
        try await withServer { server in
            for head in [
                "POST /coins", "POST /coins\nAuthorization: Basic alice",
                "POST /coins\nAuthorization: Bearer", "POST /coins\nAuthorization: Bearer bob",
            ] {
                let answer = try await server.ask(head, body: "not json")
                #expect(answer.status == 401)
                #expect(answer["www-authenticate"] == "Bearer")
            }
        }
    }

    private static let alice =
        "POST /coins\nAuthorization: bearer alice\nContent-Type: application/json"

    @Test func checksBodiesAndParameters() async throws {
        try await withServer { server in
            let keyed = Self.alice + "\nIdempotency-Key: k1"
            let good = #"{"amount":5,"currency":"KES"}"#
            let created = try await server.ask(keyed, body: good)
            #expect(created.status == 201)
            #expect(created.text == #"{"who":"alice","amount":5}"#)
            #expect(created["location"] == "/coins/1")

            let unkeyed = try await server.ask(Self.alice, body: good)
            #expect(unkeyed.status == 400)
            #expect(unkeyed.text.contains(#""code":"idempotency_key_required""#))

            let wrong = try await server.ask(keyed, body: #"{"amount":0,"currency":"KES"}"#)
            let problem = try JSON(parsing: wrong.body)
            #expect(wrong.status == 400)
            #expect(problem["code"]?.string == "invalid_request")
            #expect(problem["field"]?.string == "/amount")
            #expect(problem["reason"]?.string == "must be at least 1")

            let broken = try await server.ask(keyed, body: #"{"amount":5,"amount":6}"#)
            #expect(broken.status == 400)
            #expect(broken.text.contains("duplicate_name at byte 12"))
            #expect(try await server.ask(keyed).status == 400)
            #expect(try await server.ask("GET /coins/\(Sample.id)?limit=201").status == 400)
            #expect(try await server.ask("GET /coins/\(Sample.id)?limit=1&limit=2").status == 400)
        }
    }

    @Test func negotiatesMediaTypes() async throws {
        try await withServer { server in
            let refused = try await server.ask("GET /coins\nAccept: text/html")
            #expect(refused.status == 406)
            #expect(try await server.ask("GET /coins\nAccept: */*").status == 200)
            #expect(try await server.ask("GET /text\nAccept: text/*").status == 200)

            let body = #"{"a":1}"#
            for type in [
                "text/plain", "application/json; charset=latin1", "application/jsonx",
                ";application/json",
            ] {
                let answer = try await server.ask("POST /echo\nContent-Type: \(type)", body: body)
                #expect(answer.status == 415)
            }
            for type in ["application/json", "Application/JSON; charset=\"UTF-8\""] {
                let answer = try await server.ask("POST /echo\nContent-Type: \(type)", body: body)
                #expect(answer.text == body)
            }
            let coded = "POST /echo\nContent-Type: application/json\nContent-Encoding: gzip"
            #expect(try await server.ask(coded, body: body).status == 415)
            #expect(try await server.ask("POST /echo", body: body).status == 415)
            #expect(try await server.ask("POST /echo").text == "{}")
        }
    }

    @Test func tellsBrowsersWhichOriginsMayCall() async throws {
        let configure: (inout ServerConfiguration) -> Void = {
            $0.originsAllowed = ["https://wallet.example"]
            $0.strictTransportSeconds = 3600
        }
        try await withServer(configure: configure) { server in
            let good = try await server.ask("GET /coins\nOrigin: https://wallet.example")
            #expect(good["access-control-allow-origin"] == "https://wallet.example")
            #expect(good["vary"] == "Origin")
            #expect(good["strict-transport-security"] == "max-age=3600")
            let bad = try await server.ask("GET /coins\nOrigin: https://evil.example")
            #expect(bad.status == 200)
            #expect(bad["access-control-allow-origin"] == nil)
            #expect(bad["vary"] == "Origin")

            let wanted = "\nAccess-Control-Request-Method: POST"
            let preflight = try await server.ask(
                "OPTIONS /coins\nOrigin: https://wallet.example" + wanted)
            #expect(preflight.status == 204)
            #expect(preflight["access-control-allow-methods"] == "POST")
            #expect(preflight["access-control-allow-headers"]?.contains("Idempotency-Key") == true)
            #expect(preflight["access-control-allow-origin"] == "https://wallet.example")
            let refused = try await server.ask(
                "OPTIONS /coins\nOrigin: https://evil.example" + wanted)
            #expect(refused["access-control-allow-methods"] == nil)
            #expect(refused["allow"] == "GET, HEAD, POST, OPTIONS")
        }
    }

    @Test func countsByRouteAndStatus() async throws {
        let metrics = Metrics()
        var configuration = ServerConfiguration()
        configuration.port = 0
        let server = try Server(
            configuration: configuration, router: Router(Sample.routes, metrics: metrics),
            metrics: metrics)
        let running = Task { try await server.run() }
        let test = TestServer(server: server, running: running)
        for path in ["/coins", "/coins", "/coins?x", "/full", "/nothing"] {
            _ = try await test.ask("GET \(path)")
        }
        server.drain()
        try await running.value
        let text = metrics.text()
        for line in [
            #"http_requests_total{method="GET",route="/coins",status="2xx"} 3"#,
            #"http_requests_total{method="GET",route="/full",status="4xx"} 1"#,
            #"http_requests_total{method="other",route="none",status="4xx"} 1"#,
            #"http_request_duration_seconds_count{method="GET",route="/coins"} 3"#,
        ] {
            #expect(text.contains(line))
        }
    }
}
