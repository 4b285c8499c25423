import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Being forgotten", .timeLimit(.minutes(2)))
struct ErasureTests {
    private static let path = "/v1/me/erasures"
    private static let current = "/v1/me/erasures/current"

    @Test func whoeverHasNothingOpenIsErasedWhenTheDayHasCome() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let (person, friend) = (
            try await Person.signUp(server.api, money: 500), try await Person.signUp(server.api)
        )
        _ = try await person.post(
            "/v1/transfers", .send(500, to: friend.username, note: "Goodbye, from the heart"))
        let asked = try await person.post(Self.path, Person.proof)
        #expect(asked["due_at"]?.string?.prefix(10) != asked["asked_at"]?.string?.prefix(10))
        #expect(try await person.get(Self.current) == asked)
        try await person.refused(409, "erasure_exists", .post, Self.path, Person.proof)
        try await server.audited()

        // A minute before its time nothing has happened.
        try await server.api.advanceClock(seconds: 14 * 86_400 - 60)
        _ = try await server.api.logIn(person.username)
        try await server.api.advanceClock(seconds: 121)
        try await database.erased(person)

        let login = JSON.logIn(person.username)
        try await server.api.refused(401, "credentials_invalid", .post, "/v1/sessions", login)
        try await person.refused(401, "session_invalid", .get, "/v1/me")
        let token = try await server.api.logIn(friend.username)["access_token"]?.string
        let wallet = try await friend.logged(in: token).wallet().id
        let entries = try await server.api.expect(
            200, .get, "/v1/wallets/\(wallet)/entries", token: token)
        #expect(entries.rows.map { $0["counterparty"]?.string } == ["a former user"])
        #expect(entries.rows.map { $0["amount"]?.integer } == [500])
        #expect(entries.rows[0]["note"] == nil)
        try await server.api.refused(
            404, "recipient_not_found", .post, "/v1/transfers", .send(1, to: person.username),
            token: token)
        // The books and the log are whole.
        try await server.audited()
    }

    @Test func theNameIsNobodysAgainAndTheNumberIsFree() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, ["FLORIN_ERASURE_DAYS": "0"])
        let person = try await Person.signUp(server.api)
        try await server.erase(person, in: database)
        let names = Person.Names()
        for name in [person.username, person.username.replacing("-", with: "_")] {
            try await server.api.refused(
                409, "username_taken", .post, "/v1/users",
                names.signUp.replacing("username", .string(name)))
        }
        let again = try await server.api.expect(
            201, .post, "/v1/users",
            names.signUp.replacing("phone", .string(person.phone))
                .replacing("email", .string(person.email)))
        #expect(again.id != person.id)
    }

    @Test func everythingThatIsOpenStandsInTheWayAndIsNamed() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let (person, friend) = (
            try await Person.signUp(server.api, money: 25_000),
            try await Person.signUp(server.api, money: 1_000)
        )
        try await person.topUp(100, "USD")
        let hold = JSON.send(300, to: person.username, expiresIn: 3600)
        let held = try await friend.post("/v1/holds", hold)
        let asked: JSON = ["from": .string(person.username), "amount": 7, "currency": "KES"]
        let request = try await friend.post("/v1/requests", asked)
        let problem = try await person.refused(
            409, "erasure_blocked", .post, Self.path, Person.proof)
        #expect(problem["balances"] == ["KES 250.00", "USD 1.00"])
        #expect(problem["holds"]?.integer == 1 && problem["requests"]?.integer == 1)
        #expect(problem["debts"] == nil && problem["role"] == nil)

        _ = try await person.post("/v1/holds/\(held.id)/voids")
        _ = try await person.post("/v1/requests/\(request.id)/declines")
        try await person.send(25_000, to: friend)
        let rest = try await person.refused(409, "erasure_blocked", .post, Self.path, Person.proof)
        #expect(rest["balances"] == ["USD 1.00"])
        #expect(rest["holds"] == nil && rest["requests"] == nil)
        _ = try await person.post(
            "/v1/transfers", .send(100, to: friend.username, currency: "USD"))
        _ = try await person.post(Self.path, Person.proof)

        let member = try await Person.staff("support", at: server, database)
        let refused = try await member.refused(
            409, "erasure_blocked", .post, Self.path, Person.proof)
        #expect(refused["role"]?.string == "support" && refused["balances"] == nil)
    }

    @Test func whoThinksBetterOfItStays() async throws {
        let server = try await World.own(["FLORIN_ERASURE_DAYS": "1"])
        let person = try await Person.signUp(server.api)
        try await person.refused(404, "erasure_not_found", .get, Self.current)
        try await person.refused(404, "erasure_not_found", .delete, Self.current)
        _ = try await person.post(Self.path, Person.proof)
        #expect(try await person.reply(.delete, Self.current).status == 204)
        try await person.refused(404, "erasure_not_found", .get, Self.current)
        try await server.api.advanceClock(seconds: 2 * 86_400)
        let acts = try await server.api.expect(
            200, .get, "/v1/me/acts",
            token: server.api.logIn(person.username)["access_token"]?.string)
        let kinds = acts.rows.compactMap { $0["kind"]?.string }
        #expect(kinds.contains("erasure_asked") && kinds.contains("erasure_cancelled"))
    }

    /// Money that comes in meanwhile is not lost: the person hears of it once and is erased later.
    @Test func moneyThatCameInPostponesIt() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, ["FLORIN_ERASURE_DAYS": "0"])
        let (person, friend) = (
            try await Person.signUp(server.api), try await Person.signUp(server.api, money: 100)
        )
        _ = try await person.post(Self.path, Person.proof)
        try await friend.send(100, to: person)
        try await server.api.advanceClock(seconds: 61)
        let hands = try Connection.open(database.settings)
        let blocked: SQL = "SELECT 1 FROM identity.erasures WHERE blocked_at IS NOT NULL"
        while try hands.query(blocked).isEmpty { try await Task.yieldUnlessCancelled() }
        #expect(try await person.get(Self.current)["blocked_at"]?.string != nil)
        #expect(try await person.available() == 100)
        let outbox = try await server.api.expect(
            200, .get, "/sandbox/messages?to=%2B\(person.phone.dropFirst())")
        #expect(outbox.rows[0]["body"]?.string?.contains("could not be erased yet") == true)

        try await person.send(100, to: friend)
        try await server.api.advanceClock(seconds: 86_400)
        try await database.erased(person)
        try await server.audited()
    }

    /// Names are remembered by every process for speed; none goes on paying who is gone.
    @Test func everyProcessForgets() async throws {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database, ["FLORIN_ERASURE_DAYS": "0"])
        let person = try await Person.signUp(servers[0].api, money: 1)
        let friend = try await Person.signUp(servers[1].api, money: 100)
        try await person.send(1, to: friend)
        let pay = JSON.send(1, to: person.username)
        _ = try await friend.post("/v1/transfers/preview", pay, status: 200)
        #expect(try await person.at(servers[1]).get("/v1/me").id == person.id)
        try await servers[0].erase(person, in: database)

        while try await person.at(servers[1]).reply(.get, "/v1/me").status != 401 {
            try await Task.yieldUnlessCancelled()
        }
        while try await friend.reply(.post, "/v1/transfers/preview", pay).status != 404 {
            try await Task.yieldUnlessCancelled()
        }
        let wallet = try await friend.wallet().id
        let entries = try await friend.get("/v1/wallets/\(wallet)/entries").rows
        #expect(entries.contains { $0["counterparty"]?.string == "a former user" })
        #expect(!entries.contains { $0["counterparty"]?.string == person.username })
    }

    /// A number that nobody proved is not kept from whoever has it.
    @Test func whoNeverProvedTheirNumberIsForgotten() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let names = Person.Names()
        let stranger = try await server.api.expect(201, .post, "/v1/users", names.signUp)
        let member = try await Person.signUp(server.api)
        try await server.api.advanceClock(seconds: 30 * 86_400 - 60)
        try await server.api.refused(
            409, "phone_taken", .post, "/v1/users",
            names.signUp.replacing("username", .string(Person.Names().username)))
        try await server.api.advanceClock(seconds: 3_700)
        let hands = try Connection.open(database.settings)
        let waiting: SQL = "SELECT 1 FROM identity.erasures"
        while try hands.query(waiting).isEmpty { try await Task.yieldUnlessCancelled() }
        try await server.api.advanceClock(seconds: 61)
        let erased: SQL = "SELECT user_id::text FROM identity.erasures WHERE outcome = 'erased'"
        while try hands.query(erased).isEmpty { try await Task.yieldUnlessCancelled() }
        #expect(try hands.query(erased).map { try $0[0] as String } == [stranger.id])
        // Number, address and name are free, and who did prove theirs is there.
        _ = try await server.api.expect(201, .post, "/v1/users", names.signUp)
        _ = try await server.api.logIn(member.username)
        try await server.audited()
    }

    /// A payment that is under way when the person goes is made or refused, and never lost.
    @Test func noPaymentSlipsIntoAClosedWallet() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, ["FLORIN_ERASURE_DAYS": "0"])
        let person = try await Person.signUp(server.api)
        let friend = try await Person.signUp(server.api, money: 100_000)
        _ = try await person.wallet()
        _ = try await person.post(Self.path, Person.proof)
        let pay = JSON.send(1, to: person.username)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<20 { _ = try await friend.reply(.post, "/v1/transfers", pay) }
                }
            }
            group.addTask { try await server.api.advanceClock(seconds: 61) }
            try await group.waitForAll()
        }
        let hands = try Connection.open(database.settings)
        let lost = try hands.query(
            """
            SELECT 1 FROM ledger.accounts a JOIN ledger.account_closures c ON c.account = a.id
            WHERE a.posted <> 0 OR a.held <> 0
            """)
        #expect(lost.isEmpty)
        try await server.audited()
    }
}

extension Person {
    /// What somebody without a PIN steps up with.
    static let proof: JSON = ["password": .string(password)]

    /// The same person, with another session.
    func logged(in token: String?) -> Person {
        Person(
            api: api, id: id, username: username, phone: phone, email: email, token: token ?? "",
            refreshToken: "")
    }
}

extension FlorinServer {
    /// Asks, where there is no time to think, and waits for it.
    func erase(_ person: Person, in database: TestDatabase) async throws {
        _ = try await person.at(self).post("/v1/me/erasures", Person.proof)
        try await api.advanceClock(seconds: 61)
        try await database.erased(person)
    }

    /// The books and the log of acts agree with themselves.
    func audited() async throws {
        let (program, ending) = try await run("audit")
        #expect(ending == .exited(0), "\(program.output)")
        #expect(program.output.contains("the audit log is whole"))
    }
}

extension TestDatabase {
    /// Waits until the last of what is about the person is removed.
    func erased(_ person: Person) async throws {
        let hands = try connection()
        while try hands.query(
            """
            SELECT 1 FROM identity.erasures
            WHERE user_id = \(person.id)::uuid AND outcome = 'erased'
            """
        ).isEmpty { try await Task.yieldUnlessCancelled() }
    }
}
