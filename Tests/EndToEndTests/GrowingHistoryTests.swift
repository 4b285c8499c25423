import HTTP
import Postgres
import TestSupport
import Testing

/// The first page of a history is put together from what was read before and what is new; nobody
/// may notice.
@Suite("Histories while they grow", .timeLimit(.minutes(1)))
struct GrowingHistoryTests {
    @Test func everyReadSeesWhatWasPaidBefore() async throws {
        let database = try await TestPostgres.database()
        let key = ["FLORIN_MASTER_KEY": String(repeating: "5a", count: 32)]
        let servers = [
            try await FlorinServer.start(database: database, key),
            try await FlorinServer.start(database: database, key),
        ]
        let payer = try await Person.signUp(servers[0].api, money: 1_000_000)
        let friend = try await Person.signUp(servers[0].api)
        let path = "/v1/wallets/\(try await payer.wallet().id)"
        var ids = [try await payer.entries()[0].id]
        // Paid at one and read at the other, in pages of every length.
        for (turn, limit) in [5, 1, 2, 10, 50, 3, 200, 1, 20, 7, 100, 4].enumerated() {
            for _ in 0..<[1, 0, 3, 12, 2, 0][turn % 6] {
                let reply = try await servers[turn % 2].api.reply(
                    .post, "/v1/transfers", .send(1, to: friend.username, note: "turn \(turn)"),
                    token: payer.token, key: Api.newKey())
                try #require(reply.status == 201)
                ids.insert(reply.json.id, at: 0)
            }
            let other = servers[(turn + 1) % 2].api
            let page = try await other.expect(
                200, .get, path + "/entries?limit=\(limit)", token: payer.token)
            #expect(page.rows.map(\.id) == Array(ids.prefix(limit)))
            let next = ids.count > limit ? ids[limit - 1] : nil
            #expect(page["next_cursor"]?.string == next)
            let wallet = try await other.expect(200, .get, path, token: payer.token)
            #expect(wallet["available"]?.integer == Int64(1_000_001 - ids.count))
        }
        for server in servers { #expect(try await server.stop() == .exited(0)) }
    }

    @Test func manyReadersSeeTheirOwnPayments() async throws {
        let api = try await World.api
        let people = try await together(8) { _ in try await Person.signUp(api, money: 1000) }
        _ = try await together(8) { number in
            let (payer, payee) = (people[number], people[(number + 1) % 8])
            let wallet = try await payer.wallet().id
            for _ in 0..<12 {
                let done = try await payer.send(1, to: payee)
                let page = try await payer.get("/v1/wallets/\(wallet)/entries?limit=30")
                #expect(page.rows.contains { $0.id == done.id })
            }
        }
        for person in people {
            let entries = try await person.entries()
            #expect(entries.count == 25)
            #expect(Set(entries.map(\.id)).count == 25)
            #expect(try await person.available() == 1000)
        }
    }

    @Test func aNoteThatWasErasedIsNotShownAgain() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let payer = try await Person.signUp(server.api, money: 1000)
        let friend = try await Person.signUp(server.api)
        for note in ["one", "two"] {
            _ = try await payer.post("/v1/transfers", .send(1, to: friend.username, note: note))
        }
        #expect(try await payer.entries().map { $0["note"]?.string } == ["two", "one", nil])
        try database.connection().execute("DELETE FROM payments.notes WHERE note = 'two'")
        for _ in 0..<2 {
            #expect(try await payer.entries().map { $0["note"]?.string } == [nil, "one", nil])
        }
    }
}
