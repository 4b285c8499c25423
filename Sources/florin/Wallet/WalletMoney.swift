internal import FlorinClient
internal import HTTP
internal import Values

/// Having money and moving it.
enum WalletMoney {
    private static let command: Set<String> = ["note", "key"]

    static let verbs: [WalletCommand.Verb] = [
        .init(name: "balance", words: "", summary: "What there is, in every wallet.", run: balance),
        .init(
            name: "open", words: "CURRENCY", summary: "Open a wallet of another currency.",
            grammar: .init(words: 1...1), run: open),
        .init(
            name: "send", words: "TO AMOUNT [CURRENCY]", options: "[--note N] [--yes] [--key K]",
            summary: "Send money, after a look at the fee.",
            grammar: .init(options: command, flags: ["yes"], words: 2...3), run: send),
        .init(
            name: "reverse", words: "TRANSFER", options: "[--yes] [--key K]",
            summary: "Give back what came, fee included; `history --ids` names it.",
            grammar: .init(options: ["key"], flags: ["yes"], words: 1...1), run: reverse),
        .init(
            name: "hold", words: "TO AMOUNT [CURRENCY]",
            options: "[--for SECONDS] [--note N] [--key K]",
            summary: "Reserve money for somebody; for an hour unless told otherwise.",
            grammar: .init(options: command.union(["for"]), words: 2...3), run: hold),
        .init(
            name: "capture", words: "HOLD [AMOUNT]", options: "[--key K]",
            summary: "Take all of a hold, or so much of it.",
            grammar: .init(options: ["key"], words: 1...2), run: capture),
        .init(
            name: "void", words: "HOLD", options: "[--key K]", summary: "Let a hold go.",
            grammar: .init(options: ["key"], words: 1...1), run: void),
    ]

    static let sandboxVerbs: [WalletCommand.Verb] = [
        .init(
            name: "topup", alias: "top-up", words: "AMOUNT [CURRENCY]", options: "[--key K]",
            summary: "Play money for oneself.",
            grammar: .init(options: ["key"], words: 1...2), run: topUp)
    ]

    private static let holdSecondsDefault: Int64 = 3600
    private static let holdSecondsMax: Int64 = 31 * 86_400

    @Sendable private static func balance(_ session: WalletSession) async throws {
        let wallets = try await session.client().wallets()
        var table = Table(.right, .left)
        for wallet in wallets {
            let held = wallet.balance.held
            table.add(
                WalletText.money(wallet.balance.available, wallet.currency),
                held > 0 ? "and \(WalletText.money(held, wallet.currency)) held" : "")
        }
        session.say(
            WalletJSON.page(wallets, nil, WalletJSON.wallet),
            wallets.isEmpty
                ? ["No wallet yet: florin wallet open CURRENCY"]
                : table.lines { column, cell in
                    column == 0 ? session.terminal.strong(cell) : session.terminal.faint(cell)
                })
    }

    @Sendable private static func open(_ session: WalletSession) async throws {
        let currency = try WalletSession.currency(session.arguments[0])
        let wallet = try await session.client().openWallet(currency: currency.code)
        session.say(WalletJSON.wallet(wallet), ["There is a wallet of \(currency) now."])
    }

    @Sendable private static func send(_ session: WalletSession) async throws {
        let client = try session.client()
        let (to, note) = (session.arguments[0], session.arguments.option("note"))
        let money = try await session.money(1, client)
        try await session.confirm("Send it?") {
            let quote = try await client.preview(
                to: to, amount: money.minorUnits, currency: money.currency.code, note: note)
            show(quote, session.terminal)
            guard quote.isSufficient else {
                throw WalletFailure.refused("That is more than there is; nothing was sent.")
            }
        }
        let transfer = try await session.command(money.currency.code) { key in
            try await client.send(
                to: to, amount: money.minorUnits, currency: money.currency.code, note: note,
                key: key)
        }
        session.report(transfer, "Sent \(WalletText.money(transfer.amount, transfer.currency)).")
    }

    private static func show(_ quote: Quote, _ terminal: Terminal) {
        var table = Table(.left, .right)
        table.add("to", Terminal.clean(quote.to))
        table.add("amount", WalletText.money(quote.amount, quote.currency))
        table.add("fee", WalletText.money(quote.fee, quote.currency))
        table.add("total", WalletText.money(quote.total, quote.currency))
        table.add("available", WalletText.money(quote.available, quote.currency))
        for line in table.lines({ $0 == 0 ? terminal.faint($1) : $1 }) { terminal.remark(line) }
    }

