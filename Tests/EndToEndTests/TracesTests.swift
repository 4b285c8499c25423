import FoundationEssentials
import HTTP
import Postgres
import TestSupport
import Testing

/// Looks for people in every column of every table, whoever made it.
@Suite("Traces of people in the database", .timeLimit(.minutes(2)))
struct TracesTests {
    private static let fullName = "Wanjirũ Nyakio Kamau"
    private static let birthDate = "1987-06-05"

    /// Does what leaves traces: everything that the program offers a person, some of it refused.
    private func live(_ person: Person, beside friend: Person) async throws {
        let api = person.api
        _ = try await person.reply(
            .patch, "/v1/me",
            [
                "full_name": .string(Self.fullName), "birth_date": .string(Self.birthDate),
                "language": "sw",
            ])
        try await api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.phone, "not it"))
        try await api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(person.email, "not it"))
        _ = try await api.reply(.post, "/v1/password_resets", ["to": .string(person.email)])
        _ = try await api.reply(.post, "/v1/phone_codes", ["phone": .string(person.phone)])
        try await person.stepUp()
        _ = try await person.post("/v1/totp")
        _ = try await person.post("/v1/passkeys/registrations")
        _ = try await person.post("/v1/api_keys", .key(scopes: ["wallets:read"]))
        _ = try await person.post(
            "/v1/me/email_changes", ["email": .string(person.email)], status: 202)
        try await person.topUp(1_000)
        for name in [friend.username, friend.phone, friend.email] {
            _ = try await person.post("/v1/transfers", .send(10, to: name, note: "Asante sana"))
        }
        for name in [person.phone, person.email] {
            _ = try await friend.post("/v1/transfers", .send(10, to: name))
            let asked: JSON = ["from": .string(name), "amount": 7, "currency": "KES"]
            let request = try await friend.post("/v1/requests", asked)
            _ = try await person.post("/v1/requests/\(request.id)/declines")
        }
        let asks: JSON = [
            "from": .string(friend.phone), "amount": 7, "currency": "KES", "note": "Kwa chai",
        ]
        let asked = try await person.post("/v1/requests", asks)
        _ = try await friend.post("/v1/requests/\(asked.id)/declines")
        _ = try await person.sendDocuments()
        let hold = JSON.send(5, to: friend.phone, expiresIn: 60)
        let held = try await person.post("/v1/holds", hold)
        _ = try await friend.post("/v1/holds/\(held.id)/voids")
        let batch: JSON = [["to": .string(friend.phone), "amount": 1]]
        _ = try await person.post(
            "/v1/transfer_batches", ["mode": "independent", "transfers": batch], status: 200)
        _ = try await api.reply(
            .get, "/api/users/by-email/\(person.email)", token: person.token)
        let copy = try await api.reply(
            .post, "/v1/me/exports", token: person.token, headers: [("X-Florin-PIN", PinTests.pin)])
        #expect(copy.status == 200, "\(copy.text)")
    }

    /// A test that finds nothing must be able to find something: the username is public.
    @Test func nobodyStandsThereInTheClearAndNobodyAtAllWhoWasErased() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database, ["FLORIN_ERASURE_DAYS": "0"])
        let person = try await Person.signUp(server.api)
        var friend = try await Person.signUp(server.api, money: 1_000)
        // One name that begins another would be found in it.
        while friend.username.hasPrefix(person.username) {
            friend = try await Person.signUp(server.api, money: 1_000)
        }
        let hands = try Connection.open(database.settings)
        try hands.execute(
            "UPDATE identity.users SET role = 'merchant' WHERE id = \(person.id)::uuid")
        let merchant = try await person.logged(
            in: server.api.logIn(person.username)["access_token"]?.string)
        try await live(merchant, beside: friend)

        let personal = [
            person.phone, person.email, Self.fullName, Self.birthDate, Person.password,
            "Asha Wanjirũ Òjó-Smith", "1990-03-31", "A 1234-567", merchant.token, person.token,
            person.refreshToken, PinTests.pin,
        ]
        for text in personal {
            #expect(try hands.columns(holding: text) == [], "\(text)")
        }
        // What people write to each other is not theirs alone, and stands there to be read.
        #expect(try hands.columns(holding: "Asante sana") == ["payments.notes.note"])
        #expect(try hands.columns(holding: "Kwa chai") == ["payments.requests.note"])
        #expect(try hands.columns(holding: person.username) == ["identity.users.username"])
        let tables = Set(try hands.columns(holding: person.id).map { $0.prefix { $0 != "." } })
        #expect(tables.isSuperset(of: ["identity", "payments"]))

        try await merchant.send(try await merchant.available() ?? 0, to: friend)
        let asked = try await server.api.reply(
            .post, "/v1/me/erasures", token: merchant.token,
            headers: [("X-Florin-PIN", PinTests.pin)])
        #expect(asked.status == 201, "\(asked.text)")
        try await server.api.advanceClock(seconds: 61)
        try await database.erased(person)
        let look = person.username.replacing("-", with: "_")
        for text in personal + [person.username, look] {
            #expect(try hands.columns(holding: text) == [], "\(text)")
        }
        for note in ["Asante sana", "Kwa chai"] {
            #expect(try hands.columns(holding: note) == [])
        }
        // What is left is a number without a name, in the places that docs/privacy.md gives.
        #expect(
            try hands.columns(holding: person.id) == [
                "identity.acts.actor", "identity.acts.subject", "identity.erasures.user_id",
                "identity.kyc_submissions.decided_by", "identity.kyc_submissions.user_id",
                "identity.users.id", "identity.users.username", "jobs.events.subject",
                "payments.requests.payer", "payments.requests.requester",
                "payments.transfer_batches.user_id", "payments.wallets.user_id",
            ])
        try await server.audited()
    }

    /// The page that says what is kept, and how long, knows every table there is, and no other.
    @Test func everyTableIsAccountedFor() async throws {
        let database = try await TestPostgres.database()
        _ = try await FlorinServer.start(database: database)
        let tables = try Connection.open(database.settings).query(
            """
            SELECT table_schema || '.' || table_name FROM information_schema.tables
            WHERE table_type = 'BASE TABLE'
                AND table_schema NOT IN ('pg_catalog', 'information_schema')
            """
        ).map { try $0[0] as String }
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = String(
            decoding: try Data(contentsOf: root.appending(path: "docs/privacy.md")), as: UTF8.self)
        let named = Set(
            page.split(separator: "\n").filter { $0.hasPrefix("| ") }
                .flatMap { $0.split(separator: "|")[0].split(separator: "`") }
                .filter { $0.contains(".") }.map { String($0) })
        for table in tables {
            #expect(named.contains(table), "\(table) has no line in docs/privacy.md")
        }
        for table in named { #expect(tables.contains(table), "\(table) is in the page alone") }
    }
}

