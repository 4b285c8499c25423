import HTTP
import TestSupport
import Testing

@Suite("Operating the server", .timeLimit(.minutes(1)))
struct OperationTests {
    @Test(arguments: [("/health", "ok"), ("/health/live", "ok"), ("/health/ready", "ready")])
    func healthIsTold(_ path: String, _ status: String) async throws {
        let health = try await World.api.expect(200, .get, path)
        #expect(health["status"]?.string == status)
        #expect(health["sandbox"]?.bool == true)
        #expect(health["version"]?.string?.isEmpty == false)
    }

    @Test func metricsAreCounted() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 10), try await Person.signUp(api)
        )
        try await payer.send(1, to: friend)
        let reply = try await api.reply(.get, "/metrics")
        #expect(reply.status == 200)
        #expect(reply.header("Content-Type")?.hasPrefix("text/plain") == true)
        #expect(reply.text.contains("# TYPE florin_ledger_transfers_total counter"))
        let line = reply.text.split(separator: "\n").first {
            $0.hasPrefix("florin_ledger_transfers_total ")
        }
        #expect(line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0 >= 2)
        for word in [friend.username, friend.phone, friend.email] {
            #expect(!reply.text.contains(word))
        }
    }

    @Test func theDescriptionNamesEveryRoute() async throws {
        let api = try await World.api
        let document = try await api.expect(200, .get, "/openapi.json")
        #expect(document["openapi"]?.string?.hasPrefix("3.1") == true)
        let listed = try await FlorinServer.run(["routes"])
        #expect(listed.ending == .exited(0))
        let lines = listed.program.output.split(separator: "\n")
        #expect(lines.count > 40)
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let (method, path) = (words[0].lowercased(), String(words[1]))
            if path == "/openapi.json" { continue }
            #expect(document[at: "paths", path, method] != nil, "\(line)")
        }
    }

    @Test func everyRefusalIsExplained() async throws {
        let said = try await FlorinServer.run(["refusals"])
        #expect(said.ending == .exited(0))
        let book = try #require(TestFolder.read(Self.root + "/docs/rejections.md"))
        for (code, status) in Self.table(said.program.output) {
            #expect(Self.table(book)[code] == status, "\(code) \(status)")
        }
        #expect(Self.table(said.program.output).count > 40)
    }

    /// The first two columns of Markdown tables whose first column is a code.
    private static func table(_ text: String) -> [String: String] {
        var rows: [String: String] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" } }
            rows[cells[0]] = cells[1]
        }
        return rows
    }

    private static let root = #filePath.split(separator: "/").dropLast(3)
        .reduce("") { $0 + "/" + $1 }

    @Test func withoutASandboxThereIsNone() async throws {
        let server = try await World.own(["FLORIN_SANDBOX": "0", "FLORIN_SIMPLE_API": "off"])
        let api = server.api
        #expect(try await api.expect(200, .get, "/health")["sandbox"]?.bool == false)
        for (method, path) in [
            (Method.post, "/sandbox/topups"), (.get, "/sandbox/messages"),
            (.post, "/sandbox/clock"), (.post, "/api/users/register"), (.get, "/api/users/1"),
        ] {
            try await api.refused(404, "not_found", method, path, method == .post ? [:] : nil)
        }
        // People sign up all the same, and their codes are nowhere to be read.
        let names = Person.Names()
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        #expect(try await server.stop() == .exited(0))
        let log = server.current.complaints
        for word in [names.phone, names.email, Person.password] { #expect(!log.contains(word)) }
    }

    @Test func theLogKnowsNobody() async throws {
        let server = try await World.own(["FLORIN_LOG_LEVEL": "debug"])
        let (api, names) = (server.api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let code = try await api.code(for: names.phone)
        try await api.verify(names.phone)
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        try await payer.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(payer.phone, "wrong guess"))
        _ = try await payer.post(
            "/v1/transfers", .send(300, to: friend.email, note: "between us"))
        _ = try await api.expect(
            201, .post, "/v1/sessions/refresh", ["refresh_token": .string(payer.refreshToken)])
        try await server.stop()
        let log = server.current.complaints
        #expect(log.contains("request"))
        for secret in [
            names.phone, names.email, code, Person.password, "wrong guess", payer.phone,
            payer.token, payer.refreshToken, friend.email, "between us",
        ] {
            #expect(!log.contains(secret))
        }
    }

    @Test func theServicesOfTheSimpleApiRunApart() async throws {
        let database = try await TestPostgres.database()
        let settings = [
            "FLORIN_SIMPLE_API": "open",
            // One key for all, as they share a database.
            "FLORIN_MASTER_KEY": String(repeating: "5a", count: 32),
        ]
        let paths = [
            "users": "/api/users/by-email/nobody@example.com",
            "transactions": "/api/transactions/user/01890000-0000-7000-8000-000000000000",
            "reports": "/api/reports/users/01890000-0000-7000-8000-000000000000",
        ]
        for part in paths.keys {
            let server = try await FlorinServer.start(
                database: database, settings, arguments: ["--only", part])
            for (other, path) in paths {
                let code = other == part ? "user_not_found" : "not_found"
                try await server.api.refused(404, code, .get, path)
            }
            _ = try await server.api.expect(200, .get, "/health")
            #expect(try await server.stop() == .exited(0))
        }
    }

    @Test(arguments: [
        ("PORT", "http"), ("PORT", "70000"), ("FLORIN_SANDBOX", "perhaps"),
        ("FLORIN_CURRENCIES", "KES,XXXX"), ("FLORIN_SEND_FEE", "percent=1"),
        ("FLORIN_SIMPLE_API", "wide"), ("FLORIN_LOG_LEVEL", "loud"),
        ("FLORIN_SESSION_SECONDS", "1"), ("FLORIN_SESSION_SECONDS", "21601"),
        ("FLORIN_SIGNING_KEY_DAYS", "366"), ("FLORIN_MASTER_KEY", "short"),
        ("FLORIN_ARGON2_MEMORY_KIB", "1"), ("FLORIN_DATABASE_CONNECTIONS", "0"),
    ])
    func aWrongSettingIsNamed(_ name: String, _ value: String) async throws {
        let folder = TestFolder("florin-e2e")
        defer { folder.remove() }
        let settings = [
            "FLORIN_DATA": folder.path + "/data",
            "DATABASE_URL": try await TestPostgres.database().connectionString,
        ]
        let refused = try await FlorinServer.run(
            ["serve"], settings.merging([name: value]) { _, new in new })
        #expect(refused.ending == .exited(1))
        #expect(refused.program.output.isEmpty)
        #expect(refused.program.complaints.contains("florin: \(name): "))
    }

    @Test func openToEveryoneNeedsASandbox() async throws {
        let folder = TestFolder("florin-e2e")
        defer { folder.remove() }
        let refused = try await FlorinServer.run(
            ["serve"], ["FLORIN_SIMPLE_API": "open", "FLORIN_DATA": folder.path + "/data"])
        #expect(refused.ending == .exited(1))
        #expect(refused.program.complaints.contains("FLORIN_SIMPLE_API"))
    }

    @Test(arguments: [["swim"], ["serve", "--fast"], ["serve", "--only"], ["audit", "now"]])
    func aWrongCommandIsExplained(_ arguments: [String]) async throws {
        let refused = try await FlorinServer.run(arguments)
        #expect(refused.ending == .exited(2))
        #expect(refused.program.complaints.contains("`florin help`"))
    }

    @Test func aDatabaseThatIsNotThereIsSaid() async throws {
        let folder = TestFolder("florin-e2e")
        defer { folder.remove() }
        let url = "postgres://florin:a-secret@127.0.0.1:1/florin"
        let refused = try await FlorinServer.run(
            ["serve"], ["DATABASE_URL": url, "FLORIN_DATA": folder.path + "/data", "PORT": "0"])
        #expect(refused.ending == .exited(1))
        #expect(refused.program.complaints.contains("florin: "))
        #expect(!refused.program.complaints.contains("a-secret"))
    }

    @Test func anotherMasterKeyIsSaid() async throws {
        let server = try await World.own()
        try await server.stop()
        let key = ["FLORIN_MASTER_KEY": String(repeating: "00", count: 32)]
        let refused = try await FlorinServer.run(
            ["serve"], server.environment.merging(key) { _, new in new })
        #expect(refused.ending == .exited(1))
        #expect(refused.program.complaints.contains("florin: FLORIN_MASTER_KEY: "))
        try await server.restart()
        try await server.stop()
    }
}
