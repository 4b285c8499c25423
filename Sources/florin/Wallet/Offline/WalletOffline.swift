internal import Cryptography
internal import FlorinClient
internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// Paying and being paid without a network.
enum WalletOffline {
    private static let shared: Set<String> = ["currency"]
    private static let shown: Set<String> = ["currency", "png"]

    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "offline enrol", words: "[CURRENCY]", options: "[--receive-only] [--root KEY]",
            summary: "Make this terminal a wallet that pays without a network.",
            grammar: .init(options: ["root"], flags: ["receive-only"], words: 0...1),
            run: OfflineEnrolment.enrol),
        .init(
            name: "offline top-up", words: "AMOUNT", options: "[--currency C] [--key K]",
            summary: "Lock money for paying offline.",
            grammar: .init(options: shared.union(["key"]), words: 1...1),
            run: OfflineEnrolment.topUp),
        .init(
            name: "offline request", words: "AMOUNT|any",
            options: "[--memo M] [--currency C] [--png FILE]",
            summary: "Ask somebody who is here: shows a code to scan.",
            grammar: .init(options: shown.union(["memo"]), flags: ["frames"], words: 1...1),
            run: OfflinePaying.request),
        .init(
            name: "offline pay", words: "[TEXT|PICTURE …]",
            options: "[--amount A] [--yes] [--png FILE] [--frames]",
            summary: "Pay what a code asks for; shows a code to scan in return.",
            grammar: .init(
                options: shown.union(["amount"]), flags: ["yes", "frames"], words: 0...64),
            run: OfflinePaying.pay),
        .init(
            name: "offline accept", words: "[TEXT|PICTURE …]",
            options: "[--yes] [--no-receipt] [--png FILE]",
            summary: "Take the payment that a code shows, or a receipt of one's own.",
            grammar: .init(
                options: shown, flags: ["yes", "no-receipt", "frames"], words: 0...64),
            run: OfflineTaking.accept),
        .init(
            name: "offline list", words: "", options: "[--currency C]",
            summary: "What is in the offline wallet, and what became of its payments.",
            grammar: .init(options: shared), run: OfflineLooking.list),
        .init(
            name: "offline show", words: "CODE|ID|proof",
            options: "[--currency C] [--png FILE] [--frames]",
            summary: "Show a request, a payment or a proof of double spending again.",
            grammar: .init(options: shown, flags: ["frames"], words: 1...1),
            run: OfflineLooking.show),
        .init(
            name: "offline sync", words: "", options: "[--top-up-to A] [--currency C]",
            summary: "Be online: settle, learn what is new, renew the certificate.",
            grammar: .init(options: shared.union(["top-up-to"])), run: OfflineSyncing.sync),
        .init(
            name: "offline deposit", words: "[AMOUNT]", options: "[--currency C] [--yes]",
            summary: "Put what was received online, or so much of one's own money back.",
            grammar: .init(options: shared, flags: ["yes"], words: 0...1),
            run: OfflineSyncing.deposit),
        .init(
            name: "offline undelivered", words: "CODE|ID", options: "[--currency C] [--yes]",
            summary: "Say that nobody took a payment: its money comes back later.",
            grammar: .init(options: shared, flags: ["yes"], words: 1...1),
            run: OfflineSyncing.undelivered),
        .init(
            name: "offline lost", words: "[WALLET]", options: "[--currency C] [--yes]",
            summary: "Report a device lost, this one or another; what is left comes back.",
            grammar: .init(options: shared, flags: ["yes"], words: 0...1),
            run: OfflineEnrolment.lost),
        .init(
            name: "offline recover", words: "[WALLET]", options: "[--currency C] [--yes]",
            summary: "Begin anew when the PIN or the file is lost.",
            grammar: .init(options: shared, flags: ["yes"], words: 0...1),
            run: OfflineEnrolment.recover),
    ]
}

