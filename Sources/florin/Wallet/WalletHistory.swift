internal import FlorinClient
internal import HTTP
internal import Values

/// What happened, and what is happening.
enum WalletHistory {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "history",
            words: "[CURRENCY]",
            options: "[--ids] [--limit N] [--cursor C] [--from DAY] [--to DAY]",
            summary: "What came and went, newest first.",
            grammar: .init(
                options: ["limit", "cursor", "from", "to"], flags: ["ids"], words: 0...1),
            run: history),
        .init(
            name: "follow", words: "", summary: "What comes and goes, as it happens; until Ctrl-C.",
            run: follow),
        .init(
            name: "proof", words: "TRANSFER FILE",
            summary: "Proof that a payment of yours is in the books, for anyone to check.",
            grammar: .init(words: 2...2), run: proof),
    ]

    private static let limitDefault: Int64 = 20

    @Sendable private static func history(_ session: WalletSession) async throws {
        let client = try session.client()
        let currency = try await session.currency(session.arguments.word(0), client)
        guard let wallet = try await client.wallets().first(where: { $0.currency == currency.code })
        else { throw WalletFailure.refused("There is no wallet of \(currency).") }
        let limit = try session.arguments.integer("limit", in: 1...200) ?? limitDefault
        let page = try await client.entries(
            of: wallet.id, cursor: session.arguments.option("cursor"), limit: Int(limit),
            from: moment("from", session), to: moment("to", session))
        session.say(
            WalletJSON.page(page.elements, page.nextCursor, WalletJSON.entry),
            lines(page.elements, session.terminal, withIDs: session.arguments.flag("ids"))
                + more("history \(currency)", page.nextCursor, session.terminal))
    }

    /// A day or a moment, in the form that the server reads.
    private static func moment(_ name: String, _ session: WalletSession) throws -> String? {
        guard let text = session.arguments.option(name) else { return nil }
        guard let moment = Timestamp(text) else {
            throw Arguments.Misunderstood(reason: "--\(name) wants a day like 2026-11-21")
        }
        return moment.description
    }

    private static func lines(
        _ entries: [Entry], _ terminal: Terminal, withIDs: Bool = false
    ) -> [String] {
        guard !entries.isEmpty else { return ["Nothing yet."] }
        var table = Table(.left, .right, .left, .right, .left, .left)
        for entry in entries {
            table.add(
                WalletText.moment(entry.createdAt), WalletText.signed(entry),
                WalletText.what(entry), WalletText.money(entry.balance.available, entry.currency),
                WalletText.note(entry.note), withIDs ? Terminal.clean(entry.id) : "")
        }
        return table.lines { column, cell in
            switch column {
            case 0, 3, 5: terminal.faint(cell)
            case 1: cell.hasPrefix("+") ? terminal.good(cell) : cell
            default: cell
            }
        }
    }

    /// How to see the next page, if there is one.
    static func more(_ command: String, _ cursor: String?, _ terminal: Terminal) -> [String] {
        guard let cursor else { return [] }
        let line = "More: florin wallet \(command) --cursor \(Terminal.clean(cursor))"
        return [terminal.faint(line)]
    }

    @Sendable private static func follow(_ session: WalletSession) async throws {
        let client = try session.client()
        for try await event in client.events() {
            if session.isForPrograms {
                session.terminal.say(WalletJSON.event(event).text)
            } else if case .request(let id, _, _, _) = event {
                await tell(request: id, event, session.terminal, client)
            } else {
                tell(event, session.terminal)
            }
        }
    }

    /// The event says that a request changed; who asks whom, and why, the request says.
    private static func tell(
        request id: String, _ event: LiveEvent, _ terminal: Terminal, _ client: WalletClient
    ) async {
        do {
            let request = try await client.paymentRequest(id)
            let amount = WalletText.money(request.amount, request.currency)
            let sentence =
                request.isOwed
                ? "\(Terminal.clean(request.to)) asks you for \(amount)"
                : "you ask \(Terminal.clean(request.from)) for \(amount)"
            let status = request.status == "pending" ? "" : ": " + Terminal.clean(request.status)
            let words = [sentence + status, WalletText.note(request.note), terminal.faint(id)]
            terminal.say(words.filter { !$0.isEmpty }.joined(separator: "  "))
        } catch {
            tell(event, terminal)
        }
    }

    @Sendable private static func proof(_ session: WalletSession) async throws {
        let (client, path) = (try session.client(), session.arguments[1])
        let bytes = try await client.proof(of: session.arguments[0])
        let file = try PrivateFile(creating: path)
        file.append(bytes)
        do { _ = try file.finish() } catch {
            file.remove()
            throw error
        }
        session.say(
            ["file": .string(path)],
            ["\(path) has the proof. To check it: docs/verify_proof.py"])
    }

    private static func tell(_ event: LiveEvent, _ terminal: Terminal) {
        switch event {
        case .ready: terminal.remark(terminal.faint("Following; Ctrl-C ends it."))
        case .interrupted: terminal.remark("The connection broke; trying again.")
        case .entry(_, let entry):
            for line in lines([entry], terminal) { terminal.say(line) }
        case .request(let id, let status, let amount, let currency):
            let money = WalletText.money(amount, currency)
            terminal.say(
                "request of \(money): \(Terminal.clean(status))  "
                    + terminal.faint(Terminal.clean(id)))
        case .other(let name, _) where name == "wallet": terminal.say("A wallet was opened.")
        case .other(let name, _) where name == "gap":
            terminal.say("More happened than is told here: see florin wallet history.")
        case .other(let name, _): terminal.remark(terminal.faint(Terminal.clean(name)))
        }
    }
}
