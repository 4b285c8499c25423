import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Personal data at rest", .timeLimit(.minutes(1)))
struct PersonalDataTests {
    @Test func nothingPersonalStandsInTheDatabaseInTheClear() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let everything = try Connection.open(database.settings).everything()
        #expect(everything.contains(person.username))
        for text in [person.phone, person.email, Person.password, person.token] {
            #expect(!everything.contains(text))
            // Bytes are shown in hexadecimal.
            #expect(!everything.contains(text.utf8.map { hexadecimal($0) }.joined()))
        }
    }

    @Test func eachPersonHasAKeyOfTheirOwn() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let people = [
            try await Person.signUp(server.api), try await Person.signUp(server.api),
        ]
        let connection = try Connection.open(database.settings)
        let keys = try connection.query("SELECT wrapped FROM identity.person_keys")
        #expect(Set(try keys.map { try $0[0] as [UInt8] }).count == 2)

        // One's sealed number does not open in the other's place.
        try connection.execute(
            """
            UPDATE identity.users SET phone_sealed = (
                SELECT phone_sealed FROM identity.users WHERE id = \(people[0].id)::uuid)
            WHERE id = \(people[1].id)::uuid
            """)
        #expect(try await people[0].get("/v1/me")["phone"]?.string == people[0].phone)
        #expect(try await people[1].reply(.get, "/v1/me").status == 500)
        // Nor does it in the place of another field.
        try connection.execute(
            """
            UPDATE identity.users SET phone_sealed = email_sealed
            WHERE id = \(people[0].id)::uuid
            """)
        #expect(try await people[0].reply(.get, "/v1/me").status == 500)
    }

    @Test func masterKeysRotateUnderRunningServers() async throws {
        let database = try await TestPostgres.database()
        let (old, new) = (String(repeating: "1a", count: 32), String(repeating: "2b", count: 32))
        let server = try await FlorinServer.start(database: database, ["FLORIN_MASTER_KEY": old])
        let person = try await Person.signUp(server.api, money: 500)
        try await server.stop()

        // The new key seals, the old one opens; a second process works meanwhile.
        let both = try await FlorinServer.start(
            database: database, ["FLORIN_MASTER_KEY": "\(new),\(old)"])
        let friend = try await Person.signUp(both.api)
        try await person.at(both).send(100, to: friend)
        let premature = try await FlorinServer.run(
            ["rotate-keys"], both.environment.merging(["FLORIN_MASTER_KEY": new]) { $1 })
        #expect(premature.ending == .exited(1))
        #expect(premature.program.complaints.contains("opens with none of the keys"))
        let rotation = try await both.run("rotate-keys")
        #expect(rotation.ending == .exited(0), "\(rotation.program.complaints)")
        #expect(rotation.program.output.contains("keys of people      1 of 2 sealed anew"))
        #expect(rotation.program.output.contains("keys of the books   1 of 1 sealed anew"))
        #expect(rotation.program.output.contains("the other keys are no longer needed"))
        // Once more changes nothing: so it may be stopped and begun again.
        let again = try await both.run("rotate-keys")
        #expect(again.program.output.contains("keys of people      0 of 2 sealed anew"))
        #expect(try await person.at(both).get("/v1/me")["phone"]?.string == person.phone)
        try await both.stop()

        let after = try await FlorinServer.start(database: database, ["FLORIN_MASTER_KEY": new])
        #expect(try await person.at(after).get("/v1/me")["email"]?.string == person.email)
        _ = try await after.api.expect(201, .post, "/v1/sessions", .logIn(person.phone))
        let messages = try await after.api.expect(
            200, .get, "/sandbox/messages?to=%2B\(person.phone.dropFirst())")
        #expect(messages.rows.first?["to"]?.string == person.phone)
        let audit = try await after.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        try await after.stop()
        let refused = try await FlorinServer.run(
            ["serve"], after.environment.merging(["FLORIN_MASTER_KEY": old]) { $1 })
        #expect(refused.ending == .exited(1))
        #expect(refused.program.complaints.contains("florin: FLORIN_MASTER_KEY: "))
    }

    @Test func theDatabaseKeepsTheKeysOfTheBooksFromBeingExchanged() async throws {
        let database = try await TestPostgres.database()
        _ = try await FlorinServer.start(database: database)
        let connection = try Connection.open(database.settings)
        for statement: SQL in [
            "UPDATE ledger.commitment_keys SET public_key = decode(repeat('00', 65), 'hex')",
            "UPDATE ledger.commitment_keys SET kid = 'other'",
            "DELETE FROM ledger.commitment_keys",
        ] {
            #expect(throws: DatabaseError.self) { try connection.query(statement) }
        }
    }
}

private func hexadecimal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16)
    return text.count == 1 ? "0" + text : text
}

extension Connection {
    /// Every row of every table of the program, as text.
    func everything() throws -> String {
        let tables = try query(
            """
            SELECT schemaname, tablename FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """)
        var text = ""
        for table in tables {
            let (schema, name): (String, String) = (try table[0], try table[1])
            let rows = try query(
                """
                SELECT t::text FROM \(SQL(identifier: schema)).\(SQL(identifier: name)) AS t
                """)
            for row in rows { text += try row[0] + "\n" }
        }
        return text
    }
}
