internal import FlorinClient
internal import HTTP
internal import Values

/// Asking for money, and being asked.
enum WalletRequests {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "request", words: "FROM AMOUNT [CURRENCY]", options: "[--note N]",
            summary: "Ask somebody for money.",
            grammar: .init(options: ["note"], words: 2...3), run: request),
        .init(
            name: "requests",
            words: "[accept|decline|cancel ID]",
            options: "[--yes] [--key K] [--limit N] [--cursor C]",
            summary: "Those made and those to answer, or an answer to one.",
            grammar: .init(options: ["key", "limit", "cursor"], flags: ["yes"], words: 0...2),
            run: requests),
    ]

    private static let limitDefault: Int64 = 20

    @Sendable private static func request(_ session: WalletSession) async throws {
        let client = try session.client()
        let money = try await session.money(1, client)
        let request = try await client.request(
            from: session.arguments[0], amount: money.minorUnits, currency: money.currency.code,
            note: session.arguments.option("note"))
        session.say(
            WalletJSON.request(request),
            [
                "Asked \(Terminal.clean(request.from)) for \(money).",
                session.terminal.faint(request.id),
            ])
    }

    @Sendable private static func requests(_ session: WalletSession) async throws {
        let client = try session.client()
        switch (session.arguments.word(0) ?? "list", session.arguments.word(1)) {
        case ("list", nil): try await list(session, client)
        case ("accept", let id?): try await accept(id, session, client)
        case ("decline", let id?):
            show(try await client.decline(request: id), "Declined.", session)
        case ("cancel", let id?):
            show(try await client.cancel(request: id), "Taken back.", session)
        default: throw Arguments.Misunderstood(reason: "accept, decline or cancel, and which one?")
        }
    }

    private static func list(_ session: WalletSession, _ client: WalletClient) async throws {
        let limit = try session.arguments.integer("limit", in: 1...200) ?? limitDefault
        let page = try await client.requests(
            cursor: session.arguments.option("cursor"), limit: Int(limit))
        var table = Table(.left, .left, .right, .left, .left, .left)
        for request in page.elements {
            table.add(
                WalletText.moment(request.createdAt), Terminal.clean(request.status),
                WalletText.money(request.amount, request.currency),
                request.isOwed
                    ? "to " + Terminal.clean(request.to) : "from " + Terminal.clean(request.from),
                Terminal.clean(request.id), WalletText.note(request.note))
        }
        session.say(
            WalletJSON.page(page.elements, page.nextCursor, WalletJSON.request),
            (page.elements.isEmpty ? ["No requests."] : table.lines())
                + WalletHistory.more("requests", page.nextCursor, session.terminal))
    }

    private static func accept(
        _ id: String, _ session: WalletSession, _ client: WalletClient
    ) async throws {
        let asked = try await client.paymentRequest(id)
        let amount = WalletText.money(asked.amount, asked.currency)
        try await session.confirm("Pay \(amount) to \(Terminal.clean(asked.to))?")
        let transfer = try await session.command(asked.currency) { key in
            try await client.accept(request: id, key: key).transfer
        }
        session.report(transfer, "Paid \(amount).")
    }

    private static func show(
        _ request: PaymentRequest, _ sentence: String, _ session: WalletSession
    ) {
        session.say(WalletJSON.request(request), [sentence])
    }
}
