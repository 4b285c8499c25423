import HTTP
import Synchronization
import Values

/// Runs a real server on a port of the system's choice for as long as `body` takes.
func withServer(
    _ routes: [Route] = Sample.routes, files: StaticFiles? = nil,
    configure: (inout ServerConfiguration) -> Void = { _ in },
    body: (TestServer) async throws -> Void
) async throws {
    var configuration = ServerConfiguration()
    configuration.port = 0
    configure(&configuration)
    let server = try Server(
        configuration: configuration, router: Router(routes, describe: Sample.describe),
        staticFiles: files)
    let running = Task { try await server.run() }
    let result: Result<Void, any Error>
    do {
        try await body(TestServer(server: server, running: running))
        result = .success(())
    } catch {
        result = .failure(error)
    }
    server.drain()
    try await running.value
    try result.get()
}

struct TestServer {
    let server: Server
    let running: Task<Void, any Error>

    func client(receiveBufferBytes: Int32? = nil) throws -> RawClient {
        try RawClient(port: server.port, receiveBufferBytes: receiveBufferBytes)
    }

    /// One request on a connection of its own.
    func ask(_ head: String, body: String = "") async throws -> RawAnswer {
        let client = try client()
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let lines = head.split(separator: "\n").map(String.init)
        let fields = ["Host: test"] + lines.dropFirst()
        await client.send("\(lines[0]) HTTP/1.1\r\n\(fields.joined(separator: "\r\n"))\r\n")
        await client.send(length + "\r\n" + body)
        return try await client.answer(toHead: head.hasPrefix("HEAD "))
    }
}

/// Something that happens once and can be waited for.
final class Signal: Sendable {
    private struct State {
        var isFired = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func fire() {
        let waiters = state.withLock { state in
            state.isFired = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isFired = state.withLock { state in
                if !state.isFired { state.waiters.append(continuation) }
                return state.isFired
            }
            if isFired { continuation.resume() }
        }
    }
}

/// The routes that most tests speak to.
enum Sample {
    enum Broken: Error { case database, bug }

    struct Full: Refusal {
        let code = "jar_full"
        let status = 409
        let detail = "The jar holds no more."
        let facts = [Fact("room", 0), Fact("of", "coins"), Fact("names", ["a", "b"])]
    }

    @Sendable static func describe(_ error: any Error) -> Problem? {
        guard let error = error as? Broken, error == .database else { return nil }
        return .unavailable(retryAfterSeconds: 2)
    }

    static let coin = Schema.named(
        "Coin",
        .object(
            .required("amount", .integer(min: 1, max: 1000)),
            .required("currency", .enumeration(["KES", "NGN"])),
            .optional("note", .nullable(.string(max: 10)))))

    static let bearer = RouteBuilder<String>(
        access: .any(of: [.init(.bearer("bearer", format: "name", "Alice."), needs: ["alice"])]),
        refusals: [Refused(401, "unauthenticated")]
    ) { request in
        guard let token = request.bearerToken, token == "alice" else {
            throw Problem.unauthenticated()
        }
        return token
    }

    static let routes: [Route] = [
        .open(.get, "/coins", summary: "List", tag: "Coins", returns: .ok(.page(of: coin))) { _ in
            .json {
                $0.array("data") { _ in }
                $0.null("next_cursor")
            }
        },
        .open(
            .get, "/coins/{id}", summary: "One", tag: "Coins",
            parameters: [.path("id", .uuid), .query("limit", .integer(min: 1, max: 200))],
            returns: .ok(coin)
        ) { request in
            .json {
                $0.field("id", request.parameter("id"))
                $0.field("limit", request.queryInteger("limit"))
                $0.field("address", request.remoteAddress)
            }
        },
        bearer.route(
            .post, "/coins", summary: "Put", tag: "Coins", parameters: [.idempotencyKey],
            body: coin, returns: .created(coin), refusals: [Refused(Full())], bodyBytesMax: 1000
        ) { request, who in
            .json(201, headers: [("Location", "/coins/1")]) {
                $0.field("who", who)
                $0.field("amount", request.json["amount"]?.integer)
            }
        },
        .open(
            .post, "/echo", summary: "Echo", tag: "Echo", body: .any, returns: .ok(.any)
        ) { request in .json(200, request.json) },
        .open(.get, "/full", summary: "Full", tag: "No", returns: .ok(.any)) { _ in throw Full() },
        .open(.get, "/database", summary: "Away", tag: "No", returns: .ok(.any)) { _ in
            throw Broken.database
        },
        .open(.get, "/bug", summary: "Bug", tag: "No", returns: .ok(.any)) { _ in throw Broken.bug
        },
        .open(.delete, "/coins/{id}", summary: "Melt", tag: "Coins", returns: .noContent()) { _ in
            .empty()
        },
        .open(.get, "/text", summary: "Text", tag: "Text", returns: .text("Words.")) { _ in
            .text(200, "words")
        },
    ]

    static let id = "0198c0de-0000-7000-8000-000000000001"
}
