import HTTP
import Identity
import Postgres
import TestSupport
import Testing

@Suite("Names and numbers that could be taken for others", .timeLimit(.minutes(1)))
struct OneFormTests {
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
