import Cryptography
import HTTP
import Postgres
import TestSupport
import Testing

/// Staff work only where a second factor was shown.
@Suite("The second factor of staff", .timeLimit(.minutes(1)))
struct StaffFactorTests {
    private static let acts = "/v1/audit_acts"
    private static let stepUps = "/v1/sessions/current/step_ups"

    /// The first admin has a role from the terminal and nothing else, and gets in all the same.
    @Test func theFirstAdminSetsOneUpAndWorksInEveryProcess() async throws {
        let servers = try await FlorinServer.pair(on: TestPostgres.database())
        let admin = try await Person.signUp(servers[0].api)
        let granted = try await servers[0].run(
            "grant-role", admin.username, "admin", "--reason", "She founded it.")
        try #require(granted.ending == .exited(0))
        for server in servers {
            let problem = try await admin.at(server).refused(
                403, "second_factor_required", .get, Self.acts)
            #expect(problem["methods"]?.array == [])
            #expect(problem["detail"]?.string?.contains("set up") == true)
        }
        // What everybody may is not refused to staff.
        _ = try await admin.get("/v1/wallets")
        try await admin.addApp()
        _ = try await admin.get(Self.acts)
        // The other process hears of it, which may take a moment.
        while try await admin.at(servers[1]).reply(.get, Self.acts).status == 403 {
            try await Task.yieldUnlessCancelled()
        }
    }

    @Test func othersHearThatTheyHaveNotTheRole() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        try await person.refused(403, "forbidden", .get, Self.acts)
        try await person.addApp()
        try await person.refused(403, "forbidden", .get, Self.acts)
    }

    /// Each session shows its own, by the app or by a passkey and by nothing weaker.
    @Test func whatCountsAndWhatDoesNot() async throws {
        let (server, database, clerk) = try await Self.clerk(
            ["FLORIN_WEB_ORIGIN": "https://wallet.example"])
        let api = server.api
        let bySMS = try await api.logIn(clerk.username, onNewDeviceOf: clerk.phone)
        try await api.refused(
            403, "second_factor_required", .get, "/v1/staff/people/\(clerk.id)",
            token: bySMS.token)
        let app = try await clerk.addApp()
        _ = try await clerk.get("/v1/staff/people/\(clerk.id)")
        // The other session has not seen it.
        let elsewhere = try await api.refused(
            403, "second_factor_required", .get, "/v1/staff/people/\(clerk.id)",
            token: bySMS.token)
        #expect(elsewhere["methods"]?.array == ["totp"])
        _ = try await api.expect(
            201, .post, Self.stepUps, ["totp": .string(try await app.nextCode())],
            token: bySMS.token)
        _ = try await api.expect(
            200, .get, "/v1/staff/people/\(clerk.id)", token: bySMS.token)

        let code = try await app.nextCode()
        let byCode = try await api.logIn(clerk, answering: "totp", code)
        _ = try await api.expect(
            200, .get, "/v1/staff/people/\(clerk.id)", token: byCode.token)
        let byRecovery = try await api.logIn(
            clerk, answering: "recovery_code", app.recoveryCodes[0])
        try await api.refused(
            403, "second_factor_required", .get, "/v1/staff/people/\(clerk.id)",
            token: byRecovery.token)
        // Whoever looked on as it was typed comes too late, and the log says what they tried.
        let asked = try await api.refused(
            401, "second_step_required", .post, "/v1/sessions", .logIn(clerk.username))
        try await api.refused(
            422, "second_factor_incorrect", .post,
            "/v1/session_challenges/\(asked["challenge"]?.string ?? "")/answers",
            ["method": "totp", "code": .string(code)])
        let refused = try database.connection().query(
            "SELECT reason FROM identity.acts WHERE kind = 'second_step_refused'")
        #expect(try refused.map { try $0[0] as String } == ["totp_used_again"])
        let ways = try database.connection().query(
            """
            SELECT reason FROM identity.acts
            WHERE kind = 'session_opened' AND actor = \(clerk.id)::uuid ORDER BY position
            """
        ).map { try $0[0] as String }
        #expect(ways == ["password", "sms_code", "totp", "recovery_code"])
    }

    @Test func aPasskeyIsOne() async throws {
        let (server, database, clerk) = try await Self.clerk(
            ["FLORIN_WEB_ORIGIN": "https://wallet.example"])
        let passkey = SoftPasskey(origin: "https://wallet.example", domain: "wallet.example")
        try await clerk.addPasskey(passkey)
        _ = try await clerk.get("/v1/staff/people/\(clerk.id)")
        let token = try await server.api.logIn(clerk.username).token
        let problem = try await server.api.refused(
            403, "second_factor_required", .get, "/v1/staff/people/\(clerk.id)", token: token)
        #expect(problem["methods"]?.array == ["passkey"])
        let options = try await server.api.expect(
            201, .post, "/v1/sessions/current/step_up_challenges", token: token)
        _ = try await server.api.expect(
            201, .post, Self.stepUps, ["assertion": passkey.assertion(options)], token: token)
        _ = try await server.api.expect(
            200, .get, "/v1/staff/people/\(clerk.id)", token: token)
        _ = database
    }

    @Test func itCountsForAWorkingDay() async throws {
        let (server, _, clerk) = try await Self.clerk([:])
        let app = try await clerk.addApp()
        try await server.api.advanceClock(seconds: 12 * 3600)
        let refreshed = try await server.api.expect(
            201, .post, "/v1/sessions/refresh", ["refresh_token": .string(clerk.refreshToken)])
        try await server.api.refused(
            403, "second_factor_required", .get, "/v1/staff/people/\(clerk.id)",
            token: refreshed.token)
        _ = try await server.api.expect(
            201, .post, Self.stepUps, ["totp": .string(try await app.nextCode())],
            token: refreshed.token)
        _ = try await server.api.expect(
            200, .get, "/v1/staff/people/\(clerk.id)", token: refreshed.token)
    }

    /// Routes of everybody, on which staff see what is not theirs.
    @Test func withoutItStaffSeeTheirOwnAlone() async throws {
        let (server, _, clerk) = try await Self.clerk([:])
        let payer = try await Person.signUp(server.api, money: 100)
        let friend = try await Person.signUp(server.api)
        let sent = try await payer.send(100, to: friend)
        let own = try await clerk.get("/api/users/\(clerk.id)")
        #expect(own["username"]?.string == clerk.username)
        for (path, code) in [
            ("/v1/transfers/\(sent.id)", "transfer_not_found"),
            ("/v1/entries/\(sent.id)/proof", "transfer_not_found"),
            ("/api/users/\(payer.id)", "user_not_found"),
            ("/api/transactions/user/\(payer.id)", "user_not_found"),
            ("/api/reports/users/\(payer.id)", "user_not_found"),
        ] {
            try await clerk.refused(404, code, .get, path)
        }
        try await clerk.refused(
            403, "second_factor_required", .get,
            "/api/reports/transactions?startDate=2026-01-01&endDate=2026-01-02")
        try await clerk.addApp()
        _ = try await clerk.get("/v1/transfers/\(sent.id)")
        _ = try await clerk.get("/api/users/\(payer.id)")
    }

    @Test func theOperatorMayDoWithout() async throws {
        let (_, _, clerk) = try await Self.clerk(["FLORIN_STAFF_SECOND_FACTOR": "off"])
        _ = try await clerk.get("/v1/staff/people/\(clerk.id)")
    }

    /// A member of support, with nothing but a password.
    private static func clerk(
        _ settings: [String: String]
    ) async throws -> (server: FlorinServer, database: TestDatabase, clerk: Person) {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, settings)
        let person = try await Person.signUp(server.api)
        try database.connection().execute(
            "UPDATE identity.users SET role = 'support' WHERE username = \(person.username)")
        return (server, database, person)
    }
}

