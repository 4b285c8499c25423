import Telemetry
import Testing

@testable import HTTP

struct RouterTests {
    private func route(_ method: HTTP.Method, _ path: String) -> Route {
        .open(method, path, summary: path, tag: "T", returns: .noContent()) { _ in .empty() }
    }

    private func router(_ routes: Route...) -> Router {
        Router(routes, metrics: Metrics())
    }

    private func find(_ router: Router, _ method: HTTP.Method?, _ path: String) -> String {
        guard let target = RequestTarget(path) else { return "bad" }
        switch router.resolve(method, target) {
        case .found(let endpoint, let parameters):
            let values = parameters.map { "\($0.name)=\($0.value)" }
            return ([endpoint.route.path] + values).joined(separator: " ")
        case .otherMethods(let allow): return "405 " + allow
        case .nothing: return "404"
        }
    }

    @Test func prefersLiteralsAndBacktracks() {
        let router = router(
            route(.get, "/a/{x}"), route(.get, "/a/me"), route(.get, "/a/{x}/b"),
            route(.get, "/a/me/c"), route(.get, "/"), route(.post, "/a/{y}/b"))
        #expect(find(router, .get, "/a/me") == "/a/me")
        #expect(find(router, .get, "/a/you") == "/a/{x} x=you")
        #expect(find(router, .get, "/a/me/b") == "/a/{x}/b x=me")
        #expect(find(router, .post, "/a/z/b") == "/a/{y}/b y=z")
        #expect(find(router, .get, "/a/me/c") == "/a/me/c")
        #expect(find(router, .get, "/") == "/")
    }

    @Test func knowsWhatIsMissing() {
        let router = router(route(.get, "/a/{x}"), route(.delete, "/a/{x}"), route(.post, "/b"))
        #expect(find(router, .get, "/") == "404")
        #expect(find(router, .get, "/a") == "404")
        #expect(find(router, .get, "/a/") == "404")
        #expect(find(router, .get, "/a/b/c") == "404")
        #expect(find(router, .get, "//a/b") == "404")
        #expect(find(router, .post, "/a/b") == "405 GET, HEAD, DELETE, OPTIONS")
        #expect(find(router, nil, "/b") == "405 POST, OPTIONS")
        #expect(find(router, .head, "/a/b") == "/a/{x} x=b")
        #expect(find(router, .head, "/b") == "405 POST, OPTIONS")
    }

    @Test func decodesSegmentsAndQueries() {
        let target = RequestTarget("/a%2Fb/%C3%A9?q=1+2&r=%26&empty&=x&s=a=b")
        #expect(target?.segments == ["a/b", "é"])
        #expect(target?.path == "/a%2Fb/%C3%A9")
        let query = target?.query.map { "\($0.name):\($0.value)" }
        #expect(query == ["q:1 2", "r:&", "empty:", ":x", "s:a=b"])
        #expect(RequestTarget("http://host:80/x?y=z")?.segments == ["x"])
    }

    @Test(arguments: [
        "", "a", "*", "/%", "/%4", "/%zz", "/%00", "/%ff", "/..", "/a/%2e%2e/b", "/.", "/a b",
        "/?a=%00", "/?a=%c0%80", "/é", "http://host", "ftp://host/x",
    ])
    func refusesBrokenTargets(text: String) {
        #expect(RequestTarget(text) == nil)
    }

    @Test func boundsQueryParameters() {
        let pairs = { (count: Int) in
            "/?" + (0..<count).map { "a\($0)=1" }.joined(separator: "&")
        }
        #expect(RequestTarget(pairs(64)) != nil)
        #expect(RequestTarget(pairs(65)) == nil)
    }

    @Test(
        arguments: [
            (nil, true), ("application/json", true), ("APPLICATION/JSON", true), ("*/*", true),
            ("application/*", true), ("text/html, application/json;q=0.5", true), ("", true),
            ("text/html", false), ("application/json;q=0", false),
            ("*/*, application/json;q=0.0", false),
            ("application/json, */*;q=0", true), ("application/xml, text/*", false),
        ] as [(String?, Bool)])
    func readsAccept(field: String?, isAccepted: Bool) {
        #expect(MediaType.accepts(field, "application/json") == isAccepted)
    }
}
