internal import FlorinClient
internal import FoundationEssentials
internal import HTTP

/// `florin wallet`: a wallet in the terminal, over the same API that everyone has.
enum WalletCommand {
    /// One thing that the wallet does.
    struct Verb: Sendable {
        let name: String
        /// Another way to write it.
        var alias: String?
        let words: String
        var options = ""
        let summary: String
        var grammar = Arguments.Grammar()
        let run: @Sendable (WalletSession) async throws -> Void
    }

    /// What the help tells, in the order in which a person comes to need it.
    private static let groups: [(title: String, verbs: [Verb])] = [
        ("Coming and going", WalletAccount.verbs),
        ("Money", WalletMoney.verbs + WalletRequests.verbs + WalletHistory.verbs),
        ("Security", WalletSecrets.verbs + WalletFactors.verbs + WalletSessions.verbs),
        ("Without a network", WalletOffline.verbs),
        ("You", WalletPerson.verbs + WalletStanding.verbs),
        ("Programs of merchants", WalletKeys.verbs),
        ("In a sandbox", WalletMoney.sandboxVerbs + WalletAccount.sandboxVerbs),
    ]

    static let verbs: [Verb] = groups.flatMap(\.verbs)

    static func run(_ arguments: [String]) async -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        let terminal = Terminal(environment: environment)
        let isForPrograms = arguments.prefix { $0 != "--" }.contains("--json")
        do {
            try await run(arguments, terminal, environment)
            return Ended.fine
        } catch {
            let ended = Ended(error)
            if isForPrograms {
                terminal.remark(WalletJSON.ended(ended).text)
            } else {
                terminal.remark("florin wallet: " + Terminal.clean(ended.sentence))
                if ended.code == Ended.usage { terminal.remark(hint(arguments)) }
            }
            return ended.code
        }
    }

    private static func run(
        _ arguments: [String], _ terminal: Terminal, _ environment: [String: String]
    ) async throws {
        let words = arguments.filter { !$0.hasPrefix("-") }
        guard let verb = verb(words) else {
            let name = words.prefix(words.first == "offline" ? 2 : 1).joined(separator: " ")
            guard ["", "help", "offline", "offline help"].contains(name) else {
                throw Arguments.Misunderstood(reason: "there is no command “\(name)”")
            }
            return terminal.say(Self.verb(words.dropFirst()).map(usage) ?? help)
        }
        var rest = arguments
        rest.removeAll { $0 == "--help" || $0 == "-h" }
        guard rest.count == arguments.count else { return terminal.say(usage(of: verb)) }
        for word in words.prefix(verb.name.split(separator: " ").count) {
            if let index = rest.firstIndex(of: word) { rest.remove(at: index) }
        }
        var grammar = verb.grammar
        grammar.options.insert("server")
        grammar.flags.insert("json")
        let session = try WalletSession(
            arguments: Arguments(rest, grammar), terminal: terminal, environment: environment)
        do { try await verb.run(session) } catch FlorinError.network(.unreachable, false) {
            throw WalletFailure.unreachable(try session.server())
        }
    }

    /// The command that the words begin with; some have two.
    private static func verb(_ words: some Collection<String>) -> Verb? {
        guard let one = words.first else { return nil }
        let two = words.prefix(2).joined(separator: " ")
        return verbs.first { $0.name == one || $0.alias == one || $0.name == two }
    }

    // MARK: Help

    private static var help: String {
        """
        Your wallet, from the terminal: florin wallet COMMAND …

        \(groups.map { title, verbs in part(title, verbs) }.joined(separator: "\n\n"))

        `florin wallet help COMMAND` tells its options. Amounts are written like 12.50. Every
        command takes
          --server URL   the server; else FLORIN_SERVER, the one logged in to, or \
        \(WalletSession.serverDefault)
          --json         answers for programs
        The log-in is kept in FLORIN_WALLET, or else ~/.config/florin/wallet.json. A password is
        asked for, or taken from FLORIN_PASSWORD or --password; a PIN from FLORIN_PIN, a code of
        the authenticator app from FLORIN_CODE, what is new from FLORIN_NEW_PIN and
        FLORIN_NEW_PASSWORD. Offline wallets are kept in FLORIN_OFFLINE, or else beside the log-in;
        their PIN, which is their own, is FLORIN_OFFLINE_PIN.
        Ends with 0 when done, 1 when refused, 2 when not understood, 3 when the network failed.
        """
    }

    /// Only names and what they do, which fits a terminal; the words and options are told one by
    /// one.
    private static func part(_ title: String, _ verbs: [Verb]) -> String {
        let width = self.verbs.map(\.name.count).max() ?? 0
        let lines = verbs.map { verb in
            let space = String(repeating: " ", count: width - verb.name.count)
            return "  \(verb.name)\(space)  \(verb.summary)"
        }
        return ([title] + lines).joined(separator: "\n")
    }

    private static func usage(of verb: Verb) -> String {
        var table = Table(.left, .left)
        for (name, meaning) in meanings where verb.options.contains("--\(name) ") {
            table.add("  --\(name)", meaning)
        }
        for (name, meaning) in flags where verb.options.contains("--\(name)]") {
            table.add("  --\(name)", meaning)
        }
        return ([line(verb), "", verb.summary] + table.lines()).joined(separator: "\n")
    }

    /// Options that a value follows.
    private static let meanings = [
        ("email", "an address that others may pay you at"),
        ("password", "better kept out of the shell's history: FLORIN_PASSWORD, or be asked"),
        ("code", "that was sent to you, or that the authenticator app shows"),
        ("name", "your full name, as documents have it"),
        ("birth-date", "such as 1990-03-31"),
        ("language", "such as sw, pt-BR or zh-Hant"),
        ("tier", "1 for a document, 2 for a document and the face"),
        ("document", "national_id, passport, driving_licence or residence_permit"),
        ("number", "of the document"),
        ("country", "that gave it out, such as KE"),
        ("scopes", "what the key may do, such as wallets:read,transfers:write"),
        ("payment-max", "the most that one payment may move, in major units"),
        ("addresses", "from where it may be used, such as 192.0.2.0/24"),
        ("expires", "after how many seconds it ends"),
        ("overlap", "how many seconds the key before goes on"),
        ("note", "a few words for the other person"),
        ("for", "how many seconds the hold lasts"),
        ("limit", "how many lines, 1 to 200"),
        ("cursor", "where the last page ended, as it said"),
        ("from", "only from this day on, such as 2026-11-21"),
        ("to", "only before this day"),
        ("key", "the key of an attempt whose outcome is not known: nothing is done twice"),
        ("currency", "which wallet, where there are several"),
        ("memo", "a few words for who pays"),
        ("amount", "how much, where the request leaves the choice"),
        ("png", "a picture of the code, as well"),
        ("root", "the key that the issuer's keys must be signed with"),
        ("top-up-to", "lock money again up to so much"),
    ]

    private static let flags = [
        ("ids", "what `reverse` wants, too"),
        ("yes", "do it without asking"),
        ("strict", "it ends when you leave, or after some idle minutes"),
        ("receive-only", "a till: takes money at once and never pays"),
        ("frames", "a row of small codes in place of a large one"),
        ("no-receipt", "without a receipt for who paid"),
    ]

    private static func hint(_ arguments: [String]) -> String {
        let verb = verb(arguments.filter { !$0.hasPrefix("-") })
        return verb.map { "usage: " + line($0) } ?? "florin wallet help lists the commands."
    }

    private static func line(_ verb: Verb) -> String {
        ["florin wallet", verb.name, verb.words, verb.options].filter { !$0.isEmpty }
            .joined(separator: " ")
    }
}

