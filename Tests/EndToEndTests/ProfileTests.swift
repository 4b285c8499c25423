import HTTP
import Postgres
import TestSupport
import Testing

@Suite("What people say about themselves", .timeLimit(.minutes(1)))
struct ProfileTests {
    private static let me = "/v1/me"

    @Test func isChangedFieldByField() async throws {
        let person = try await Person.signUp(try await World.api)
        var expected: [String: JSON] = [:]
        for (name, value) in try await person.get(Self.me).object?.members ?? [] {
            expected[name] = value
        }
        for field in ["full_name", "birth_date", "language"] {
            #expect(expected[field]?.isNull == true)
        }
        let changes: [JSON] = [
            ["full_name": "محمد علي"], ["birth_date": "1990-02-28", "language": "sw"],
            ["full_name": "आकाश क्\u{200D}ष"], ["language": nil], [:],
        ]
        for change in changes {
            for (name, value) in change.object?.members ?? [] { expected[name] = value }
            let answer = try await person.reply(.patch, Self.me, change)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try await person.get(Self.me) == answer.json)
            for (name, value) in expected {
                #expect(answer.json.object?[name] == value, "\(name)")
            }
        }
    }

    @Test(
        "refuses what is no name, day or language",
        arguments: [
            ("full_name", " Amina", "name_invalid"), ("full_name", "Amina ", "name_invalid"),
            ("full_name", "A\u{0007}mina", "name_invalid"),
            ("full_name", "anima\u{202E}nimA", "name_invalid"),
            ("full_name", "\u{200B}", "name_invalid"), ("full_name", "A\nB", "name_invalid"),
            ("birth_date", "1990-02-30", "birth_date_invalid"),
            ("birth_date", "2999-01-01", "birth_date_invalid"),
            ("birth_date", "1850-01-01", "birth_date_invalid"),
            ("birth_date", "01.01.1990", "birth_date_invalid"),
            ("language", "swahili", "language_invalid"), ("language", "SW", "language_invalid"),
            ("language", "en-", "language_invalid"), ("language", "en_GB", "language_invalid"),
        ])
    func refuses(field: String, text: String, code: String) async throws {
        let person = try await Person.signUp(try await World.api)
        let change = JSON.object(JSONObject([(field, .string(text))]))
        try await person.refused(422, code, .patch, Self.me, change)
        #expect(try await person.get(Self.me)[field] == nil)
    }

    /// Mass assignment: what is not one's own to say is named and changes nothing.
    @Test func nothingElseAboutOneselfIsSetByOneself() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let hands = try Connection.open(database.settings)
        let row: SQL = "SELECT u::text FROM identity.users u WHERE id = \(person.id)::uuid"
        let before: String = try hands.query(row)[0][0]
        for field in [
            "id", "role", "plan", "kyc_tier", "username", "phone", "email", "phone_verified",
            "email_verified", "verified_at", "password", "password_hash", "created_at",
            "erased_at", "balance", "__proto__", "constructor", "language ", "Role",
        ] {
            let attempts: [JSON] = ["admin", true, 2, nil, ["$set": "admin"]]
            for value in attempts {
                let change = JSON.object(JSONObject([("language", "sw"), (field, value)]))
                let problem = try await person.refused(
                    400, "invalid_request", .patch, Self.me, change)
                #expect(problem["field"]?.string == "/" + field)
                #expect(problem["reason"]?.string == "is not a known field")
            }
        }
        #expect(try hands.query(row)[0][0] as String == before)
        for body: JSON in [[], "admin", nil, 1] {
            try await person.refused(400, "invalid_request", .patch, Self.me, body)
        }
        // A sign-up takes no more than it says either.
        for field in ["role", "plan", "kyc_tier", "verified_at"] {
            let problem = try await server.api.refused(
                400, "invalid_request", .post, "/v1/users",
                Person.Names().signUp.replacing(field, "admin"))
            #expect(problem["field"]?.string == "/" + field)
        }
    }

    @Test func whatDocumentsHaveProvenStays() async throws {
        let person = try await Person.signUp(try await World.api)
        _ = try await person.reply(.patch, Self.me, ["full_name": "Amina"])
        #expect(try await person.reply(.put, "/sandbox/standing", ["kyc_tier": 1]).status == 200)
        for change: JSON in [["full_name": "Brian"], ["birth_date": nil]] {
            try await person.refused(409, "identity_proven", .patch, Self.me, change)
        }
        #expect(try await person.reply(.patch, Self.me, ["language": "en"]).status == 200)
        #expect(try await person.get(Self.me)["full_name"]?.string == "Amina")
    }
}
