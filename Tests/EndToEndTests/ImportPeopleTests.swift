import HTTP
import Postgres
import TestSupport
import Testing

@Suite("People from elsewhere", .timeLimit(.minutes(1)))
struct ImportPeopleTests {
    /// Of the password `U*U`, by crypt_blowfish's own test vectors.
    private static let hash = "$2a$10$CCCCCCCCCCCCCCCCCCCCC.KgQljzbljH4iwhlg3oTf8buusOTZRX6"
    /// The same password at a cost that is guessed too soon.
    private static let cheap = "$2a$09$CCCCCCCCCCCCCCCCCCCCC.xnARrexguW/OEMRqK8WCwg4UE5gANmK"

    @Test func theyLogInWithTheirPasswordAndItsHashIsRenewed() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let names = Person.Names()
        let file = server.folder.file(
            "people.csv",
            """
            phone,username,password_hash,email\r
            \(names.phone),\(names.username),\(Self.hash),\(names.email)\r

            """)
        let (program, ending) = try await server.run("import-people", file)
        #expect(ending == .exited(0), "\(program.complaints)")
        #expect(program.output.contains("imported 1 people, refused 0 lines"))

        try await server.api.refused(
            401, "credentials_invalid", .post, "/v1/sessions", .logIn(names.username, "U*V"))
        #expect(try stored(names, database).hasPrefix("$2a$10$"))
        let first = try await server.api.logIn(
            names.username, "U*U", onNewDeviceOf: names.phone)
        KnownDevices.add(first["device"]?.string, for: names.phone)
        for login in [names.username, names.phone, names.email] {
            let session = try await server.api.expect(
                201, .post, "/v1/sessions", .logIn(login, "U*U"))
            #expect(session[at: "user", "phone_verified"]?.bool == true)
            #expect(try stored(names, database).hasPrefix("p1$argon2id$"))
        }
    }

    @Test func eachLineIsForItselfAndSaysWhatBecameOfIt() async throws {
        let server = try await World.own()
        let (one, two, taken) = (Person.Names(), Person.Names(), Person.Names())
        _ = try await server.api.expect(201, .post, "/v1/users", taken.signUp)
        let lines = [
            "username,phone,password_hash,role",
            "\(one.username),\(one.phone),\(Self.hash),",
            "\(taken.username),\(Person.Names().phone),\(Self.hash),customer",
            "\(Person.Names().username),\(taken.phone),\(Self.hash),customer",
            "x,\(Person.Names().phone),\(Self.hash),customer",
            "\(Person.Names().username),0712,\(Self.hash),customer",
            "\(Person.Names().username),\(Person.Names().phone),5f4dcc3b5aa765d6,customer",
            "\(Person.Names().username),\(Person.Names().phone),\(Self.cheap),customer",
            "\(Person.Names().username),\(Person.Names().phone),\(Self.hash),admin",
            "\(one.username),\(Person.Names().phone),\(Self.hash),customer",
            "\(two.username),\(two.phone),\(Self.hash)",
            "\"\(two.username)\",\"\(two.phone)\",\(Self.hash),\"merchant\"",
        ]
        let file = server.folder.file("people.csv", lines.joined(separator: "\n"))
        for isDry in [true, false] {
            let (program, ending) =
                isDry
                ? try await server.run("import-people", "--dry-run", file)
                : try await server.run("import-people", file)
            #expect(ending == .exited(1), "\(program.complaints)")
            let told = program.output.split(separator: "\n").map(String.init)
            #expect(
                told.dropLast() == [
                    "line 3: username_taken", "line 4: phone_taken", "line 5: username_invalid",
                    "line 6: phone_invalid",
                    "line 7: password_hash is no bcrypt hash of a cost from 10 to 15",
                    "line 8: password_hash is no bcrypt hash of a cost from 10 to 15",
                    "line 9: role is not customer, worker or merchant",
                    "line 10: the file has this username, phone or email on an earlier line",
                    "line 11: not as many fields as columns, or quotes that do not end",
                ])
            #expect(told.last?.contains(isDry ? "nothing was done" : "imported 2 people") == true)
            if isDry {
                try await server.api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions", .logIn(two.username, "U*U"))
            } else {
                let session = try await server.api.logIn(
                    two.username, "U*U", onNewDeviceOf: two.phone)
                #expect(session[at: "user", "role"]?.string == "merchant")
            }
        }
    }

    @Test(arguments: ["", "username,phone\n", "username,phone,password_hash,shoe_size\n"])
    func aFileWithoutItsColumnsIsNotTaken(_ text: String) async throws {
        let server = try await World.own()
        let file = server.folder.file("people.csv", text)
        let (program, ending) = try await server.run("import-people", file)
        #expect(ending == .exited(2))
        #expect(program.complaints.contains("names the columns"))
    }

    private func stored(_ names: Person.Names, _ database: TestDatabase) throws -> String {
        try database.connection().query(
            "SELECT password_hash FROM identity.users WHERE username = \(names.username)")[0][0]
    }
}
