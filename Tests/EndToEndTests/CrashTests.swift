import FlorinClient
import Glibc
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Crashes", .timeLimit(.minutes(3)))
struct CrashTests {
    private static let people = 20
    private static let clients = 64
    private static let crashes = 10
    /// Payments between two crashes, at most.
    private static let paymentsMax = 200

    @Test func acknowledgedPaymentsAreThereExactlyOnce() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let crowd = try await Crowd(server.api, count: Self.people)
        async let crashing: Void = crash(server, under: crowd.gate)
        let settled = try await together(Self.clients) { _ in
            try await crowd.payUntilOver()
        }.flatMap { $0 }
        try await crashing

        let posted = settled.filter { if case .posted = $0.outcome { true } else { false } }
        #expect(posted.count > Self.crashes)
        try await checkHistories(of: crowd, against: settled)
        try await checkBalances(of: crowd, against: posted.map(\.intent))
        try checkJournal(of: database, count: posted.count + Self.people)
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        #expect(try await server.stop() == .exited(0))
    }

    private func crash(_ server: FlorinServer, under gate: Gate) async throws {
        for _ in 0..<Self.crashes {
            await gate.waitForMore(Int.random(in: 0...Self.paymentsMax))
            await gate.close()
            try await server.crash()
            try await server.restart()
            await gate.open()
        }
        await gate.waitForMore(Self.clients)
        await gate.end()
    }

    /// Each payment is twice in the histories, once for each side, and nothing else is there.
    private func checkHistories(of crowd: Crowd, against settled: [Crowd.Settled]) async throws {
        var entries: [String: [String]] = [:]
        var count = 0
        for person in crowd.people {
            for entry in try await person.history() {
                count += 1
                guard let note = entry["note"]?.string else { continue }
                entries[note, default: []].append(Self.line(entry, of: person))
            }
        }
        var posted = 0
        for (intent, outcome) in settled {
            guard case .posted(let id, _) = outcome else {
                #expect(entries[intent.note] == nil, "refused, and there all the same")
                continue
            }
            posted += 1
            let (payer, payee) = (crowd.people[intent.payer], crowd.people[intent.payee])
            let expected = [
                "\(id) \(payer.username) out \(intent.amount) \(payee.username)",
                "\(id) \(payee.username) in \(intent.amount) \(payer.username)",
            ]
            #expect(entries[intent.note]?.sorted() == expected.sorted())
        }
        #expect(entries.count == posted)
        #expect(count == 2 * posted + Self.people)
    }

    private static func line(_ entry: JSON, of person: Person) -> String {
        let (direction, counterparty) = (entry["direction"]?.string, entry["counterparty"]?.string)
        return "\(entry.id) \(person.username) \(direction ?? "") "
            + "\(entry["amount"]?.integer ?? 0) \(counterparty ?? "")"
    }

    private func checkBalances(of crowd: Crowd, against posted: [Crowd.Intent]) async throws {
        var expected = Array(repeating: Crowd.money, count: crowd.people.count)
        for intent in posted {
            expected[intent.payer] -= intent.amount
            expected[intent.payee] += intent.amount
        }
        for (person, money) in zip(crowd.people, expected) {
            #expect(try await person.available() == money)
            #expect(money >= 0)
        }
    }

    private func checkJournal(of database: TestDatabase, count: Int) throws {
        let connection = try database.connection()
        let lines: Int64? = try connection.first("SELECT count(*) FROM ledger.transfers")?[0]
        #expect(lines == Int64(count))
        let sum: Int64? = try connection.first("SELECT sum(posted)::bigint FROM ledger.accounts")?[
            0]
        #expect(sum == 0)
        let outside: Int64? = try connection.first(
            "SELECT -posted FROM ledger.accounts WHERE is_system AND posted < 0")?[0]
        #expect(outside == Crowd.money * Int64(Self.people))
    }
}

@Suite("Crashes with a private database", .serialized, .timeLimit(.minutes(2)))
struct PrivateCrashTests {
    @Test func theProgramAloneAndBothTogether() async throws {
        let server = try await FlorinServer.start(database: nil)
        let (data, api) = (server.folder.path + "/data", server.api)
        let postgres = try #require(TestFolder.serverProcess(in: data))
        let (payer, friend) = (
            try await Person.signUp(api, money: 100_000), try await Person.signUp(api)
        )

        // The database outlives the program, and the next one takes it over.
        let first = try await crash(server, while: payer, pays: friend) {}
        #expect(kill(postgres, 0) == 0)
        try await server.restart()
        #expect(TestFolder.serverProcess(in: data) == postgres)
        try await check(first, payer, friend)

        // A power cut takes both, and the database recovers.
        let second = try await crash(server, while: payer, pays: friend) {
            TestFolder.endServer(in: data)
        }
        try await server.restart()
        #expect(TestFolder.serverProcess(in: data) != postgres)
        try await check(first + second, payer, friend)

        // The database alone: the program starts it again and goes on.
        TestFolder.endServer(in: data)
        let transfer = try await insist(payer, friend)
        try await check(first + second + [transfer], payer, friend)

        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        let last = try #require(TestFolder.serverProcess(in: data))
        #expect(try await server.stop() == .exited(0))
        #expect(kill(last, 0) != 0)

        try await server.restart()
        try await check(first + second + [transfer], payer, friend)
        #expect(try await server.stop() == .exited(0))
    }

    /// What was acknowledged before and while the server was killed under load.
    private func crash(
        _ server: FlorinServer, while payer: Person, pays friend: Person,
        _ and: @escaping @Sendable () -> Void
    ) async throws -> [String] {
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    do throws(OutboundError) {
                        let reply = try await payer.api.reply(
                            .post, "/v1/transfers", .send(1, to: friend.username),
                            token: payer.token, key: Api.newKey())
                        return reply.status == 201 ? reply.json.id : nil
                    } catch { return nil }
                }
            }
            var acknowledged = [try await group.next() ?? nil]
            and()
            try await server.crash()
            for try await id in group { acknowledged.append(id) }
            return acknowledged.compactMap { $0 }
        }
    }

    private func check(_ acknowledged: [String], _ payer: Person, _ friend: Person) async throws {
        let (sent, received) = (try await payer.history(), try await friend.history())
        let ids = received.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(Set(ids).isSuperset(of: acknowledged))
        #expect(Set(sent.map(\.id)).isSuperset(of: ids))
        #expect(sent.count == ids.count + 1)
        #expect(try await friend.available() == Int64(ids.count))
        #expect(try await payer.available() == 100_000 - Int64(ids.count))
    }

    /// Pays with one key for as long as the server is not ready. The client library waits between
    /// attempts.
    private func insist(_ payer: Person, _ friend: Person) async throws -> String {
        let key = Api.newKey()
        for _ in 0..<10 {
            do {
                return try await payer.client.send(
                    to: friend.username, amount: 1, currency: "KES", key: key
                ).id
            } catch let error as FlorinError {
                guard case .problem(let problem) = error, problem.status == 503 else { throw error }
            }
        }
        throw Crowd.Unexpected(status: 503, text: "the database does not come back")
    }
}

extension Person {
    /// All entries of the wallet, newest first.
    func history(_ currency: String = "KES") async throws -> [JSON] {
        let path = "/v1/wallets/\(try await wallet(currency).id)/entries?limit=200"
        var (entries, cursor): ([JSON], String?) = ([], nil)
        repeat {
            let page = try await get(path + (cursor.map { "&cursor=\($0)" } ?? ""))
            entries += page.rows
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        return entries
    }
}
