internal import FlorinClient
internal import HTTP

/// How well one is known, and what one may move.
enum WalletStanding {
    private static let form = [
        "tier", "name", "birth-date", "document", "number", "country",
    ]

    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "limits", words: "", summary: "What limits each wallet, and what is left of it.",
            run: limits),
        .init(
            name: "kyc",
            words: "[photo SIDE FILE|submit|withdraw]",
            options: "[--tier N] [--name N] [--birth-date DAY] [--document KIND] [--number N] "
                + "[--country C]",
            summary: "How well you are known; documents raise your limits.",
            grammar: .init(options: Set(form), words: 0...3), run: kyc),
    ]

    /// The server takes no larger one.
    private static let imageBytesMax = 2 * 1024 * 1024

    // MARK: Limits

    @Sendable private static func limits(_ session: WalletSession) async throws {
        let wallets = try await session.client().limits()
        var table = Table(.left, .left, .right, .right, .left)
        for wallet in wallets {
            for limit in wallet.limits {
                table.add(
                    Terminal.clean(wallet.currency), name(limit),
                    text(limit.remaining, limit, wallet.currency) + " left",
                    "of " + text(limit.max, limit, wallet.currency),
                    limit.resetsAt.map { "anew " + WalletText.moment($0) } ?? "")
            }
        }
        session.say(
            WalletJSON.page(wallets, nil, WalletJSON.limits),
            wallets.isEmpty
                ? ["No wallet yet: florin wallet open CURRENCY"]
                : table.lines() + [session.terminal.faint("Raise them: florin wallet kyc")])
    }

    private static func name(_ limit: Limit) -> String {
        limit.name == "per_transfer"
            ? "each payment" : Terminal.clean(limit.name.replacing("_", with: " "))
    }

    private static func text(_ number: Int64, _ limit: Limit, _ currency: String) -> String {
        limit.isCount ? "\(number)" : WalletText.money(number, currency)
    }

    // MARK: Documents

    @Sendable private static func kyc(_ session: WalletSession) async throws {
        let (client, words) = (try session.client(), session.arguments)
        switch (words.word(0), words.word(1), words.word(2)) {
        case (nil, _, _): try await show(session, client)
        case ("photo"?, let side?, let path?):
            guard ["front", "back", "face"].contains(side) else {
                throw Arguments.Misunderstood(reason: "“\(side)”? front, back or face")
            }
            let file = try PrivateFile.read(path, bytesMax: imageBytesMax)
            try await client.keepImage(side, file)
            session.say(
                ["side": .string(side)],
                [
                    "It waits for your submission. Next: another photograph, or "
                        + "florin wallet kyc submit"
                ])
        case ("submit"?, nil, nil): try await submit(session, client)
        case ("withdraw"?, nil, nil): try await withdraw(session, client)
        default: throw Arguments.Misunderstood(reason: "photo SIDE FILE, submit or withdraw?")
        }
    }

    private static func show(_ session: WalletSession, _ client: WalletClient) async throws {
        let status = try await client.kycStatus()
        let waiting = status.imagesWaiting.map(Terminal.clean).joined(separator: ", ")
        session.say(
            WalletJSON.kyc(status),
            ["KYC tier \(status.tier). \(Terminal.clean(status.message))"]
                + (waiting.isEmpty ? [] : ["Photographs that wait: \(waiting)"])
                + (status.submission.map { ["Your documents: " + Terminal.clean($0.state)] } ?? []))
    }

    private static func submit(_ session: WalletSession, _ client: WalletClient) async throws {
        let submission = try await client.submit(
            KycForm(
                tier: try session.arguments.integer("tier", in: 1...2) ?? 1,
                fullName: try answer("name", "Full name, as on the document: ", session),
                birthDate: try answer("birth-date", "Birth date, such as 1990-03-31: ", session),
                documentKind: try answer(
                    "document", "national_id, passport, driving_licence or residence_permit: ",
                    session),
                documentNumber: try answer("number", "Number of the document: ", session),
                country: try answer("country", "Country that gave it out, such as KE: ", session)
                    .uppercased()))
        show(submission, session)
    }

    /// What the form needs: from the command line, or from the person.
    private static func answer(
        _ name: String, _ question: String, _ session: WalletSession
    ) throws -> String {
        if let given = session.arguments.option(name) { return given }
        guard session.terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: add --\(name)")
        }
        guard let answer = session.terminal.ask(question), !answer.isEmpty else {
            throw CancellationError()
        }
        return answer
    }

    private static func withdraw(_ session: WalletSession, _ client: WalletClient) async throws {
        guard let open = try await client.kycStatus().submission else {
            throw WalletFailure.refused("You have sent nothing in.")
        }
        show(try await client.withdraw(submission: open.id), session)
    }

    private static func show(_ submission: KycSubmission, _ session: WalletSession) {
        session.say(WalletJSON.submission(submission), [Terminal.clean(submission.message)])
    }
}