/// A wallet's beginning and its end.
enum OfflineEnrolment {
    @Sendable static func enrol(_ session: WalletSession) async throws {
        let client = try session.client()
        let currency = try await session.currency(session.arguments.word(0), client)
        try await enrol(currency, session, client)
    }

    static func enrol(
        _ currency: Currency, _ session: WalletSession, _ client: WalletClient
    ) async throws {
        let folder = session.offlineFolder
        try await folder.locked(currency) {
            var kept = try folder.load(currency)
            guard kept?.device == nil else {
                throw WalletFailure.refused(
                    "This terminal has an offline wallet of \(currency) already.")
            }
            let issuer = try await client.offlineIssuer()
            let root = try trusted(issuer, session)
            if kept == nil {
                let made = try await make(currency, session, client)
                try folder.save(made)
                kept = made
            }
            guard var kept else { return }
            let answer = try await client.enrolOffline(
                csr: Base64URL.encode(kept.enrolment), currency: currency.code,
                isReceiveOnly: kept.isReceiveOnly)
            kept.device = try device(answer, issuer, root)
            try folder.save(kept)
            report(kept, root, session)
        }
    }

    /// The root that vouches for everything this wallet will believe: the one that was named, or
    /// the server's, which is trusted this once and never exchanged.
    private static func trusted(
        _ issuer: OfflineIssuer, _ session: WalletSession
    ) throws -> [UInt8] {
        guard let root = Base64URL.decode(issuer.root), CurvePoint.isValid(root) else {
            throw WalletFailure.refused("The server's root is no key.")
        }
        let named = session.arguments.option("root") ?? session.environment["FLORIN_OFFLINE_ROOT"]
        guard named == nil || named == issuer.root || named == Hex.encode(root) else {
            throw WalletFailure.refused("The server's root is another one than was named.")
        }
        return root
    }

    private static func make(
        _ currency: Currency, _ session: WalletSession, _ client: WalletClient
    ) async throws -> KeptWallet {
        let person = try await client.me()
        guard let id = ID<User>(person.id) else {
            throw WalletFailure.refused("The server's answer has no id.")
        }
        let pin = try session.newOfflinePin()
        let key = SigningKey.generate()
        let public33 = CurvePoint.compressed(key.publicKey)
        let csr = Enrolment(
            publicKey: public33, account: ObjectID(id.high, id.low),
            time: Clock().now.wholeSeconds)
        return KeptWallet(
            server: try session.server(), username: person.username, currency: currency,
            isReceiveOnly: session.arguments.flag("receive-only"), publicKey: public33,
            key: try KeptWallet.seal(key, pin: pin),
            enrolment: csr.signed(key.sign(csr.message)).encoded, device: nil)
    }

    private static func device(
        _ answer: OfflineCertificate, _ issuer: OfflineIssuer, _ root: [UInt8]
    ) throws -> OfflineDevice {
        guard let certificate = Base64URL.decode(answer.certificate),
            let keys = Base64URL.decode(issuer.keys), let salt = ObjectID(hex: answer.nameSalt)
        else { throw WalletFailure.refused("The server's answer is none of Florin's.") }
        do {
            return try OfflineDevice(
                Certificate(decoding: certificate), keys: IssuerKeyList(decoding: keys),
                root: root, name: Array(answer.name.utf8), nameSalt: salt,
                OfflineSignature.isGood)
        } catch { throw OfflinePurse.named(error) }
    }

    private static func report(_ kept: KeptWallet, _ root: [UInt8], _ session: WalletSession) {
        guard let wallet = kept.device?.wallet else { return }
        session.say(
            [
                "wallet": .string(wallet.id.hex), "currency": .string(kept.currency.code),
                "root": .string(Hex.encode(root)),
            ],
            [
                session.terminal.good("This terminal is an offline wallet of \(kept.currency) now.")
                    + session.terminal.faint("  \(wallet.id.hex)"),
                "Root of trust: " + session.terminal.faint(Hex.encode(root)),
                kept.isReceiveOnly
                    ? "Next: florin wallet offline request AMOUNT"
                    : "Next: florin wallet offline top-up AMOUNT",
            ])
    }

