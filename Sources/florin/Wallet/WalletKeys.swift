internal import FlorinClient
internal import HTTP

/// Keys of a merchant's programs.
enum WalletKeys {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "keys",
            words: "[make NAME|rotate ID|revoke ID]",
            options: "[--scopes S,S] [--payment-max N] [--addresses A,A] [--expires SECONDS] "
                + "[--overlap SECONDS]",
            summary: "What a merchant's programs open the API with.",
            grammar: .init(
                options: [
                    "scopes", "payment-max", "addresses", "expires", "overlap",
                ], words: 0...2), run: keys)
    ]

    private static let secondsMax: Int64 = 10 * 365 * 86_400
    private static let paymentMaxMost: Int64 = 1_000_000_000

    @Sendable private static func keys(_ session: WalletSession) async throws {
        let (client, words) = (try session.client(), session.arguments)
        switch (words.word(0), words.word(1)) {
        case (nil, _): try await list(session, client)
        case ("make"?, let name?): try await make(name, session, client)
        case ("rotate"?, let id?):
            let overlap = try words.integer("overlap", in: 0...secondsMax) ?? 0
            let shown = try await session.withProof {
                try await client.rotateKey(id, overlap: overlap)
            }
            show(shown, session)
        case ("revoke"?, let id?):
            try await client.revokeKey(id)
            session.say([:], ["It opens nothing more."])
        default: throw Arguments.Misunderstood(reason: "make NAME, rotate ID or revoke ID?")
        }
    }

    private static func make(
        _ name: String, _ session: WalletSession, _ client: WalletClient
    ) async throws {
        let words = session.arguments
        guard let scopes = words.option("scopes") else {
            throw Arguments.Misunderstood(reason: "what may it do? --scopes wallets:read")
        }
        let paymentMax = try words.integer("payment-max", in: 0...paymentMaxMost)
        let seconds = try words.integer("expires", in: 1...secondsMax)
        let shown = try await session.withProof {
            try await client.makeKey(
                name: name, scopes: list(scopes), paymentMax: paymentMax,
                addresses: words.option("addresses").map(list), expiresIn: seconds)
        }
        show(shown, session)
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map(String.init)
    }

    private static func show(_ shown: ShownKey, _ session: WalletSession) {
        session.say(
            WalletJSON.key(shown.key, text: shown.text),
            [
                "Keep it now; it is not shown again:", "", "  " + Terminal.clean(shown.text), "",
                session.terminal.faint(Terminal.clean(shown.key.id)),
            ])
    }

    private static func list(_ session: WalletSession, _ client: WalletClient) async throws {
        let keys = try await client.keys()
        var table = Table(.left, .left, .left, .left, .left)
        for key in keys {
            table.add(
                Terminal.clean(key.name), Terminal.clean(key.hints.first ?? ""),
                Terminal.clean(key.scopes.joined(separator: ",")),
                key.lastUsedAt.map { "used " + WalletText.moment($0) } ?? "never used",
                Terminal.clean(key.id))
        }
        session.say(
            WalletJSON.page(keys, nil) { WalletJSON.key($0) },
            keys.isEmpty
                ? ["No keys. Next: florin wallet keys make NAME --scopes wallets:read"]
                : table.lines())
    }
}
