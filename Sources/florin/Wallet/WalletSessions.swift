internal import FlorinClient
internal import HTTP

/// Where one is logged in, and what becomes of it.
enum WalletSessions {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "sessions", alias: "devices", words: "[name ID NAME|end ID|end-others]",
            summary: "Where you are logged in, and an end to it; its device is new then.",
            grammar: .init(words: 0...3), run: sessions),
        .init(
            name: "strict", words: "[on|off]",
            summary: "Whether log-ins end with the visit: for telephones that several people use.",
            grammar: .init(words: 0...1), run: strict),
        .init(
            name: "leave", words: "",
            summary: "Leave, as a page that is closed does: the session is over.", run: leave),
        .init(
            name: "activity", words: "", options: "[--limit N] [--cursor C]",
            summary: "What was done with your account, by you and by staff.",
            grammar: .init(options: ["limit", "cursor"]), run: activity),
    ]

    private static let limitDefault: Int64 = 20

    @Sendable private static func sessions(_ session: WalletSession) async throws {
        let (client, words) = (try session.client(), session.arguments)
        switch (words.word(0), words.word(1), words.word(2)) {
        case (nil, _, _): try await list(session, client)
        case ("name"?, let id?, let name?):
            let renamed = try await client.renameSession(id, to: name)
            session.say(
                WalletJSON.session(renamed), ["It is called \(Terminal.clean(renamed.name)) now."])
        case ("end"?, let id?, nil):
            try await client.endSession(id)
            session.say([:], ["It is over. If it was not yours: florin wallet password"])
        case ("end-others"?, nil, nil):
            let ended = try await client.endOtherSessions()
            session.say(
                ["ended": .integer(ended)],
                [ended == 1 ? "The other one is over." : "\(ended) others are over."])
        default: throw Arguments.Misunderstood(reason: "name ID NAME, end ID, end-others?")
        }
    }

    private static func list(_ session: WalletSession, _ client: WalletClient) async throws {
        let open = try await client.sessions()
        var table = Table(.left, .left, .left, .left, .left)
        for one in open {
            let marks = [one.isCurrent ? "this one" : "", one.mode == "strict" ? "strict" : ""]
            table.add(
                WalletText.moment(one.lastSeenAt), Terminal.clean(one.name),
                Terminal.clean(one.address ?? ""),
                marks.filter { !$0.isEmpty }.joined(separator: ", "), Terminal.clean(one.id))
        }
        session.say(
            WalletJSON.page(open, nil, WalletJSON.session),
            table.lines { column, cell in
                [0, 4].contains(column) ? session.terminal.faint(cell) : cell
            })
    }

    @Sendable private static func strict(_ session: WalletSession) async throws {
        let client = try session.client()
        switch session.arguments.word(0) {
        case nil: say(try await client.sessionMode(), session)
        case "on": try await set("strict", session, client)
        case "off": try await set("standard", session, client)
        case let word?: throw Arguments.Misunderstood(reason: "“\(word)”? on or off")
        }
    }

    private static func set(
        _ mode: String, _ session: WalletSession, _ client: WalletClient
    ) async throws {
        try await client.setSessionMode(mode)
        say(mode, session)
    }

    private static func say(_ mode: String, _ session: WalletSession) {
        session.say(
            ["mode": .string(mode)],
            [
                mode == "strict"
                    ? "Strict mode is on: each new log-in ends when you leave, or after some idle "
                        + "minutes."
                    : "Strict mode is off: a log-in stays until you log out."
            ])
    }

    @Sendable private static func leave(_ session: WalletSession) async throws {
        let client = try session.client()
        do { try await client.leave() } catch FlorinError.problem(let problem)
            where problem.status == 401
        {
            // Over already: what is left is to forget it here.
        }
        try session.file.remove()
        session.say(
            [:], ["You have left; the session is over. Come back: florin wallet log-in NAME"])
    }

    @Sendable private static func activity(_ session: WalletSession) async throws {
        let limit = try session.arguments.integer("limit", in: 1...200) ?? limitDefault
        let page = try await session.client().acts(
            cursor: session.arguments.option("cursor"), limit: Int(limit))
        var table = Table(.left, .left, .left, .left)
        for act in page.elements {
            table.add(
                WalletText.moment(act.at), act.by == "staff" ? "staff" : "",
                Terminal.clean(act.kind.replacing("_", with: " ")),
                Terminal.clean(act.address ?? ""))
        }
        session.say(
            WalletJSON.page(page.elements, page.nextCursor, WalletJSON.act),
            (page.elements.isEmpty ? ["Nothing yet."] : table.lines())
                + WalletHistory.more("activity", page.nextCursor, session.terminal))
    }
}
