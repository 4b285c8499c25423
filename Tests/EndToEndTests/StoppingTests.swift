import FlorinClient
import Glibc
import HTTP
import TestSupport
import Testing

@Suite("Stopping and starting", .timeLimit(.minutes(1)))
struct StoppingTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func itDrainsAndKeepsEverything(_ signal: Int32) async throws {
        let server = try await World.own()
        let api = server.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.post("/v1/transfers", .send(300, to: friend.username, note: "x"))
        let history = try await payer.entries()
        // A stream that is open does not keep the server from ending.
        let log = EventLog(friend.client)
        try await log.wait { $0 == .ready }
        server.current.send(signal)
        #expect(try await server.current.ended() == .exited(0))

        try await server.restart()
        try await log.wait { $0 == .interrupted }
        #expect(try await payer.entries() == history)
        #expect(try await friend.get("/v1/transfers/\(done.id)")["note"]?.string == "x")
        try await payer.send(1, to: friend)
        #expect(try await friend.available() == 301)
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        #expect(try await server.stop() == .exited(0))
    }

    @Test func whatHasBegunIsFinished() async throws {
        let server = try await World.own()
        let api = server.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 100_000), try await Person.signUp(api)
        )
        let path = "/v1/transfers"
        let outcomes = try await withThrowingTaskGroup(of: Reply?.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    // Whoever comes too late finds nobody there, which is an answer too.
                    do {
                        return try await payer.reply(.post, path, .send(10, to: friend.username))
                    } catch { return nil }
                }
            }
            _ = try await group.next()
            server.current.send(SIGTERM)
            return try await group.reduce(into: [Reply]()) { replies, reply in
                if let reply { replies.append(reply) }
            }
        }
        #expect(try await server.current.ended() == .exited(0))
        #expect(outcomes.allSatisfy { [201, 503].contains($0.status) })
        try await server.restart()
        let acknowledged = outcomes.filter { $0.status == 201 }.map(\.json.id)
        let stored = Set(try await friend.entries().map(\.id))
        #expect(stored.isSuperset(of: acknowledged))
        try await server.stop()
    }

    @Test func theDemoIsMadeOnce() async throws {
        let server = try await FlorinServer.start(
            database: TestPostgres.database(), arguments: ["--demo"])
        let text = server.current.output
        for name in ["amina", "brian", "duka", "wanjiru", "otieno", "achieng"] {
            #expect(text.contains(name))
        }
        let session = try await server.api.logIn(
            "amina", "try-florin-now", onNewDeviceOf: "+254700000001")
        let token = session["access_token"]?.string
        let wallets = try await server.api.expect(200, .get, "/v1/wallets", token: token)
        #expect(wallets.rows.first?["available"]?.integer ?? 0 > 0)
        try await server.stop()
        try await server.restart(["--demo"])
        #expect(try await server.api.expect(200, .get, "/v1/wallets", token: token) == wallets)
        try await server.stop()
    }
}
