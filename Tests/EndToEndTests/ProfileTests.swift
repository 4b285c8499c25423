import HTTP
import Identity
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

@Suite("Names and numbers that could be taken for others", .timeLimit(.minutes(1)))
struct LookAlikeTests {
    @Test(
        "letters of other scripts",
        arguments: [
            "аmina", "amina\u{200B}", "amіna", "ａmina", "ami\u{0301}na", "amina\u{202E}", "ɑmina",
            "amına", "ΑMINA", "amina ", "am ina", "@amina", "amina\u{0000}",
        ])
    func areRefused(username: String) async throws {
        let api = try await World.api
        let reply = try await api.reply(
            .post, "/v1/users", Person.Names().signUp.replacing("username", .string(username)))
        // U+0000 is no text for any field; everything else is no username.
        let isText = !username.unicodeScalars.contains("\u{0000}")
        reply.expectProblem(isText ? 422 : 400, isText ? "username_invalid" : "invalid_request")
    }

    @Test func namesThatLookTheSameAreTaken() async throws {
        let api = try await World.api
        let word = "wool\(Api.newKey().prefix { $0.isLetter })x"
        let taken = "m\(word).1n"
        _ = try await api.expect(
            201, .post, "/v1/users", Person.Names().signUp.replacing("username", .string(taken)))
        for name in [
            taken.uppercased(), "rn\(word).1n", "m\(word)-1n", "m\(word)_1n", "m\(word).ln",
            "m\(word.replacing("o", with: "0")).1n", "m\(word.replacing("w", with: "vv")).1n",
        ] {
            try await api.refused(
                409, "username_taken", .post, "/v1/users",
                Person.Names().signUp.replacing("username", .string(name)))
        }
        // What differs at a glance is another name.
        _ = try await api.expect(
            201, .post, "/v1/users",
            Person.Names().signUp.replacing("username", .string("n\(word).1n")))
    }

    /// The rule stands in two places; both say the same of any name.
    @Test func theDatabaseSeesWhatSwiftSees() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix64(seed: seed)
        let database = try await TestPostgres.database()
        _ = try await FlorinServer.start(database: database)
        let hands = try Connection.open(database.settings)
        let letters = Array("abrnvwmlo01.-_")
        for _ in 0..<500 {
            let tail = String(
                (0..<Int.random(in: 2...12, using: &random)).map { _ in
                    letters.randomElement(using: &random)!
                })
            let name = try #require(Username("a" + tail))
            let look: String = try hands.query(
                """
                SELECT replace(replace(translate(\(name.text), '01.-', 'ol__'), 'rn', 'm'),
                    'vv', 'w')
                """)[0][0]
            #expect(look == name.look, "seed \(seed), \(name)")
        }
        let generated: String = try hands.query(
            """
            SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
            WHERE adrelid = 'identity.users'::regclass AND pg_get_expr(adbin, adrelid) LIKE '%rn%'
            """)[0][0]
        #expect(
            generated.replacing("::text", with: "")
                == "replace(replace(translate(username, '01.-', 'ol__'), 'rn', 'm'), 'vv', 'w')")
    }

    @Test func aNumberIsTakenHoweverItIsTyped() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let national = person.phone.dropFirst(4)
        for text in [
            "+254 \(national)", "+254 (0)\(national)", "+2540\(national)",
            "+254-\(national.prefix(3)).\(national.dropFirst(3))",
        ] {
            try await api.refused(
                409, "phone_taken", .post, "/v1/users",
                Person.Names().signUp.replacing("phone", .string(text)))
            // The password is right, and this device is not known under that spelling.
            try await api.refused(
                401, "second_step_required", .post, "/v1/sessions", .logIn(text))
        }
        for text in ["0\(national)", "254\(national)", "00254\(national)", "+٢٥٤\(national)"] {
            try await api.refused(
                422, "phone_invalid", .post, "/v1/users",
                Person.Names().signUp.replacing("phone", .string(text)))
        }
    }
}
