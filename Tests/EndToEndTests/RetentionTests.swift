import HTTP
import Postgres
import TestSupport
import Testing

/// What docs/privacy.md says is kept for a time is there in that time, and gone after it.
@Suite("What goes by itself", .timeLimit(.minutes(2)))
struct RetentionTests {
    /// Tables whose rows of today go, with the days after which they must have gone.
    private static let kept: [(days: Int64, table: StaticString)] = [
        (1, "identity.codes"), (1, "identity.guesses"), (1, "identity.exports"),
        (1, "identity.passkey_challenges"), (1, "identity.session_challenges"),
        (7, "jobs.events"), (30, "notifications.messages"), (30, "identity.refresh_tokens"),
        (90, "identity.sessions"), (180, "identity.devices"), (365, "identity.merchant_keys"),
        (365, "identity.merchant_key_secrets"),
    ]

    @Test func isThereInItsTimeAndGoneAfterIt() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let hands = try Connection.open(database.settings)
        try hands.execute(
            "UPDATE identity.users SET role = 'merchant' WHERE id = \(person.id)::uuid")
        let merchant = try await person.logged(
            in: server.api.logIn(person.username)["access_token"]?.string)
        try await merchant.stepUpByPassword()
        let key = try await merchant.post("/v1/api_keys", .key(scopes: ["wallets:read"]))
        #expect(try await merchant.reply(.delete, "/v1/api_keys/\(key.id)").status == 204)
        _ = try await merchant.post("/v1/passkeys/registrations")
        _ = try await merchant.wallet()
        _ = try await merchant.post("/v1/me/exports", Person.proof, status: 200)
        try await server.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.phone, "not it"))
        try await server.api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(person.username, isNewDevice: true))

        var today: Int64 = 0
        for (days, table) in Self.kept {
            let rows = SQL(stringLiteral: table)
            // Nothing new is written meanwhile, so that only what is old can go; what is good for
            // a day may have gone by now, and so may what has the time of the table before.
            if days > max(today, 1) {
                #expect(try hands.count(rows) > 0, "\(table) before \(days) days")
            }
            let ahead = (days - today) * 86_400 + 3_700
            try await server.api.advanceClock(seconds: ahead)
            today = days
            while try hands.count(rows) > 0 { try await Task.yieldUnlessCancelled() }
        }
        // The log and the person stay.
        #expect(try hands.count("identity.acts") > 5)
        #expect(try hands.count("identity.users") == 1)
        try await server.audited()
    }
}

extension Connection {
    fileprivate func count(_ table: SQL) throws -> Int64 {
        try query("SELECT count(*) FROM \(table)")[0][0]
    }
}
