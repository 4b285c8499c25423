import Cryptography
import FlorinClient
import HTTP
import Postgres
import TestSupport
import Testing

@testable import Identity

@Suite("Passwords", .timeLimit(.minutes(1)))
struct PasswordTests {
    private static let other = "another slow boat in May"
    private let resets = "/v1/password_resets"
    private let completions = "/v1/password_resets/completions"

    private func change(_ old: String, _ new: String) -> JSON {
        ["old_password": .string(old), "new_password": .string(new)]
    }

    private func completion(_ to: String, _ code: String, _ new: String = other) -> JSON {
        ["to": .string(to), "code": .string(code), "new_password": .string(new)]
    }

    @Test func changingThePasswordEndsTheOtherSessionsAndTellsTheOwner() async throws {
        let person = try await Person.signUp(World.api)
        let elsewhere = try await person.api.logIn(person.username)
        let reply = try await person.reply(
            .put, "/v1/me/password", change(Person.password, Self.other))
        #expect(reply.status == 204)
        try await person.api.refused(
            401, "session_invalid", .get, "/v1/me", token: elsewhere["access_token"]?.string)
        _ = try await person.get("/v1/me")

        try await person.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.username))
        _ = try await person.api.expect(
            201, .post, "/v1/sessions", .logIn(person.username, Self.other))
        for address in [person.phone, person.email] {
            let message = try await person.api.newestMessage(to: address)
            #expect(message.contains("password was changed"), "\(message)")
        }
    }

    @Test func changingThePasswordWantsTheOldOneAndAGoodNewOne() async throws {
        let person = try await Person.signUp(World.api)
        try await person.refused(
            403, "password_incorrect", .put, "/v1/me/password", change("not it", Self.other))
        for (new, reason) in [
            ("short", "too_short"), ("password123", "too_common"),
            (Person.password, "unchanged"), (person.email, "too_personal"),
        ] {
            let problem = try await person.refused(
                422, "password_too_weak", .put, "/v1/me/password", change(Person.password, new))
            #expect(problem["reason"]?.string == reason, "\(problem.text)")
        }
        _ = try await person.api.logIn(person.username)
    }

    @Test func whoForgotThePasswordSetsANewOneWithACode() async throws {
        let person = try await Person.signUp(World.api)
        for address in [person.phone, person.email] {
            _ = try await person.api.expect(202, .post, resets, ["to": .string(address)])
            let code = try await person.api.code(at: address)
            let new = Self.other + " at \(address.prefix(2))"
            let reply = try await person.api.reply(
                .post, completions, completion(address, code, new))
            #expect(reply.status == 204, "\(reply.text)")
            _ = try await person.api.expect(
                201, .post, "/v1/sessions", .logIn(person.username, new))
            // Once is all.
            try await person.api.refused(
                410, "code_expired", .post, completions, completion(address, code))
        }
        try await person.api.refused(
            401, "session_invalid", .get, "/v1/me", token: person.token)
    }

    @Test func aResetUnlocks() async throws {
        let person = try await Person.signUp(World.api)
        for _ in 0..<5 {
            _ = try await person.api.reply(
                .post, "/v1/sessions", .logIn(person.username, "wrong"))
        }
        try await person.api.refused(
            429, "too_many_attempts", .post, "/v1/sessions", .logIn(person.username))
        _ = try await person.api.expect(202, .post, resets, ["to": .string(person.phone)])
        let code = try await person.api.code(at: person.phone)
        _ = try await person.api.reply(.post, completions, completion(person.phone, code))
        _ = try await person.api.expect(
            201, .post, "/v1/sessions", .logIn(person.username, Self.other))
    }

    @Test func aWeakPasswordDoesNotUseTheCodeUp() async throws {
        let person = try await Person.signUp(World.api)
        _ = try await person.api.expect(202, .post, resets, ["to": .string(person.phone)])
        let code = try await person.api.code(at: person.phone)
        for weak in ["password123", "p" + person.phone.dropFirst(4)] {
            try await person.api.refused(
                422, "password_too_weak", .post, completions,
                completion(person.phone, code, weak))
        }
        let reply = try await person.api.reply(
            .post, completions, completion(person.phone, code))
        #expect(reply.status == 204, "\(reply.text)")
    }

    @Test func oneOfTwoResetsWithTheSameCodeIsDone() async throws {
        let person = try await Person.signUp(World.api)
        _ = try await person.api.expect(202, .post, resets, ["to": .string(person.phone)])
        let code = try await person.api.code(at: person.phone)
        let statuses = try await together(4) { number in
            try await person.api.reply(
                .post, "/v1/password_resets/completions",
                completion(person.phone, code, Self.other + " \(number)")
            ).status
        }
        #expect(statuses.count { $0 == 204 } == 1)
        #expect(statuses.count { $0 == 410 } == 3)
    }

    /// Everything that a stranger's and a person's address are answered, step by step.
    @Test func nobodyLearnsWhoHasAWallet() async throws {
        let person = try await Person.signUp(World.api)
        let api = person.api
        func answers(_ address: String) async throws -> [String] {
            var answers: [String] = []
            for _ in 0..<2 { answers.append(try await told(resets, ["to": .string(address)])) }
            for _ in 0..<7 {
                answers.append(
                    try await told(completions, completion(address, "no code")))
            }
            return answers
        }
        func told(_ path: String, _ body: JSON) async throws -> String {
            let reply = try await api.reply(.post, path, body)
            // Seconds pass between the two, so how many are left differs by one or two.
            guard reply.code != "too_many_attempts" else { return "429" }
            return reply.text.withoutRequestID
        }
        let stranger = Person.Names()
        #expect(try await answers(person.phone) == answers(stranger.phone))
        #expect(try await answers(person.email) == answers(stranger.email))
        #expect(try await api.messages(to: stranger.phone).isEmpty)
        #expect(try await api.messages(to: stranger.email).isEmpty)
        try await api.refused(
            422, "code_address_invalid", .post, resets, ["to": .string(person.username)])
    }

    @Test func nobodyLearnsItFromTheLockEither() async throws {
        let person = try await Person.signUp(World.api)
        for login in [person.username, Person.Names().username, "not a name \(person.id)"] {
            for _ in 0..<5 {
                try await person.api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions", .logIn(login, "wrong"))
            }
            try await person.api.refused(
                429, "too_many_attempts", .post, "/v1/sessions", .logIn(login, "wrong"))
        }
    }

    @Test func aHashMadeWithOtherCostsIsRenewedAtTheNextLogIn() async throws {
        let database = try await TestPostgres.database()
        let key = ["FLORIN_MASTER_KEY": String(repeating: "5a", count: 32)]
        let server = try await FlorinServer.start(database: database, key)
        let person = try await Person.signUp(server.api)
        #expect(
            try await hash(of: person, in: database).hasPrefix("p1$argon2id$v=19$m=64,t=1,p=1$"))
        let dearer = try await FlorinServer.start(
            database: database, key.merging(["FLORIN_ARGON2_MEMORY_KIB": "128"]) { $1 })
        _ = try await dearer.api.logIn(person.username)
        #expect(
            try await hash(of: person, in: database).hasPrefix("p1$argon2id$v=19$m=128,t=1,p=1$"))
        // A wrong one renews nothing, and the renewed one is the same password.
        try await server.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.username, "wrong"))
        _ = try await dearer.api.logIn(person.username)
    }

    /// Without the operator's key, not even the right password can be told from the hash.
    @Test func theHashAloneTellsNobodyWhetherAGuessIsRight() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_MASTER_KEY": Forge.master])
        let person = try await Person.signUp(server.api)
        let stored = try await hash(of: person, in: database)
        #expect(stored.hasPrefix("p1$argon2id$"))
        let phc = String(stored.dropFirst(2))
        let hasher = PasswordHasher(memoryKiB: 64, passes: 1, threads: 1, queueMax: 1)
        #expect(try await !hasher.verify(Person.password, against: phc))
        let ring = KeyRing([try #require(Hex.decode(Forge.master))])
        let vault = try #require(
            try await Vault.stored(
                in: database.pool(), wrapping: ring.sealingKey(Vault.purpose)))
        let applied = try #require(vault.peppers.applied(1, to: Person.password))
        #expect(try await hasher.verify(applied, against: phc))
        #expect(vault.peppers.applied(2, to: Person.password) == nil)
    }

    @Test func aNewPepperIsTakenAtTheNextLogInInEveryProcess() async throws {
        let database = try await TestPostgres.database()
        let servers = try await FlorinServer.pair(on: database)
        let (early, late) = (
            try await Person.signUp(servers[0].api), try await Person.signUp(servers[0].api)
        )
        let (program, ending) = try await servers[0].run(
            "rotate-pepper", "--reason", "Somebody left.")
        #expect(ending == .exited(0), "\(program.complaints)")
        #expect(program.output.contains("pepper 2"))
        // What the other processes are told may take a moment, and meanwhile everybody gets in.
        repeat {
            _ = try await servers[1].api.logIn(early.username)
        } while try await hash(of: early, in: database).hasPrefix("p1$")
        #expect(try await hash(of: early, in: database).hasPrefix("p2$argon2id$"))
        _ = try await servers[0].api.logIn(early.username)
        try await servers[1].api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(early.username, "wrong"))
        #expect(try await hash(of: late, in: database).hasPrefix("p1$"))
        _ = try await servers[0].api.logIn(late.username)
    }

    /// Hashes of before there were peppers are good once more, and then have one.
    @Test func aHashWithoutAPepperIsRenewed() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let hasher = PasswordHasher(memoryKiB: 64, passes: 1, threads: 1, queueMax: 1)
        let plain = try await hasher.hash(Person.password)
        try database.connection().execute(
            """
            UPDATE identity.users SET password_hash = \(plain)
            WHERE username = \(person.username)
            """)
        _ = try await server.api.logIn(person.username)
        #expect(try await hash(of: person, in: database).hasPrefix("p1$argon2id$"))
        _ = try await server.api.logIn(person.username)
    }

    /// A password that was let in before it became known is good for the log-in, of which the owner
    /// is told once and the program each time.
    @Test func aBreachedPasswordIsNoticedAtTheLogIn() async throws {
        let database = try await TestPostgres.database()
        let key = ["FLORIN_MASTER_KEY": Forge.master]
        let before = try await FlorinServer.start(database: database, key)
        let person = try await Person.signUp(before.api)
        #expect(try await before.api.logIn(person.username)["password_change_advised"] == nil)
        let folder = TestFolder("florin-breached")
        defer { folder.remove() }
        let path = folder.file("breached.txt", "\(Self.riverHash):3\n")
        let server = try await FlorinServer.start(
            database: database, key.merging(["FLORIN_BREACHED_PASSWORDS": path]) { $1 })
        for _ in 0..<2 {
            let session = try await server.api.logIn(person.username)
            #expect(session["password_change_advised"]?.bool == true)
        }
        // Also where a second step comes between.
        let later = try await server.api.logIn(person.username, onNewDeviceOf: person.phone)
        #expect(later["password_change_advised"]?.bool == true)
        let told = try await server.api.messages(to: person.email)
        #expect(told.count { $0.contains("easy to guess or known from a breach") } == 1)
        let changed = try await server.api.reply(
            .put, "/v1/me/password",
            [
                "old_password": .string(Person.password), "new_password": .string(Self.other),
            ], token: later["access_token"]?.string)
        #expect(changed.status == 204, "\(changed.text)")
        let session = try await server.api.expect(
            201, .post, "/v1/sessions", .logIn(person.username, Self.other))
        #expect(session["password_change_advised"] == nil)
    }

    @Test func aPasswordFromABreachIsRefused() async throws {
        let folder = TestFolder("florin-breached")
        defer { folder.remove() }
        // The SHA-1 of "a quiet river in June" between two others.
        let path = folder.file(
            "breached.txt",
            """
            0000000A1D4B746FAA3FD526FF6D5BC8052FDB38:16
            \(Self.riverHash):3
            FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2\n
            """)
        let server = try await World.own(["FLORIN_BREACHED_PASSWORDS": path])
        let problem = try await server.api.refused(
            422, "password_too_weak", .post, "/v1/users", Person.Names().signUp)
        #expect(problem["reason"]?.string == "breached")
        _ = try await server.api.expect(
            201, .post, "/v1/users",
            Person.Names().signUp.replacing("password", .string(Self.other)))
    }

    @Test func aListThatIsNoneKeepsTheServerFromStarting() async throws {
        let folder = TestFolder("florin-breached")
        defer { folder.remove() }
        let path = folder.file("breached.txt", "password\n")
        let server = try await World.own()
        let (program, ending) = try await FlorinServer.run(
            ["serve"],
            server.environment.merging(["FLORIN_BREACHED_PASSWORDS": path]) { _, new in new })
        #expect(ending == .exited(1))
        #expect(program.complaints.contains("ordered by hash"))
    }
}

extension PasswordTests {
    fileprivate static let riverHash = "14BF4510FDFFCCF5541B4FB660D915E6AC06A5FF"

    fileprivate func hash(of person: Person, in database: TestDatabase) async throws -> String {
        let rows = try database.connection().query(
            "SELECT password_hash FROM identity.users WHERE username = \(person.username)")
        return try rows[0][0]
    }
}

extension String {
    /// A problem's text without what differs each time.
    var withoutRequestID: String {
        guard let range = firstRange(of: #""request_id":"#) else { return self }
        return String(self[..<range.lowerBound]) + self[range.upperBound...].drop { $0 != "," }
    }
}

extension Api {
    func newestMessage(to address: String) async throws -> String {
        try #require(try await messages(to: address).first)
    }

    /// The newest code that was sent to a telephone number or an e-mail address.
    func code(at address: String) async throws -> String {
        let words = try await messages(to: address).lazy
            .flatMap { $0.split { !$0.isNumber } }
        return String(try #require(words.first { $0.count == 6 }))
    }
}
