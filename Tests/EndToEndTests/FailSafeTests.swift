import HTTP
import Postgres
import TestSupport
import Testing

@Suite("The fail-safe", .timeLimit(.minutes(2)))
struct FailSafeTests {
    @Test func aWrongBalanceStopsPaymentsUntilSomebodyHasLooked() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_WATCH_SECONDS": "1"])
        let api = server.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 500), try await Person.signUp(api)
        )
        let staff = try await Person.signUp(api)
        let hands = try database.connection()
        try hands.execute(
            "UPDATE identity.users SET role = 'finance' WHERE username = \(staff.username)")
        try staff.letWork(by: hands)
        try await payer.send(100, to: friend)
        let open = try await api.expect(200, .get, "/health/ready")
        #expect(open["money_out"]?.string == "open" && open["stopped_at"] == nil)

        let account = try Self.account(of: friend, hands)
        try hands.run(unprepared: "SET session_replication_role = replica")
        try hands.execute("UPDATE ledger.accounts SET posted = posted + 1 WHERE id = \(account)")
        let stopped = try await Self.ready(api, "stopped")
        #expect(stopped["differences"]?.integer ?? 0 > 0)
        #expect(stopped["stopped_at"]?.string != nil)

        let (key, payment) = (Api.newKey(), JSON.send(1, to: friend.username))
        try await payer.refused(
            503, "money_out_stopped", .post, "/v1/transfers", payment, key: key)
        try await payer.refused(
            503, "money_out_stopped", .post, "/v1/holds",
            .send(1, to: friend.username, expiresIn: 60))
        try await payer.topUp(50)
        #expect(try await payer.available() == 450)
        try await Self.wait { try await Self.gauge(api, "florin_money_out_stopped") == 1 }
        try await Self.wait { try await staff.was(told: "has stopped payments out of wallets") }
        #expect(try await !payer.was(told: "has stopped"))

        let refused = try await server.run("resume", "--reason", "It looks fine.")
        #expect(refused.ending == .exited(1))
        #expect(refused.program.output.contains("WRONG     account \(account): stores posted 101"))
        try await payer.refused(
            503, "money_out_stopped", .post, "/v1/transfers", payment, key: key)

        // As docs/operations.md says: behind the fence, so that no writer goes on with what it had.
        try hands.transaction { transaction in
            try transaction.execute("UPDATE ledger.head SET version = version + 1 WHERE id = 1")
            try transaction.execute(
                "UPDATE ledger.accounts SET posted = posted - 1 WHERE id = \(account)")
        }
        let resumed = try await server.run("resume", "--reason", "A hand slipped.")
        #expect(resumed.ending == .exited(0), "\(resumed.program.complaints)")
        _ = try await payer.post("/v1/transfers", payment, key: key)
        _ = try await Self.ready(api, "open")
        try await Self.wait { try await staff.was(told: "A hand slipped.") }
        let again = try await server.run("resume", "--reason", "Once more.")
        #expect(again.ending == .exited(0))
        #expect(again.program.output.contains("nothing is stopped"))

        let rows = try hands.query("SELECT what, actor, reason FROM ledger.stops ORDER BY id")
        let decisions = try rows.map { row -> [String] in
            [try row[0], try row[1], try row[2]]
        }
        try #require(decisions.map { $0[0] } == ["stopped", "resumed"])
        #expect(decisions[0][1...] == ["the running check", "The books do not match."])
        #expect(!decisions[1][1].isEmpty && decisions[1][2] == "A hand slipped.")
        #expect(try await server.run("audit").ending == .exited(0))
        try await server.stop()
        let complaints = server.current.complaints.split(separator: "\n")
        #expect(complaints.count { $0.contains("ledger.money_out_stopped") } == 1)
    }

    @Test func aPersonPullsTheBrake() async throws {
        let server = try await World.own()
        let api = server.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 500), try await Person.signUp(api)
        )
        let stopped = try await server.run("stop-money-out", "--reason", "A leak at the bank.")
        #expect(stopped.ending == .exited(0))
        let again = try await server.run("stop-money-out", "--reason", "Me too.")
        #expect(again.program.output.contains("A leak at the bank."))
        try await payer.refused(
            503, "money_out_stopped", .post, "/v1/transfers", .send(1, to: friend.username))
        let ready = try await api.expect(200, .get, "/health/ready")
        #expect(ready["money_out"]?.string == "stopped" && ready["differences"]?.integer == 0)

        for words in [["resume"], ["stop-money-out"], ["resume", "--reason", ""]] {
            #expect(try await FlorinServer.run(words).ending == .exited(2))
        }
        let resumed = try await server.run("resume", "--reason", "It is mended.")
        #expect(resumed.program.output.hasPrefix("payments go on"))
        try await payer.send(1, to: friend)
        try await server.stop()
    }

    // MARK: Steps

    private static func account(of person: Person, _ connection: Connection) throws -> Int64 {
        let row = try connection.first(
            """
            SELECT w.account FROM payments.wallets w JOIN identity.users u ON u.id = w.user_id
            WHERE u.username = \(person.username) AND w.currency = 'KES'
            """)
        return try #require(row)[0]
    }

    /// Asks until it is so; the suite's time limit ends what never comes.
    private static func wait(until isSo: () async throws -> Bool) async throws {
        while try await !isSo() { await Task.yield() }
    }

    private static func ready(_ api: Api, _ moneyOut: String) async throws -> JSON {
        var answer: JSON = nil
        try await wait {
            answer = try await api.expect(200, .get, "/health/ready")
            return answer["money_out"]?.string == moneyOut
        }
        return answer
    }

    private static func gauge(_ api: Api, _ name: String) async throws -> Int? {
        let text = try await api.reply(.get, "/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}

extension Person {
    /// Whether a message to this person's telephone says so.
    fileprivate func was(told words: String) async throws -> Bool {
        let path = "/sandbox/messages?to=%2B\(phone.dropFirst())"
        return try await api.expect(200, .get, path).rows
            .contains { $0["body"]?.string?.contains(words) == true }
    }
}
