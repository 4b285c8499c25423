import Foundation
import HTTP
import Testing

/// The shipped nginx configuration in front of a real server: what the first reader refuses, what
/// it repairs, and that nothing it repairs is read differently behind it.
@Suite(.enabled(if: Gateway.isInstalled), .serialized)
struct GatewayTests {
    /// Refused by nginx or by the server behind it, and the connection is not used again.
    static let refused: [(String, Int, String)] = [
        ("no Host", 400, "GET /text HTTP/1.1\r\nA: b\r\n\r\n"),
        ("two Hosts", 400, "GET /text HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
        (
            "length and coding", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                + "\r\n0\r\n\r\n"
        ),
        (
            "two lengths", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"
        ),
        ("signed length", 400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"),
        (
            "unknown coding", 501,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
        ),
        ("space before colon", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n"),
        ("odd name", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA(b: c\r\n\r\n"),
        ("NUL in a value", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
        ("folded line", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
        ("bare CR", 400, "GET /text HTTP/1.1\r\nHost: h\rA: b\r\n\r\n"),
        ("dot segments", 400, "GET /../x HTTP/1.1\r\nHost: h\r\n\r\n"),
        (
            "signed chunk", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "+1\r\na\r\n0\r\n\r\n"
        ),
    ]

    @Test func refusesTricks() async throws {
        try await withGateway { gateway in
            for (name, status, head) in Self.refused {
                let client = try gateway.client()
                await client.send(head)
                #expect(try await client.answer().status == status, "\(name)")
            }
        }
    }

    /// nginx forgives these and writes a clean request of its own, which is why they are harmless
    /// behind it; met directly, the server refuses them.
    @Test func repairsBareLineFeeds() async throws {
        try await withGateway { gateway in
            for head in ["GET /text HTTP/1.1\nHost: h\n\n", "GET /text HTTP/1.1\r\nHost: h\n\r\n"] {
                let client = try gateway.client()
                await client.send(head)
                #expect(try await client.answer().text == "words")
            }
        }
    }

    @Test func passesOnWhoAsksAndWhichRequest() async throws {
        try await withGateway { gateway in
            let client = try gateway.client()
            await client.send(
                "GET /coins/\(Sample.id) HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine-1\r\n"
                    + "X-Forwarded-For: 203.0.113.9\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.text.contains(#""address":"127.0.0.1""#))
            #expect(answer.headers.filter { $0.name == "x-request-id" }.map(\.value) == ["mine-1"])
            #expect(answer["strict-transport-security"] == "max-age=31536000")
        }
    }

    @Test func saysNoInTheMannerOfTheAPI() async throws {
        try await withGateway { gateway in
            let client = try gateway.client()
            await client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 413)
            #expect(answer["content-type"] == "application/problem+json")
            let problem = try JSON(parsing: answer.body)
            #expect(problem["code"]?.string == "content_too_large")
            #expect(problem["request_id"]?.string == answer["x-request-id"])
        }
    }

    @Test func passesEventsOnAsTheyCome() async throws {
        try await withGateway { gateway in
            let client = try gateway.client()
            await client.send("GET /v1/events HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try await client.text(through: "event: hello\ndata: you\n\n")
        }
    }

    private func withGateway(_ body: (Gateway) async throws -> Void) async throws {
        let events = Route.open(
            .get, "/v1/events", summary: "Follow", tag: "T", returns: .events("Events.")
        ) { _ in
            let stream = EventStream()
            stream.send(event: "hello", data: Array("you".utf8))
            return .events(stream)
        }
        let routes = Sample.routes + [events]
        try await withServer(routes, configure: { $0.proxiesTrusted = Network.loopback }) {
            server in
            let gateway = try Gateway(serverPort: server.server.port)
            try await gateway.untilReady()
            do { try await body(gateway) } catch {
                gateway.stop()
                throw error
            }
            gateway.stop()
        }
    }
}

/// One nginx with the shipped configuration, on another port and without TLS.
struct Gateway {
    private let process = Process()
    private let folder: URL
    private let port: Int

    private static let program = "/usr/sbin/nginx"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    init(serverPort: Int) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("gateway-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try RawClient.unusedPort()
        try Self.main(folder).write(
            to: folder.appendingPathComponent("nginx.conf"), atomically: true, encoding: .utf8)
        try Self.shipped(folder: folder, port: port, serverPort: serverPort).write(
            to: folder.appendingPathComponent("florin.conf"), atomically: true, encoding: .utf8)
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["-c", folder.path + "/nginx.conf", "-p", folder.path]
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// Listening is the signal; nginx gives no other.
    func untilReady() async throws {
        while process.isRunning {
            if (try? client()) != nil { return }
            await Task.yield()
        }
        throw RawClient.Failure.noAnswer
    }

    func stop() {
        // Not SIGTERM: a child starts with the blocked signals of the thread that happened to start
        // it.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    private static func main(_ folder: URL) -> String {
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.path)/\($0);" }
        return """
            daemon off; master_process off; pid \(folder.path)/pid; error_log /dev/null;
            events {}
            http { access_log off; \(folders.joined(separator: " ")) include florin.conf; }
            """
    }

    private static func shipped(folder: URL, port: Int, serverPort: Int) throws -> String {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../deploy/nginx/florin.conf")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        return lines.compactMap { line in
            if line.contains("listen 443") { return "listen 127.0.0.1:\(port);" }
            if line.contains("listen 80;") { return "listen unix:\(folder.path)/plain;" }
            if line.contains("listen [") || line.contains(" ssl_") { return nil }
            return line.replacingOccurrences(of: "127.0.0.1:8080", with: "127.0.0.1:\(serverPort)")
        }.joined(separator: "\n")
    }
}
