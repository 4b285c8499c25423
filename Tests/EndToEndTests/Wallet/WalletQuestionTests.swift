import Cryptography
import QRCodes
import TestSupport
import Testing

/// What the terminal wallet asks a person who sits there.
@Suite("The terminal wallet's questions", .timeLimit(.minutes(1)))
struct WalletQuestionTests {
    @Test func aPaymentAsksForThePinAndIsMadeOnce() async throws {
        let api = try await World.api
        let (payer, payee) = (
            try await Person.signUp(api, money: 10_000_000), try await Person.signUp(api)
        )
        try await payer.setPin()
        let shell = try await Shell.of(payer)
        let paying = shell.atTerminal("send", payee.username, "6000", "--key", "rent")
        try await paying.answer("Send it? [y/N] ", "y")
        try await paying.answer("PIN: ", "602841")
        try await paying.answer("PIN: ", PinTests.pin)
        #expect(try await paying.ended() == .exited(0))
        #expect(paying.output.contains("The PIN is wrong; "))
        #expect(paying.output.contains("Sent KES 6,000.00."))
        // What is secret does not show, and the key is that of the first try.
        #expect(!paying.output.contains(PinTests.pin))
        let again = try await shell.done("send", payee.username, "6000", "--yes", "--key", "rent")
        #expect(again.contains("It had been done before"))
        #expect(try await payee.available() == 600_000)
    }

    @Test func aNewTerminalAsksForTheCode() async throws {
        let person = try await Person.signUp(try await World.api)
        let shell = Shell(person.api.url)
        let entering = shell.atTerminal("log-in", person.username)
        try await entering.answer("Password: ", Person.password)
        try await entering.line(startingWith: "This terminal is new. A code is on its way to ")
        try await entering.answer("Code: ", "000000")
        try await entering.answer("Code: ", try await person.api.code(for: person.phone))
        #expect(try await entering.ended() == .exited(0))
        #expect(entering.output.contains("The code is wrong; "))
        #expect(entering.output.contains("Logged in to \(person.api.url)"))
        #expect(!entering.output.contains(Person.password))
    }

    @Test func anAppIsSetUpAndThenAskedFor() async throws {
        let server = try await World.own()
        let (person, payee) = (
            try await Person.signUp(server.api, money: 10_000_000),
            try await Person.signUp(server.api)
        )
        let shell = try await Shell.of(person)
        let setUp = shell.atTerminal("app", "set-up")
        // Who has nothing better shows the password.
        try await setUp.answer("Password: ", Person.password)
        let line = try await setUp.line(startingWith: "Or type the secret: ")
        let secret = try #require(
            Base32.decode(String(line.trimmingPrefix("Or type the secret: "))))
        let app = AuthenticatorApp(api: server.api, secret: secret)
        try await setUp.answer("The code that it shows: ", try await app.nextCode())
        #expect(try await setUp.ended() == .exited(0))
        #expect(setUp.output.contains("write them down:"))
        let uri = try await setUp.line(startingWith: "  otpauth://").trimmingPrefix("  ")
        let picture = try QRCode(forScreen: String(uri)).terminalLines(hasColours: true)
        #expect(setUp.output.contains(picture.joined(separator: "\n")))

        // It stands for the PIN, which this person has not; that it was shown counts for a while.
        try await server.api.advanceClock(seconds: 301)
        let paying = shell.atTerminal("send", payee.username, "6000", "--yes")
        try await paying.answer("Code of the authenticator app: ", "000000")
        try await paying.answer("Code of the authenticator app: ", try await app.nextCode())
        #expect(try await paying.ended() == .exited(0))
        #expect(try await payee.available() == 600_000)

        let entering = shell.atTerminal("log-in", person.username)
        try await entering.answer("Password: ", Person.password)
        try await entering.answer("Code: ", try await app.nextCode())
        #expect(try await entering.ended() == .exited(0))
        let removing = shell.atTerminal("app", "remove")
        let recovery = try #require(setUp.output.split(separator: "\n").last { $0.contains("-") })
        try await removing.answer(
            "Code of the app, or a recovery code: ", String(recovery.trimmingPrefix("  ")))
        #expect(try await removing.ended() == .exited(0))
        try await server.stop()
    }

    @Test func secretsAreAskedTwice() async throws {
        let person = try await Person.signUp(try await World.api)
        let shell = try await Shell.of(person)
        let differing = shell.atTerminal("pin")
        try await differing.answer("New PIN: ", "739104")
        try await differing.answer("Once more: ", "739105")
        #expect(try await differing.ended() == .exited(1))
        #expect(differing.output.contains("The two differ; nothing was changed."))
        let setting = shell.atTerminal("pin")
        try await setting.answer("New PIN: ", "739104")
        try await setting.answer("Once more: ", "739104")
        try await setting.answer("Password: ", Person.password)
        #expect(try await setting.ended() == .exited(0))
        let changing = shell.atTerminal("pin")
        try await changing.answer("PIN until now: ", "260597")
        try await changing.answer("PIN until now: ", "739104")
        try await changing.answer("New PIN: ", "260597")
        try await changing.answer("Once more: ", "260597")
        #expect(try await changing.ended() == .exited(0))
    }

    @Test func aNumberIsTakenInOneSitting() async throws {
        let api = try await World.api
        let (person, names) = (try await Person.signUp(api), Person.Names())
        try await person.setPin()
        let shell = try await Shell.of(person)
        let changing = shell.atTerminal("phone", names.phone)
        try await changing.answer("PIN: ", PinTests.pin)
        try await changing.line(startingWith: "A code is on its way")
        try await changing.answer("Code: ", try await api.code(for: names.phone))
        #expect(try await changing.ended() == .exited(0))
        #expect(changing.output.contains("\(names.phone) is yours now"))
    }

    @Test func nothingIsDoneForWhoGivesUp() async throws {
        let person = try await Person.signUp(try await World.api, money: 700)
        let shell = try await Shell.of(person)
        let friend = try await Person.signUp(try await World.api)
        let sending = shell.atTerminal("send", friend.username, "5")
        try await sending.answer("Send it? [y/N] ", "no")
        #expect(try await sending.ended() == .exited(1))
        #expect(sending.output.contains("Nothing was done."))
        let exporting = shell.atTerminal("export", shell.folder.path + "/me.json")
        try await exporting.answer("Password: ", "")
        #expect(try await exporting.ended() == .exited(1))
        #expect(TestFolder.names(in: shell.folder.path).allSatisfy { !$0.hasPrefix("me.json") })
        #expect(try await person.available() == 700)
    }
}