    @Sendable private static func reverse(_ session: WalletSession) async throws {
        let client = try session.client()
        let given = try await client.transfer(session.arguments[0])
        let amount = WalletText.money(given.amount, given.currency)
        try await session.confirm("Give \(amount) back to \(WalletText.person(given.from))?")
        let transfer = try await session.command(given.currency) { key in
            try await client.reverse(given.id, key: key)
        }
        session.report(transfer, "Gave \(amount) back.")
    }

    @Sendable private static func hold(_ session: WalletSession) async throws {
        let client = try session.client()
        let money = try await session.money(1, client)
        let seconds =
            try session.arguments.integer("for", in: 1...holdSecondsMax) ?? holdSecondsDefault
        let hold = try await session.command(money.currency.code) { key in
            try await client.hold(
                to: session.arguments[0], amount: money.minorUnits, currency: money.currency.code,
                expiresIn: seconds, note: session.arguments.option("note"), key: key)
        }
        let until = hold.expiresAt.map(WalletText.moment) ?? "—"
        session.report(hold, "Held \(money) for \(WalletText.person(hold.to)) until \(until).")
    }

    @Sendable private static func capture(_ session: WalletSession) async throws {
        let client = try session.client()
        var amount: Int64?
        if let text = session.arguments.word(1) {
            let hold = try await client.transfer(session.arguments[0])
            amount = try WalletSession.amount(text, WalletSession.currency(hold.currency))
                .minorUnits
        }
        let transfer = try await session.command { key in
            try await client.capture(hold: session.arguments[0], amount: amount, key: key)
        }
        session.report(
            transfer, "Captured \(WalletText.money(transfer.amount, transfer.currency)).")
    }

    @Sendable private static func void(_ session: WalletSession) async throws {
        let client = try session.client()
        let transfer = try await session.command { key in
            try await client.void(hold: session.arguments[0], key: key)
        }
        session.report(transfer, "The hold is let go.")
    }

    @Sendable private static func topUp(_ session: WalletSession) async throws {
        let client = try session.client()
        let money = try await session.money(0, client)
        let transfer = try await session.command(money.currency.code) { key in
            try await client.topUp(
                amount: money.minorUnits, currency: money.currency.code, key: key)
        }
        session.report(transfer, "Topped up \(money).")
    }
}

extension WalletSession {
    static func currency(_ text: String) throws -> Currency {
        guard let currency = Currency(text.uppercased()) else {
            throw Arguments.Misunderstood(reason: "“\(text)” is no currency")
        }
        return currency
    }

    static func amount(_ text: String, _ currency: Currency) throws -> Money {
        guard let money = Money(decimal: text, currency), money.minorUnits > 0 else {
            let example = Money(1250, currency).decimal
            throw Arguments.Misunderstood(
                reason: "“\(text)” is no amount of \(currency) above zero; "
                    + "write it like \(example), without commas")
        }
        return money
    }

    /// The amount at this position, in the currency after it or in that of the only wallet.
    func money(_ position: Int, _ client: WalletClient) async throws -> Money {
        let currency = try await currency(arguments.word(position + 1), client)
        return try Self.amount(arguments[position], currency)
    }

    func currency(_ text: String?, _ client: WalletClient) async throws -> Currency {
        if let text { return try Self.currency(text) }
        let codes = try await client.wallets().map(\.currency)
        guard codes.count == 1 else {
            let choice = codes.isEmpty ? "" : ": " + codes.joined(separator: ", ")
            throw Arguments.Misunderstood(reason: "say which currency\(choice)")
        }
        return try Self.currency(codes[0])
    }

    /// Gives a command its key, the person's own or a new one, and names it when all that is
    /// known is that the command may have arrived.
    func command(
        _ currency: String? = nil, _ body: (_ key: String) async throws -> Transfer
    ) async throws -> Transfer {
        let key = arguments.option("key") ?? WalletClient.makeKey()
        do { return try await withProof { try await body(key) } } catch let error as FlorinError {
            if error.isOutcomeUnknown { throw WalletFailure.unknownOutcome(key: key, error) }
            guard case .problem(let problem) = error, let currency else { throw error }
            throw WalletFailure.problem(problem, currency: currency)
        }
    }

    func report(_ transfer: Transfer, _ sentence: String) {
        var lines = [terminal.good(sentence) + terminal.faint("  " + Terminal.clean(transfer.id))]
        if transfer.isReplay { lines.append("It had been done before, under the same key.") }
        if let balance = transfer.balance {
            lines.append("Available: " + WalletText.money(balance.available, transfer.currency))
        }
        say(WalletJSON.transfer(transfer), lines)
    }
}
