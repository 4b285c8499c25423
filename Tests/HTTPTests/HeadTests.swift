import HTTP
import Testing

/// Heads that two programs could read differently, and what each is answered.
struct HeadTests {
    static let accepted: [(String, String)] = [
        ("plain", "GET /text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("no space after the colon", "GET /text HTTP/1.1\r\nHost:h\r\nA:b\r\n\r\n"),
        ("much white space", "GET /text HTTP/1.1\r\nHost: \t h  \r\nA:   b\t\r\n\r\n"),
        ("empty values", "GET /text HTTP/1.1\r\nHost: h\r\nA:\r\nB: \r\nC: x\r\n\r\n"),
        ("empty line first", "\r\nGET /text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("HTTP/1.0", "GET /text HTTP/1.0\r\nHost: h\r\n\r\n"),
        ("HTTP/1.0 without Host", "GET /text HTTP/1.0\r\n\r\n"),
        ("query", "GET /text?a=b&c=%20d HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("absolute form", "GET http://h/text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("body where none is read", "GET /text HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"),
    ]

    @Test(arguments: accepted)
    func accepts(name: String, head: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(head)
            #expect(try await client.answer().status == 200, "\(name)")
        }
    }

    static let refused: [(String, Int, String)] = [
        ("no Host", 400, "GET /text HTTP/1.1\r\nA: b\r\n\r\n"),
        ("no fields", 400, "GET /text HTTP/1.1\r\n\r\n"),
        ("two Hosts", 400, "GET /text HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
        (
            "length and coding", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                + "\r\n0\r\n\r\n"
        ),
        (
            "coding and length", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n"
                + "\r\n0\r\n\r\n"
        ),
        (
            "two lengths", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"
        ),
        (
            "the same length twice", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"
        ),
        (
            "unknown coding", 501,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "coding list", 501,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "two codings", 501,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"
        ),
        (
            "coding with a vertical tab", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "coding in HTTP/1.0", 400,
            "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        ("space before colon", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n"),
        ("tab before colon", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA\t: b\r\n\r\n"),
        ("name with parenthesis", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA(b: c\r\n\r\n"),
        ("empty name", 400, "GET /text HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n"),
        ("NUL in a value", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\0c\r\nB: c\r\n\r\n"),
        ("NUL in the last value", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
        ("NUL in the target", 400, "GET /text\0x HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("DEL in a value", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\u{7F}c\r\n\r\n"),
        ("folded line", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\nB: c\r\n\r\n"),
        ("folded last line", 400, "GET /text HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
        ("folded first line", 400, "GET /text HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n"),
        ("bare LF everywhere", 400, "GET /text HTTP/1.1\nHost: h\n\n"),
        ("bare LF after the request line", 400, "GET /text HTTP/1.1\nHost: h\r\n\r\n"),
        ("bare LF after a field", 400, "GET /text HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"),
        ("bare LF after the last field", 400, "GET /text HTTP/1.1\r\nHost: h\n\r\n"),
        ("bare LF at the end", 400, "GET /text HTTP/1.1\r\nHost: h\r\n\n"),
        ("bare CR", 400, "GET /text HTTP/1.1\r\nHost: h\rA: b\r\n\r\n"),
        ("two spaces", 400, "GET  /text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("two spaces before the version", 400, "GET /text  HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("HTTP/1.2", 505, "GET /text HTTP/1.2\r\nHost: h\r\n\r\n"),
        ("odd method", 400, "G(T /text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("dot segments", 400, "GET /../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("CONNECT", 400, "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        (
            "long field", 431,
            "GET /text HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "x", count: 9_000))\r\n\r\n"
        ),
        (
            "long target", 431,
            "GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\nHost: h\r\n\r\n"
        ),
        (
            "many fields", 431,
            "GET /text HTTP/1.1\r\nHost: h\r\n\(String(repeating: "a: b\r\n", count: 150))\r\n"
        ),
    ]

    /// Refused with a problem, and the connection is over: nobody reads on where ends are in doubt.
    @Test(arguments: refused)
    func refuses(name: String, status: Int, head: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(head)
            let answer = try await client.answer()
            #expect(answer.status == status, "\(name)")
            #expect(answer["content-type"] == "application/problem+json", "\(name)")
            #expect(answer["connection"]?.lowercased() == "close", "\(name)")
            #expect(await client.isClosed(), "\(name)")
        }
    }

    /// What the engine itself refuses, in its own words.
    static let refusedByEngine: [(String, Int, String)] = [
        ("no colon", 400, "GET /text HTTP/1.1\r\nHost: h\r\nAbc\r\n\r\n"),
        ("tabs for spaces", 400, "GET\t/text HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("space at the end", 400, "GET /text HTTP/1.1 \r\nHost: h\r\n\r\n"),
        ("HTTP/2.0", 505, "GET /text HTTP/2.0\r\nHost: h\r\n\r\n"),
        ("HTTP/0.9", 400, "GET /text\r\n\r\n"),
        ("signed length", 400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"),
        (
            "list of lengths", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc"
        ),
        (
            "hexadecimal length", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc"
        ),
        (
            "signed chunk", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "+1\r\na\r\n0\r\n\r\n"
        ),
        (
            "overlong chunk", 400,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "1\r\nabc\r\n0\r\n\r\n"
        ),
        (
            "head beyond all memory", 431,
            "GET /text HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "x", count: 40_000))"
        ),
    ]

    @Test(arguments: refusedByEngine)
    func engineRefuses(name: String, status: Int, head: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(head)
            #expect(try await client.answer().status == status, "\(name)")
            _ = await client.rest()
        }
    }

    @Test func readsHeadsInPieces() async throws {
        try await withServer { server in
            let client = try server.client()
            for byte in "GET /text HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n".utf8 {
                await client.send([byte])
            }
            #expect(try await client.answer().text == "words")
        }
    }
}
