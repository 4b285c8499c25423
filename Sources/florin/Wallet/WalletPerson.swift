internal import FlorinClient
internal import HTTP

/// What is kept of oneself: changing it, taking it along, having it erased.
enum WalletPerson {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "profile", words: "", options: "[--name N] [--birth-date DAY] [--language L]",
            summary: "What is known of you; an empty text removes.",
            grammar: .init(options: ["name", "birth-date", "language"]), run: profile),
        .init(
            name: "phone", words: "NUMBER", options: "[--code C]",
            summary: "Take another telephone number.",
            grammar: .init(options: ["code"], words: 1...1), run: phone),
        .init(
            name: "email", words: "ADDRESS", options: "[--code C]",
            summary: "Take another e-mail address, or prove yours.",
            grammar: .init(options: ["code"], words: 1...1), run: email),
        .init(
            name: "export", words: "FILE",
            summary: "A copy of everything that is kept of you, as JSON.",
            grammar: .init(words: 1...1), run: export),
        .init(
            name: "erase", words: "[ask|cancel]", options: "[--yes]",
            summary: "Be erased, after some days to think; or whether you will be.",
            grammar: .init(flags: ["yes"], words: 0...1), run: erase),
    ]

    // MARK: The profile

    @Sendable private static func profile(_ session: WalletSession) async throws {
        let (client, words) = (try session.client(), session.arguments)
        let change = ProfileChange(
            fullName: words.option("name"), birthDate: words.option("birth-date"),
            language: words.option("language"))
        let changes = [change.fullName, change.birthDate, change.language].contains { $0 != nil }
        let user = changes ? try await client.changeProfile(change) : try await client.me()
        show(user, session)
    }

    static func show(_ user: User, _ session: WalletSession) {
        var table = Table(.left, .left)
        table.add("username", Terminal.clean(user.username))
        table.add("phone", proven(user.phone, user.phoneVerified))
        table.add("e-mail", proven(user.email, user.emailVerified))
        table.add("name", WalletText.person(user.fullName))
        table.add("birth date", WalletText.person(user.birthDate))
        table.add("language", WalletText.person(user.language))
        table.add("role", Terminal.clean(user.role))
        table.add("plan", "\(Terminal.clean(user.plan)), KYC tier \(user.kycTier)")
        session.say(
            WalletJSON.user(user),
            table.lines { column, cell in column == 0 ? session.terminal.faint(cell) : cell })
    }

    private static func proven(_ address: String?, _ isProven: Bool) -> String {
        guard let address else { return "—" }
        return Terminal.clean(address) + (isProven ? "" : " (not verified)")
    }

    // MARK: Number and address

    @Sendable private static func phone(_ session: WalletSession) async throws {
        let (client, phone) = (try session.client(), session.arguments[0])
        let next = "florin wallet phone \(Terminal.clean(phone)) --code CODE"
        let code = try await session.code(next) {
            try await session.withProof { try await client.orderPhoneChange(to: phone) }
        }
        guard let code else { return }
        let user = try await client.takePhone(phone, code: code)
        session.say(
            WalletJSON.user(user),
            ["\(WalletText.person(user.phone)) is yours now; your other sessions are over."])
    }

    @Sendable private static func email(_ session: WalletSession) async throws {
        let (client, email) = (try session.client(), session.arguments[0])
        let next = "florin wallet email \(Terminal.clean(email)) --code CODE"
        let code = try await session.code(next) {
            try await session.withProof { try await client.orderEmailChange(to: email) }
        }
        guard let code else { return }
        let user = try await client.takeEmail(email, code: code)
        session.say(
            WalletJSON.user(user), ["\(WalletText.person(user.email)) is yours and proven."])
    }

    // MARK: A copy

    @Sendable private static func export(_ session: WalletSession) async throws {
        let (client, path) = (try session.client(), session.arguments[0])
        let file = try PrivateFile(creating: path)
        do {
            try await session.withProof {
                try await client.export(onPiece: { file.append($0) })
            }
            let count = try file.finish()
            session.say(
                ["file": .string(path), "bytes": .integer(count)],
                ["\(path) has everything, \(count) bytes, and only you can read it."])
        } catch {
            file.remove()
            throw error
        }
    }

    // MARK: Being erased

    @Sendable private static func erase(_ session: WalletSession) async throws {
        let client = try session.client()
        switch session.arguments.word(0) {
        case nil:
            do { show(try await client.erasure(), session) } catch FlorinError.problem(let problem)
                where problem.code == "erasure_not_found"
            {
                throw WalletFailure.advised(
                    problem, "You will not be erased. To ask for it: florin wallet erase ask")
            }
        case "ask":
            try await session.confirm("Erase all that is kept of you, and close your wallets?")
            let erasure = try await session.withProof { try await client.askErasure() }
            show(erasure, session)
        case "cancel":
            try await client.cancelErasure()
            session.say([:], ["You stay. Nothing will be erased."])
        case let word?: throw Arguments.Misunderstood(reason: "“\(word)”? ask or cancel")
        }
    }

    private static func show(_ erasure: Erasure, _ session: WalletSession) {
        let due = WalletText.moment(erasure.dueAt)
        let blocked = erasure.blockedAt.map { moment in
            "Something stood in the way at \(WalletText.moment(moment)): take the money out, and "
                + "end holds and requests."
        }
        session.say(
            WalletJSON.erasure(erasure),
            ["You will be erased at \(due). Until then: florin wallet erase cancel"]
                + [blocked].compactMap { $0 })
    }
}