extension Person {
    /// Sets up an authenticator app. Its first code is a second factor that this session has shown.
    @discardableResult
    func addApp(pin: String? = nil) async throws -> AuthenticatorApp {
        if pin == nil { try await stepUpByPassword() }
        let made = try await api.reply(
            .post, "/v1/totp", token: token, headers: pin.map { [("X-Florin-PIN", $0)] } ?? [])
        try #require(made.status == 201, "\(made.text)")
        var app = AuthenticatorApp(
            api: api, secret: try #require(Base32.decode(made.json["secret"]?.string ?? "")))
        let code = try await app.nextCode(after: 0)
        let codes = try await post("/v1/totp/confirmations", ["code": .string(code)])
        app.recoveryCodes = codes["recovery_codes"]?.array?.compactMap(\.string) ?? []
        return app
    }

    /// As if a second factor had been shown in each of this person's sessions, before their first
    /// request as staff: for tests of what staff do then.
    func letWork(by hands: Connection) throws {
        try hands.execute(
            """
            UPDATE identity.sessions SET second_factor_at = '2100-01-01'
            WHERE user_id = \(id)::uuid
            """)
    }
}

extension Api {
    /// Logs in on the device that is known, with that second step.
    func logIn(_ person: Person, answering method: String, _ code: String) async throws -> JSON {
        let asked = try await refused(
            401, "second_step_required", .post, "/v1/sessions", .logIn(person.username))
        return try await expect(
            201, .post, "/v1/session_challenges/\(asked["challenge"]?.string ?? "")/answers",
            ["method": .string(method), "code": .string(code)])
    }
}

extension JSON {
    fileprivate var token: String { self["access_token"]?.string ?? "" }
}
