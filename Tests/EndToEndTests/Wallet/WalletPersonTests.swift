import Glibc
import HTTP
import Postgres
import TestSupport
import Testing

/// What is kept of a person, from the terminal.
@Suite("The terminal wallet's person", .timeLimit(.minutes(1)))
struct WalletPersonTests {
    @Test func theProfileIsShownAndChanged() async throws {
        let person = try await Person.signUp(try await World.api)
        let shell = try await Shell.of(person)
        let changed = try await shell.done(
            "profile", "--name", "Asha Wanjirũ", "--birth-date", "1990-03-31", "--language", "sw")
        #expect(changed.contains("Asha Wanjirũ") && changed.contains("1990-03-31"))
        #expect(changed.contains("sw") && changed.contains("FREE, KYC tier 0"))
        let removed = try await shell.run("profile", "--language", "", "--json").json
        #expect(removed?.object?["language"] == .null)
        #expect(removed?["full_name"]?.string == "Asha Wanjirũ")
        #expect(
            try await shell.refused("profile", "--birth-date", "1990-13-40").contains("1990-05-17"))
    }

    @Test func numberAndAddressAreExchanged() async throws {
        let api = try await World.api
        let (person, names) = (try await Person.signUp(api), Person.Names())
        let shell = try await Shell.of(person)
        let ordered = try await shell.done("phone", names.phone)
        #expect(ordered.contains("Next: florin wallet phone \(names.phone) --code CODE"))
        let code = try await api.code(for: names.phone)
        #expect(
            try await shell.done("phone", names.phone, "--code", code)
                .contains("\(names.phone) is yours now"))
        #expect(try await shell.done("email", names.email).contains("--code CODE"))
        let proof = try await api.code(for: names.email)
        #expect(try await shell.refused("email", names.email, "--code", "000000").contains("wrong"))
        #expect(
            try await shell.done("email", names.email, "--code", proof)
                .contains("\(names.email) is yours and proven"))
        let profile = try await shell.done("whoami")
        #expect(profile.contains(names.phone) && !profile.contains("not verified"))
    }

    @Test func aCopyGoesToAFileOfItsOwnersAlone() async throws {
        let person = try await Person.signUp(try await World.api, money: 700)
        let shell = try await Shell.of(person)
        let path = shell.folder.path + "/me.json"
        // Nobody who merely has the session takes everything along.
        let refused = try await shell.refused("export", path, settings: ["FLORIN_PASSWORD": ""])
        #expect(refused.contains("set FLORIN_PASSWORD"))
        #expect(unsafe access(path, F_OK) != 0)
        #expect(try await shell.done("export", path).contains("only you can read it"))
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
        let copy = try JSON(parsing: try #require(Shell.read(path)))
        #expect(copy["person"]?["username"]?.string == person.username)
        #expect(try await shell.refused("export", path).contains("exists already"))
        #expect(TestFolder.names(in: shell.folder.path).allSatisfy { !$0.hasPrefix("me.json.") })
        let nowhere = shell.folder.path + "/none/me.json"
        #expect(try await shell.refused("export", nowhere).contains("cannot be written"))
    }

    @Test func beingErasedTakesTime() async throws {
        let person = try await Person.signUp(try await World.api, money: 700)
        let friend = try await Person.signUp(try await World.api)
        let shell = try await Shell.of(person)
        #expect(try await shell.refused("erase").contains("florin wallet erase ask"))
        #expect(try await shell.run("erase", "ask").code == 2)
        let blocked = try await shell.refused("erase", "ask", "--yes")
        #expect(blocked.contains("Still there: KES 7.00."))
        try await shell.done("send", friend.username, "7", "--yes")
        let asked = try await shell.done("erase", "ask", "--yes")
        #expect(asked.contains("Until then: florin wallet erase cancel"))
        #expect(try await shell.done("erase") == asked)
        #expect(try await shell.refused("erase", "ask", "--yes").contains("erase cancel"))
        #expect(try await shell.done("erase", "cancel") == "You stay. Nothing will be erased.\n")
        #expect(try await shell.refused("erase", "cancel").contains("not asked"))
    }

    @Test func documentsRaiseLimits() async throws {
        let shell = try await Shell.of(try await Person.signUp(try await World.api))
        #expect(try await shell.done("kyc").hasPrefix("KYC tier 0. Photograph a document"))
        let form = [
            "kyc", "submit", "--tier", "1", "--name", "Asha Wanjirũ", "--birth-date", "1990-03-31",
            "--document", "passport", "--number", "A1234567", "--country", "KE",
        ]
        let missing = try await shell.run(words: form)
        #expect(missing.code == 1 && missing.complaints.contains("kyc photo SIDE FILE"))
        let (photo, text) = (shell.folder.path + "/front.jpg", shell.folder.path + "/front.txt")
        try Shell.write(Photograph.jpeg(), photo)
        try Shell.write(Array("no picture".utf8), text)
        #expect(try await shell.refused("kyc", "photo", "front", text).contains("JPEG or PNG"))
        #expect(try await shell.run("kyc", "photo", "left", photo).code == 2)
        let large = shell.folder.path + "/large.jpg"
        try Shell.write(Photograph.jpeg(bytes: 2 * 1024 * 1024), large)
        #expect(try await shell.refused("kyc", "photo", "front", large).contains("2 MiB"))
        #expect(try await shell.done("kyc", "photo", "front", photo).contains("It waits"))
        #expect(try await shell.done("kyc").contains("Photographs that wait: front"))
        #expect(try await shell.done(words: form).contains("We have your documents."))
        #expect(try await shell.done("kyc").contains("Your documents: submitted"))
        #expect(try await shell.done("kyc", "withdraw").contains("You took this back"))
    }

    @Test func limitsTellWhatIsLeft() async throws {
        let api = try await World.terms
        let (person, friend) = (
            try await Person.signUp(api, money: 150_000), try await Person.signUp(api)
        )
        let shell = try await Shell.of(person)
        try await shell.done("send", friend.username, "12.50", "--yes")
        let lines = try await shell.done("limits").split(separator: "\n")
        #expect(lines[0].hasPrefix("KES  each payment"))
        #expect(lines[0].hasSuffix("KES 1,000.00 left   of KES 1,000.00"))
        #expect(lines[1].contains("per day") && lines[1].contains("KES 1,987.50 left"))
        #expect(lines[1].contains("of KES 2,000.00  anew "))
        let over = try await shell.refused("send", friend.username, "1000.01", "--yes")
        #expect(over.contains("Next: florin wallet limits"))
    }

    @Test func aPaymentIsProven() async throws {
        let person = try await Person.signUp(try await World.api, money: 9_000)
        let shell = try await Shell.of(person)
        let id = try await shell.run("history", "--json").json?.rows.first?.id ?? ""
        let path = shell.folder.path + "/proof.json"
        #expect(try await shell.done("proof", id, path).contains("verify_proof.py"))
        let proof = try JSON(parsing: try #require(Shell.read(path)))
        #expect(proof == (try await person.get("/v1/entries/\(id)/proof")))
    }

    @Test func aMerchantsKeysAreMadeRotatedAndRevoked() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(database: database)
        let person = try await Person.signUp(server.api)
        let shell = try await Shell.of(person)
        #expect(try await shell.refused("keys").contains("not yours"))
        try database.connection().execute(
            "UPDATE identity.users SET role = 'merchant' WHERE username = \(person.username)")
        try await shell.done("log-in", person.username)
        #expect(try await shell.done("keys").contains("keys make NAME"))
        #expect(try await shell.run("keys", "make", "Till").code == 2)
        let made = try await shell.run("keys", "make", "Till", "--scopes", "wallets:read", "--json")
        let (text, id) = (made.json?["key"]?.string ?? "", made.json?.id ?? "")
        #expect(
            try await server.api.reply(.get, "/v1/wallets", token: text).status == 200)
        let rotated = try await shell.done("keys", "rotate", id)
        #expect(rotated.contains("not shown again") && !rotated.contains(text))
        #expect(try await shell.done("keys").contains("wallets:read"))
        try await shell.done("keys", "revoke", id)
        #expect(try await shell.refused("keys", "revoke", id).contains("Next: florin wallet keys"))
        try await server.stop()
    }

    @Test func aSandboxLetsOneTryAnotherStanding() async throws {
        let shell = try await Shell.of(try await Person.signUp(try await World.api))
        #expect(
            try await shell.done("standing", "premium", "2")
                == "You are on PREMIUM now, with KYC tier 2.\n")
        #expect(try await shell.run("standing", "premium", "3").code == 2)
        #expect(try await shell.run("clock", "-1").code == 2)
        #expect(try await shell.done("clock", "0").hasPrefix("The sandbox's clock shows "))
    }
}