    // MARK: Locking money

    @Sendable static func topUp(_ session: WalletSession) async throws {
        try await session.withPurse { purse in
            let amount = try WalletSession.amount(session.arguments[0], purse.currency)
            let client = try session.client(for: purse.kept)
            let key =
                try session.arguments.option("key") ?? purse.beginTopUp(amount.minorUnits)
            let id = purse.wallet.id.hex
            let issuer = try await client.offlineIssuer()
            let answer: OfflineCertificate
            do {
                answer = try await session.withProof {
                    try await client.topUpOffline(
                        wallet: id, amount: amount.minorUnits, key: key)
                }
            } catch let error as FlorinError {
                if error.isOutcomeUnknown { throw WalletFailure.unknownOutcome(key: key, error) }
                guard case .problem(let problem) = error else { throw error }
                try purse.endTopUp()
                throw WalletFailure.problem(problem, currency: purse.currency.code)
            }
            try purse.learn(certificate: answer.certificate, keys: issuer.keys)
            session.say(
                OfflineJSON.balance(purse),
                [
                    session.terminal.good("\(amount) are locked for paying offline."),
                    "In the offline wallet: \(purse.money(purse.wallet.balance))",
                ])
            // Forgotten once it was told: ended before that, it is asked for again.
            try purse.endTopUp()
        }
    }

    // MARK: The end

    @Sendable static func lost(_ session: WalletSession) async throws {
        guard let id = session.arguments.word(0) else {
            return try await end(session, anew: false)
        }
        try await session.confirm("Report wallet \(Terminal.clean(id)) lost?")
        let state = try await session.client().reportLost(offlineWallet: id)
        session.say(OfflineJSON.state(state), [sentence(state)])
    }

    @Sendable static func recover(_ session: WalletSession) async throws {
        try await end(session, anew: true)
    }

    /// Ends this terminal's wallet: what it has goes to the server, nobody takes its money any
    /// more, and its file is set aside; then perhaps a new one begins.
    private static func end(_ session: WalletSession, anew: Bool) async throws {
        let (folder, currency) = (session.offlineFolder, try session.offlineCurrency())
        let client = try session.client()
        try await session.confirm("End this terminal's offline wallet of \(currency)?")
        let state = try await folder.locked(currency) {
            let id = try await idToEnd(folder, currency, session, client)
            let state = try await client.reportLost(offlineWallet: id)
            _ = try folder.setAside(currency, id)
            return state
        }
        guard anew else { return session.say(OfflineJSON.state(state), [sentence(state)]) }
        if !session.isForPrograms { session.terminal.say(sentence(state)) }
        try await enrol(currency, session, client)
    }

    /// Everything that the wallet has is shown to the server first, which needs no PIN. Of a file
    /// that cannot be read, the person says which wallet it was.
    private static func idToEnd(
        _ folder: OfflineFolder, _ currency: Currency, _ session: WalletSession,
        _ client: WalletClient
    ) async throws -> String {
        if let named = session.arguments.word(0) { return named }
        do {
            guard let kept = try folder.load(currency) else {
                throw WalletFailure.refused("There is no wallet of \(currency).")
            }
            var purse = try OfflinePurse(session, folder, kept)
            _ = try await purse.sync(try session.client(for: kept))
            return purse.wallet.id.hex
        } catch let failure as WalletFailure {
            let live = try await client.offlineWallets().filter {
                $0.status == "live" && $0.currency == currency.code
            }
            let ids = live.map { Terminal.clean($0.id) }.joined(separator: ", ")
            guard case .refused(let reason) = failure, !live.isEmpty else { throw failure }
            throw WalletFailure.refused("\(reason) Name the wallet that it was, one of: \(ids)")
        }
    }

    private static func sentence(_ state: OfflineWalletState) -> String {
        "Nobody takes money of wallet \(Terminal.clean(state.id)) any more. What is left of it "
            + "comes back by itself \(WalletText.moment(state.claimBy))."
    }
}