extension Connection {
    /// Every column of which some row holds the text: as text, as its bytes, or in base64.
    fileprivate func columns(holding text: String) throws -> [String] {
        let columns = try query(
            """
            SELECT c.table_schema, c.table_name, c.column_name
            FROM information_schema.columns c JOIN information_schema.tables t
                USING (table_schema, table_name)
            WHERE t.table_type = 'BASE TABLE'
                AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
            ORDER BY 1, 2, 3
            """)
        let bytes = Array(text.utf8)
        let forms = [text, text.lowercased(), Data(bytes).base64EncodedString().trimmedPadding]
        var found: [String] = []
        for column in columns {
            let (schema, table, name): (String, String, String) = (
                try column[0], try column[1], try column[2]
            )
            let value = SQL(identifier: name)
            let rows = try query(
                """
                SELECT 1 FROM \(SQL(identifier: schema)).\(SQL(identifier: table)) AS t
                WHERE lower(t.\(value)::text) LIKE ANY(
                        SELECT '%' || lower(form) || '%' FROM unnest(\(forms)) AS form)
                    OR t.\(value)::text LIKE '%' || encode(\(bytes), 'hex') || '%' LIMIT 1
                """)
            if !rows.isEmpty { found.append("\(schema).\(table).\(name)") }
        }
        return found
    }
}

extension String {
    /// Without what depends on how many bytes there are.
    fileprivate var trimmedPadding: String { String(prefix { $0 != "=" }) }
}
