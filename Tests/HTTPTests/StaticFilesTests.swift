import Foundation
import HTTP
import Testing

struct StaticFilesTests {
    private static let page = "<!doctype html>" + String(repeating: "<p>words</p>", count: 100)
    private static let files = StaticFiles([
        "index.html": Array(page.utf8),
        "app-4XQ2KZ7B.js": Array("let a".utf8),
        "app.9f86d081.css": Array(String(repeating: "a { b: c }", count: 100).utf8),
        "ordinary-words.js": Array("let b".utf8),
        "help/index.html": Array("help".utf8),
        "icon.png": [0x89, 0x50, 0x4E, 0x47],
    ])

    @Test func servesPagesWithTheirHeaders() async throws {
        try await withServer(files: Self.files) { server in
            for path in ["/", "/index.html"] {
                let answer = try await server.ask("GET \(path)")
                #expect(answer.text == Self.page)
                #expect(answer["content-type"] == "text/html; charset=utf-8")
                #expect(answer["cache-control"] == "no-cache")
                #expect(answer["vary"] == "Accept-Encoding")
                let policy = answer["content-security-policy"]
                #expect(policy?.hasPrefix("default-src 'self';") == true)
                #expect(policy?.contains("frame-ancestors 'none'") == true)
                #expect(answer["referrer-policy"] == "strict-origin-when-cross-origin")
                #expect(answer["x-content-type-options"] == "nosniff")
            }
            #expect(try await server.ask("GET /help/").text == "help")
            let head = try await server.ask("HEAD /")
            #expect(head["content-length"] == "\(Self.page.utf8.count)")
            #expect(try await server.ask("GET /coins").status == 200)
        }
    }

    @Test func letsFingerprintedFilesBeKept() async throws {
        try await withServer(files: Self.files) { server in
            for name in ["app-4XQ2KZ7B.js", "app.9f86d081.css"] {
                let answer = try await server.ask("GET /\(name)")
                #expect(answer["cache-control"] == "public, max-age=31536000, immutable")
            }
            let ordinary = try await server.ask("GET /ordinary-words.js")
            #expect(ordinary["cache-control"] == "no-cache")
            #expect(ordinary["content-type"] == "text/javascript; charset=utf-8")
            #expect(try await server.ask("GET /icon.png")["content-type"] == "image/png")
        }
    }

    @Test func compresses() async throws {
        try await withServer(files: Self.files) { server in
            let plain = try await server.ask("GET /")
            for (accept, coding) in [
                ("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("*", "br"),
            ] {
                let answer = try await server.ask("GET /\nAccept-Encoding: \(accept)")
                #expect(answer["content-encoding"] == coding)
                #expect(answer.body.count < plain.body.count)
                #expect(answer["etag"] != plain["etag"])
            }
            for accept in ["identity", "gzip;q=0", "deflate"] {
                let answer = try await server.ask("GET /\nAccept-Encoding: \(accept)")
                #expect(answer["content-encoding"] == nil)
                #expect(answer.text == Self.page)
            }
            let zipped = try await server.ask("GET /\nAccept-Encoding: gzip")
            #expect(zipped.body.starts(with: [0x1F, 0x8B]))
            // Too small or not compressible.
            let icon = try await server.ask("GET /icon.png\nAccept-Encoding: gzip, br")
            #expect(icon["content-encoding"] == nil)
            #expect(icon["vary"] == nil)
        }
    }

    @Test func revalidates() async throws {
        try await withServer(files: Self.files) { server in
            let tag = try await server.ask("GET /")["etag"] ?? ""
            #expect(tag.hasPrefix("\""))
            for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let answer = try await server.ask("GET /\nIf-None-Match: \(known)")
                #expect(answer.status == 304)
                #expect(answer["etag"] == tag)
                #expect(answer.body.isEmpty)
            }
            #expect(try await server.ask("GET /\nIf-None-Match: \"x\"").status == 200)
        }
    }

    @Test func answersOnlyReading() async throws {
        try await withServer(files: Self.files) { server in
            let answer = try await server.ask("POST /")
            #expect(answer.status == 405)
            #expect(answer["allow"] == "GET, HEAD, OPTIONS")
            #expect(try await server.ask("OPTIONS /")["allow"] == "GET, HEAD, OPTIONS")
        }
    }

    @Test func loadsAFolderAndNothingElse() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent(UUID().uuidString)
        let manager = FileManager.default
        try manager.createDirectory(
            at: folder.appendingPathComponent("public/deep"), withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: folder) }
        try Data("secret".utf8).write(to: folder.appendingPathComponent("secret.txt"))
        for name in ["index.html", "deep/a.txt", ".hidden"] {
            try Data(name.utf8).write(to: folder.appendingPathComponent("public/" + name))
        }
        try manager.createSymbolicLink(
            atPath: folder.path + "/public/link.txt", withDestinationPath: "../secret.txt")

        let files = try StaticFiles(folder: folder.path + "/public")
        try await withServer(files: files) { server in
            #expect(try await server.ask("GET /").text == "index.html")
            #expect(try await server.ask("GET /deep/a.txt").text == "deep/a.txt")
            for path in [
                "/.hidden", "/link.txt", "/deep", "/deep/", "/../secret.txt", "/%2e%2e/secret.txt",
                "/..%2fsecret.txt", "/deep/..%2F..%2Fsecret.txt", "/deep%2Fa.txt/",
            ] {
                let answer = try await server.ask("GET \(path)")
                #expect([400, 404].contains(answer.status), "\(path)")
            }
        }
        #expect(throws: StaticFiles.LoadError.self) {
            try StaticFiles(folder: folder.path + "/nothing")
        }
    }
}
