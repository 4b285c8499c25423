import Cryptography
import Foundation
import HTTP
import OfflineProtocol
import Postgres
import TestSupport
import Testing

/// A root that the server never sees: what it has signed is all that comes here.
@Suite("An offline root of offline payments", .timeLimit(.minutes(2)))
struct OfflineRootTests {
    private struct Root {
        let file: String
        let publicKey: String

        init(_ server: FlorinServer) async throws {
            file = FileManager.default.temporaryDirectory
                .appending(path: "florin-root-\(UInt64.random(in: .min ... .max))").path()
            publicKey = try await server.said("offline-root", "make", file)
        }

        func remove() throws { try FileManager.default.removeItem(atPath: file) }
    }

    @Test func itVouchesForTheIssuersKeys() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let (root, other) = (try await Root(server), try await Root(server))
        _ = try await Device.enrol(Person.signUp(server.api))
        let hands = try database.connection()

        let request = try await server.said("offline-root", "request")
        let signed = try await server.said("offline-root", "sign", root.file, request)
        let wrong = try await server.run("offline-root", "install", other.publicKey, signed)
        #expect(wrong.program.complaints.contains("not signed by this root"))
        let unsigned = try await server.run("offline-root", "install", root.publicKey, request)
        #expect(unsigned.program.complaints.contains("not signed by this root"))
        #expect(
            try await server.said("offline-root", "install", root.publicKey, signed)
                .hasPrefix("installed "))

        let published = try await server.api.expect(200, .get, "/v1/offline/keys")
        #expect(published["root"]?.string == root.publicKey)
        #expect(published["keys"]?.string == signed)
        let roots: Int64 = try hands.query(
            "SELECT count(*) FROM offline.issuer_keys WHERE number = 0")[0][0]
        #expect(roots == 0)

        // Keys take turns for a year without the root; `enrol` checks the list as a device does.
        for _ in 0..<3 {
            try await server.api.advanceClock(seconds: 90 * 86_400)
            _ = try await Device.enrol(Person.signUp(server.api))
        }
        // Then nothing is certified that no device would believe.
        try await server.api.advanceClock(seconds: 200 * 86_400)
        let person = try await Person.signUp(server.api)
        try await person.refused(
            503, "offline_certifying_stopped", .post, "/v1/offline/wallets",
            try Device.csr(of: person, .generate()))
        for root in [root, other] { try root.remove() }
    }
}

extension FlorinServer {
    /// The last line of what a command says, among what it logs.
    fileprivate func said(_ words: String...) async throws -> String {
        let done = try await run(words)
        try #require(done.ending == .exited(0), "\(words): \(done.program.complaints)")
        let lines = done.program.output.split(separator: "\n").filter { !$0.hasPrefix("{") }
        return lines.last.map(String.init) ?? ""
    }
}
