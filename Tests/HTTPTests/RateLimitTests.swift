import HTTP
import Redis
import Testing
import Values

/// Who asks too often, as a client sees it.
struct RateLimitTests {
    private static let generous = Quota(1000, perSeconds: 1000)

    private func limiter(
        _ tight: (RateScope, RateClass)..., quota: Quota, clock: Clock = Clock()
    ) -> RateLimiter {
        let limits = RateLimits { scope, rateClass in
            tight.contains { $0 == (scope, rateClass) } ? quota : Self.generous
        }
        return RateLimiter(limits: limits, buckets: TokenBuckets(redis: nil), clock: clock)
    }

    private var routes: [Route] {
        let scheme = SecurityScheme.bearer("number", format: "number", "")
        let bearer = RouteBuilder(access: .any(of: [Route.Access.Way(scheme)])) { request in
            let id = ID<String>(high: UInt64(request.bearerToken ?? "0") ?? 0, low: 0)
            try request.admit(.account(id))
            return id
        }
        return [
            .open(.get, "/open", summary: "", tag: "", returns: .noContent()) { _ in .empty() },
            .open(.post, "/code", summary: "", tag: "", returns: .noContent(), rate: .code) { _ in
                .empty()
            },
            bearer.route(.get, "/mine", summary: "", tag: "", returns: .noContent()) { _, _ in
                .empty()
            },
            bearer.route(.post, "/mine", summary: "", tag: "", returns: .noContent()) { _, _ in
                .empty()
            },
        ]
    }

    @Test func classesFollowFromTheRouteUnlessItNamesOne() {
        #expect(routes.map(\.rateClass) == [.open, .code, .read, .money])
    }

    @Test func everyAnswerTellsThePolicyAndWhatIsLeft() async throws {
        let limiter = limiter((.address, .open), quota: Quota(3, perSeconds: 3600))
        try await withServer(routes, configure: { $0.limiter = limiter }) { server in
            for left in [2, 1, 0] {
                let answer = try await server.ask("GET /open")
                #expect(answer.status == 204)
                #expect(answer["ratelimit-policy"] == "\"address\";q=3;w=3600")
                try expect(answer, left: left, of: "address", within: Int64(1200 * (3 - left)))
            }
            let refused = try await server.ask("GET /open")
            #expect(refused.status == 429)
            #expect(refused.text.contains("\"code\":\"rate_limited\""))
            let wait = try #require(refused["retry-after"])
            #expect(refused.text.contains("\"scope\":\"address\",\"retry_after\":\(wait)"))
            #expect(refused["ratelimit"] == "\"address\";r=0;t=\(wait)")
            #expect((1...1200).contains(Int64(wait) ?? 0))
            // Other classes of routes have buckets of their own.
            try await server.expect(204, "POST /code")
        }
    }

    private func expect(
        _ answer: RawAnswer, left: Int, of scope: String, within seconds: Int64,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let parts = try #require(answer["ratelimit"]).split(separator: ";t=")
        #expect(parts.first == "\"\(scope)\";r=\(left)", sourceLocation: location)
        let wait = Int64(parts.last ?? "") ?? -1
        #expect((1...seconds).contains(wait), sourceLocation: location)
    }

    @Test func timeBringsTokensBack() async throws {
        let clock = Clock()
        let limiter = limiter((.address, .open), quota: Quota(1, perSeconds: 3600), clock: clock)
        try await withServer(routes, configure: { $0.limiter = limiter }) { server in
            try await server.expect(204, "GET /open")
            try await server.expect(429, "GET /open")
            clock.advance(seconds: 3600)
            try await server.expect(204, "GET /open")
        }
    }

    @Test func anAccountIsCountedWhereverItIs() async throws {
        let limiter = limiter((.account, .money), quota: Quota(2, perSeconds: 3600))
        try await withServer(routes, configure: { $0.limiter = limiter }) { server in
            let mine = "POST /mine\nAuthorization: Bearer 7"
            let first = try await server.ask(mine)
            #expect(
                first["ratelimit-policy"]
                    == "\"address\";q=1000;w=1000, \"account\";q=2;w=3600")
            try expect(first, left: 1, of: "account", within: 1800)
            try await server.expect(204, mine)
            let refused = try await server.ask(mine)
            #expect(refused.status == 429)
            #expect(refused.text.contains("\"scope\":\"account\""))
            try await server.expect(204, "POST /mine\nAuthorization: Bearer 8")
            try await server.expect(204, "GET /mine\nAuthorization: Bearer 7")
        }
    }

    @Test func whatIsNotThereCountsToo() async throws {
        let limiter = limiter((.address, .open), quota: Quota(2, perSeconds: 3600))
        try await withServer(routes, configure: { $0.limiter = limiter }) { server in
            try await server.expect(404, "GET /admin.php")
            try await server.expect(405, "PUT /open")
            try await server.expect(429, "GET /wp-login")
        }
    }

    @Test func neighboursInOneIPv6NetworkAreOneAndOthersAreNot() async throws {
        let limiter = limiter((.address, .open), quota: Quota(1, perSeconds: 3600))
        try await withServer(
            routes,
            configure: {
                $0.limiter = limiter
                $0.proxiesTrusted = Network.loopback
            }
        ) { server in
            func expect(_ status: Int, _ address: String) async throws {
                try await server.expect(status, "GET /open\nX-Forwarded-For: \(address)")
            }
            try await expect(204, "2001:db8:0:1::1")
            try await expect(429, "2001:db8:0:1:ffff::2")
            try await expect(204, "2001:db8:0:2::1")
            try await expect(204, "192.0.2.1")
            try await expect(204, "192.0.2.2")
            try await expect(429, "::ffff:192.0.2.2")
        }
    }

    @Test func withoutALimiterNothingIsSaid() async throws {
        try await withServer(routes) { server in
            let answer = try await server.ask("GET /open")
            #expect(answer["ratelimit"] == nil)
        }
    }
}

extension TestServer {
    fileprivate func expect(
        _ status: Int, _ head: String, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await ask(head)
        #expect(answer.status == status, sourceLocation: location)
    }
}