/// One run of one command: its arguments, its terminal, its log-in.
struct WalletSession: Sendable {
    static let serverDefault = "http://127.0.0.1:8080"

    let arguments: Arguments
    let terminal: Terminal
    let environment: [String: String]
    let file: CredentialFile

    init(
        arguments: Arguments, terminal: Terminal, environment: [String: String]
    ) throws(WalletFailure) {
        self.arguments = arguments
        self.terminal = terminal
        self.environment = environment
        file = try CredentialFile(environment: environment)
    }

    var isForPrograms: Bool { arguments.flag("json") }

    /// The answer, as JSON or as lines.
    func say(_ json: @autoclosure () -> JSON, _ lines: @autoclosure () -> [String]) {
        if isForPrograms { return terminal.say(json().text) }
        for line in lines() { terminal.say(line) }
    }

    // MARK: The server

    /// The server that was asked for, else the one logged in to.
    func server() throws -> String {
        if let server = chosenServer { return server }
        return try file.load()?.server ?? Self.serverDefault
    }

    private var chosenServer: String? {
        guard let text = arguments.option("server") ?? environment["FLORIN_SERVER"], !text.isEmpty
        else { return nil }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// A client without a log-in: for signing up and logging in.
    func stranger() throws -> WalletClient { WalletClient(server: try server()) }

    /// A client with the log-in of this terminal.
    func client() throws -> WalletClient {
        guard let logIn = try file.load() else { throw FlorinError.notLoggedIn }
        let server = chosenServer ?? logIn.server
        // Tokens go to the server that gave them, and to no other.
        guard server == logIn.server else {
            throw WalletFailure.refused(
                "This terminal is logged in to \(logIn.server); log in to \(server) first.")
        }
        return file.client(server: server, logIn)
    }

    // MARK: The person

    /// What the person sees in the list of their sessions.
    var deviceName: String {
        "Terminal on \(ProcessInfo.processInfo.hostName.prefix(50))"
    }

    /// Keeps what makes this terminal known, under every name that the person may log in with.
    func keep(_ device: String?, of user: User, login: String? = nil) throws {
        guard let device else { return }
        let names = [user.username, user.phone, user.email, login].compactMap { $0?.lowercased() }
        try file.save(
            CredentialFile.KnownDevice(server: try server(), names: names, token: device))
    }

    func password(_ question: String = "Password: ", twice: Bool = false) throws -> String {
        if let given = arguments.option("password") ?? environment["FLORIN_PASSWORD"] {
            return given
        }
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: set FLORIN_PASSWORD")
        }
        guard let password = terminal.askSecretly(question) else { throw CancellationError() }
        if twice, terminal.askSecretly("Once more: ") != password {
            throw WalletFailure.refused("The two passwords differ.")
        }
        return password
    }

    /// Goes on only if the person says yes after what `show` tells, or has said so with `--yes`.
    func confirm(_ question: String, _ show: () async throws -> Void = {}) async throws {
        guard !arguments.flag("yes") else { return }
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: add --yes")
        }
        try await show()
        let answer = terminal.ask(question + " [y/N] ")?.lowercased()
        guard answer == "y" || answer == "yes" else {
            throw WalletFailure.refused("Nothing was done.")
        }
    }
}
