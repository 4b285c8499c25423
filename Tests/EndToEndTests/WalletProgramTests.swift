import Glibc
import HTTP
import TestSupport
import Testing

@Suite("The terminal wallet", .timeLimit(.minutes(1)))
struct WalletProgramTests {
    @Test func aNewPersonSignsUpAndPays() async throws {
        let api = try await World.api
        let friend = try await Person.signUp(api)
        let (shell, names) = (Shell(api.url), Person.Names())

        let welcome = try await shell.done("sign-up", names.username, names.phone)
        #expect(welcome.contains("Welcome, \(names.username)."))
        #expect(welcome.contains("florin wallet verify \(names.phone) CODE"))
        let code = try await api.code(for: names.phone)
        #expect(try await shell.done("messages", names.phone).contains(code))
        _ = try await shell.done("verify", names.phone, code)
        _ = try await shell.done("log-in", names.username)
        #expect(try await shell.done("whoami").contains(names.phone))
        #expect(try await shell.done("balance") == "KES 0.00\n")
        #expect(try await shell.done("history") == "Nothing yet.\n")

        _ = try await shell.done("topup", "1000")
        let sent = try await shell.done(
            "send", friend.username, "250.50", "--note", "Lunch", "--yes")
        #expect(sent.hasPrefix("Sent KES 250.50."))
        #expect(sent.hasSuffix("Available: KES 749.50\n"))
        #expect(try await friend.available() == 25_050)

        let lines = try await shell.done("history").split(separator: "\n")
        try #require(lines.count == 2)
        #expect(lines[0].contains("-KES 250.50  to \(friend.username)"))
        #expect(lines[0].hasSuffix("“Lunch”"))
        #expect(lines[1].contains("+KES 1,000.00  top up"))
        #expect(try await shell.done("log-out") == "Logged out.\n")
        #expect(try await shell.run("balance").complaints.contains("Log in first"))
    }

