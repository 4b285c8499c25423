internal import FlorinClient
internal import HTTP
internal import QRCodes

/// What opens the wallet besides the password: an authenticator app, recovery codes, passkeys.
enum WalletFactors {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "app", words: "[set-up|confirm CODE|codes|remove]", options: "[--code C]",
            summary: "The authenticator app that log-ins ask for, and its recovery codes.",
            grammar: .init(options: ["code"], words: 0...2), run: app),
        .init(
            name: "passkeys", words: "[name ID NAME|remove ID]",
            summary: "Your passkeys; a browser makes them.",
            grammar: .init(words: 0...3), run: passkeys),
    ]

    // MARK: The app

    @Sendable private static func app(_ session: WalletSession) async throws {
        let client = try session.client()
        switch (session.arguments.word(0), session.arguments.word(1)) {
        case (nil, _): try await show(session, client)
        case ("set-up"?, nil): try await setUp(session, client)
        case ("confirm"?, let code?): try await confirm(code, session, client)
        case ("codes"?, nil):
            let codes = try await withFactor(session) {
                try await client.renewRecoveryCodes(with: $0)
            }
            say(codes, "These take the place of the recovery codes before:", session)
        case ("remove"?, nil):
            try await withFactor(session) { try await client.removeTotp(with: $0) }
            session.say([:], ["The authenticator app is asked for no more."])
        default: throw Arguments.Misunderstood(reason: "set-up, confirm CODE, codes or remove?")
        }
    }

    private static func show(_ session: WalletSession, _ client: WalletClient) async throws {
        let factors = try await client.secondFactors()
        let left = factors.recoveryCodesLeft
        let since = factors.totpSince.map(WalletText.moment)
        session.say(
            [
                "totp_since": factors.totpSince.map(JSON.string) ?? .null,
                "recovery_codes_left": .integer(left),
            ],
            since.map {
                ["An authenticator app since \($0); \(left) recovery codes are left."]
            } ?? ["No authenticator app. Next: florin wallet app set-up"])
    }

    private static func setUp(_ session: WalletSession, _ client: WalletClient) async throws {
        let secret = try await session.withProof { try await client.enrolTotp() }
        session.say(
            ["secret": .string(secret.secret), "uri": .string(secret.uri)],
            ["Add this to your authenticator app; nobody else may see it:", ""]
                + picture(secret.uri, session.terminal)
                + ["  " + secret.uri, "", "Or type the secret: " + secret.secret])
        guard session.terminal.isInteractive, !session.isForPrograms else {
            if !session.isForPrograms {
                session.terminal.say("Next: florin wallet app confirm CODE, which the app shows")
            }
            return
        }
        let codes = try await session.untilRight("The code that it shows: ", isSecret: false) {
            try await client.confirmTotp(code: $0)
        }
        say(codes, isOn, session)
    }

    /// A code for the telephone's camera; in a file or a pipe nobody could scan it.
    private static func picture(_ uri: String, _ terminal: Terminal) -> [String] {
        guard terminal.isScreen else { return [] }
        do throws(QRCode.TooLong) {
            return try QRCode(forScreen: uri).terminalLines(hasColours: true) + [""]
        } catch { return [] }
    }

    private static func confirm(
        _ code: String, _ session: WalletSession, _ client: WalletClient
    ) async throws {
        say(try await client.confirmTotp(code: code), isOn, session)
    }

    private static let isOn =
        "Log-ins ask for the app from now on. Without it, each of these lets you in once; write "
        + "them down:"

    private static func say(_ codes: [String], _ sentence: String, _ session: WalletSession) {
        session.say(
            ["recovery_codes": .array(codes.map(JSON.string))],
            [sentence, ""] + codes.map { "  " + Terminal.clean($0) })
    }

    /// With a code of the app, or a recovery code, which is longer.
    private static func withFactor<Value>(
        _ session: WalletSession, _ body: (SecondFactor) async throws -> Value
    ) async throws -> Value {
        if let code = session.arguments.option("code") { return try await body(factor(code)) }
        guard session.terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: add --code")
        }
        let question = "Code of the app, or a recovery code: "
        return try await session.untilRight(question, isSecret: false) {
            try await body(factor($0))
        }
    }

    static func factor(_ code: String) -> SecondFactor {
        code.allSatisfy { $0.isNumber || $0 == " " } ? .totp(code) : .recoveryCode(code)
    }

    // MARK: Passkeys

    @Sendable private static func passkeys(_ session: WalletSession) async throws {
        let (client, words) = (try session.client(), session.arguments)
        switch (words.word(0), words.word(1), words.word(2)) {
        case (nil, _, _): try await list(session, client)
        case ("name"?, let id?, let name?):
            let passkey = try await client.renamePasskey(id, to: name)
            session.say(
                WalletJSON.passkey(passkey), ["It is called \(Terminal.clean(passkey.name)) now."])
        case ("remove"?, let id?, nil):
            try await session.withProof { try await client.removePasskey(id) }
            session.say([:], ["It opens nothing more."])
        default: throw Arguments.Misunderstood(reason: "name ID NAME, remove ID, or nothing")
        }
    }

    private static func list(_ session: WalletSession, _ client: WalletClient) async throws {
        let passkeys = try await client.passkeys()
        var table = Table(.left, .left, .left)
        for passkey in passkeys {
            let used = passkey.lastUsedAt.map { "used \(WalletText.moment($0))" } ?? "never used"
            table.add(
                Terminal.clean(passkey.name),
                passkey.isSuspended ? "blocked: remove it and make a new one" : used,
                Terminal.clean(passkey.id))
        }
        let adding = "Only a browser makes passkeys: open \(try session.server())"
        session.say(
            WalletJSON.page(passkeys, nil, WalletJSON.passkey),
            (passkeys.isEmpty ? ["No passkey."] : table.lines())
                + [session.terminal.faint(adding)])
    }
}