    @Test func moneyIsSeenToArrive() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 5000)
        let payee = try await Person.signUp(api)
        let shell = try await Shell.of(payee)
        let (words, json) = (shell.start("follow"), shell.start("follow", "--json"))
        try await words.line(startingWith: "Following", isComplaint: true)
        try await json.line(startingWith: #"{"event":"ready""#)

        let done = try await payer.send(1250, to: payee)
        let event = try await json.line(startingWith: #"{"event":"entry""#)
        #expect(event.contains(done.id))
        let year = try #require(done["created_at"]?.string?.prefix(4))
        let line = try await words.line(startingWith: String(year))
        #expect(line.contains("+KES 12.50  from \(payer.username)  KES 12.50"))

        let asked = try await payer.post(
            "/v1/requests",
            ["from": .string(payee.username), "amount": 500, "currency": "KES", "note": "Tea"])
        let question = try await words.line(startingWith: payer.username)
        #expect(question.contains("asks you for KES 5.00  “Tea”  \(asked.id)"))
        for program in [words, json] {
            program.send(SIGINT)
            #expect(try await program.ended() == .signalled(SIGINT))
        }
    }

    @Test func requestsAreAnswered() async throws {
        let api = try await World.api
        let (payer, asker) = (
            try await Person.signUp(api, money: 5000), try await Person.signUp(api)
        )
        let (paying, asking) = (try await Shell.of(payer), try await Shell.of(asker))
        for amount in ["10", "20", "30"] {
            _ = try await asking.done("request", payer.username, amount)
        }
        let listed = try await paying.run("requests", "--json").json?["data"]?.array ?? []
        let ids = listed.map(\.id)
        try #require(ids.count == 3)
        #expect(try await paying.run("requests", "accept", ids[0]).code == 2)
        let paid = try await paying.done("requests", "accept", ids[0], "--yes")
        #expect(paid.hasPrefix("Paid KES 30.00."))
        #expect(try await paying.done("requests", "decline", ids[1]) == "Declined.\n")
        #expect(try await asking.done("requests", "cancel", ids[2]) == "Taken back.\n")
        let again = try await paying.run("requests", "accept", ids[1], "--yes")
        #expect(again.code == 1)
        #expect(try await asking.done("balance") == "KES 30.00\n")
    }

    @Test func holdsAndReversals() async throws {
        let api = try await World.api
        let (guest, hotel) = (
            try await Person.signUp(api, money: 5000), try await Person.signUp(api)
        )
        let (paying, taking) = (try await Shell.of(guest), try await Shell.of(hotel))
        let held = try await paying.run("hold", hotel.username, "40", "--json").json?.id ?? ""
        #expect(try await paying.done("balance") == "KES 10.00  and KES 40.00 held\n")
        #expect(try await taking.done("capture", held, "15").hasPrefix("Captured KES 15.00."))
        #expect(try await paying.done("balance") == "KES 35.00\n")
        let sent = try await paying.run("send", hotel.username, "5", "--yes", "--json").json
        let id = try #require(sent?.id)
        #expect(try await taking.done("history", "--ids").contains(id))
        _ = try await taking.done("reverse", id, "--yes")
        #expect(try await paying.done("balance") == "KES 35.00\n")
    }

    @Test func aKeyDoesNothingTwice() async throws {
        let api = try await World.api
        let (payer, payee) = (
            try await Person.signUp(api, money: 5000), try await Person.signUp(api)
        )
        let shell = try await Shell.of(payer)
        for _ in 1...2 {
            _ = try await shell.done("send", payee.username, "7", "--yes", "--key", "lunch")
        }
        #expect(try await shell.done("balance") == "KES 43.00\n")
        let other = try await shell.run(
            "send", payee.username, "8", "--yes", "--key", "lunch", "--json")
        #expect(other.code == 1)
        #expect(other.complaints.contains(#""first_difference":"amount""#))
    }

    @Test func refusalsTellTheirFacts() async throws {
        let api = try await World.api
        let payee = try await Person.signUp(api)
        let shell = try await Shell.of(try await Person.signUp(api, money: 1000))
        let much = try await shell.run("send", payee.username, "10.01", "--yes")
        #expect(much.code == 1)
        #expect(much.output.isEmpty)
        #expect(much.complaints.contains("Available: KES 10.00."))
        let json = try await shell.run("send", payee.username, "10.01", "--yes", "--json")
        #expect(json.complaints.contains(#""available":1000"#))
        let nobody = try await shell.run("send", "nobody-at-all", "1", "--yes")
        #expect(nobody.complaints.contains("Nobody here"))
        let unasked = try await shell.run("send", payee.username, "1")
        #expect(unasked.code == 2)
        #expect(unasked.complaints.contains("--yes"))
        #expect(try await shell.done("balance") == "KES 10.00\n")
    }

    @Test(arguments: [
        ["send"], ["send", "someone", "0"], ["send", "someone", "-1"],
        ["send", "someone", "1,000"],
        ["send", "someone", "1.234"], ["send", "someone", "1", "XXX"], ["topup", "1e3"],
        ["topup", "99999999999999999999"], ["send", "someone", "1", "KES", "more"],
        ["send", "someone", "1", "--unknown"], ["send", "someone", "1", "--note"],
        ["history", "--limit", "0"], ["history", "--from", "yesterday"], ["requests", "accept"],
        ["nonsense"],
    ])
    func whatIsNotUnderstoodIsRefused(_ words: [String]) async throws {
        let shell = try await Shell.of(try await Person.signUp(try await World.api))
        let (program, ending) = try await FlorinServer.run(
            ["wallet"] + words,
            ["FLORIN_WALLET": shell.file, "FLORIN_PASSWORD": Person.password])
        #expect(ending == .exited(2))
        #expect(program.output.isEmpty)
        #expect(program.complaints.hasPrefix("florin wallet: "))
    }

    @Test func helpTellsEveryCommand() async throws {
        let shell = Shell("http://127.0.0.1:9")
        let help = try await shell.done("help")
        let commands = help.split(separator: "\n").filter { $0.hasPrefix("  ") }
            .compactMap { $0.split(separator: " ").first }.filter { !$0.hasPrefix("--") }
        #expect(commands.count == 38)
        for command in commands {
            let told = try await shell.done("help", String(command))
            #expect(told.hasPrefix("florin wallet \(command)"))
            #expect(try await shell.done(String(command), "--help") == told)
        }
    }

    @Test func aServerThatIsNotThereIsNamed() async throws {
        // Port 9 is for discarding, and nobody listens there.
        let shell = Shell("http://127.0.0.1:9")
        let outcome = try await shell.run("log-in", "someone")
        #expect(outcome.code == 3)
        #expect(outcome.complaints.contains("http://127.0.0.1:9"))
        #expect(try await shell.run("log-in", "x", "--server", "nonsense").code == 3)
    }

    @Test func tokensStayWithTheirServerAndTheirOwner() async throws {
        let person = try await Person.signUp(try await World.api)
        let shell = try await Shell.of(person)
        let elsewhere = try await shell.run("balance", "--server", "http://127.0.0.1:9")
        #expect(elsewhere.code == 1)
        #expect(elsewhere.complaints.contains("logged in to \(person.api.url)"))
        var facts = stat()
        #expect(unsafe stat(shell.file, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
        _ = unsafe chmod(shell.file, 0o644)
        #expect(try await shell.run("balance").complaints.contains("chmod 600"))
    }

    @Test func terminalsRenewTheirLogInTogether() async throws {
        let server = try await World.own(["FLORIN_SESSION_SECONDS": "60"])
        let shell = try await Shell.of(try await Person.signUp(server.api, money: 700))
        // The access token is over; the refresh token works once, and four want it.
        try await server.api.advanceClock(seconds: 120)
        let told = try await together(4) { _ in try await shell.done("balance") }
        #expect(told == Array(repeating: "KES 7.00\n", count: 4))
        #expect(try await server.stop() == .exited(0))
    }
}
