internal import Cryptography
internal import FlorinClient
internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// Being online. Each step may be abandoned and done again: an upload is a union of sets, a
/// certificate only raises limits, and what was settled stays so.
enum OfflineSyncing {
    @Sendable static func sync(_ session: WalletSession) async throws {
        try await session.withPurse { purse in
            let client = try session.client(for: purse.kept)
            // A record that was begun and never signed would be missing for ever.
            if purse.isInterrupted, session.canGiveOfflinePin {
                try purse.signReserved(try purse.unlock())
            }
            let level = try session.arguments.option("top-up-to").map {
                try WalletSession.amount($0, purse.currency).minorUnits
            }
            let done = try await session.withProof {
                try await purse.sync(client, topUpTo: level)
            }
            report(done, purse)
        }
    }

    /// Received money goes to the wallet online; with an amount, so much of one's own does.
    @Sendable static func deposit(_ session: WalletSession) async throws {
        try await session.withPurse { purse in
            let client = try session.client(for: purse.kept)
            let own = try session.arguments.word(0).map { try purse.amount($0) }
            // What others have shown meanwhile may be deposited too.
            _ = try await purse.sync(client)
            let amount =
                own.map(UInt64.init)
                ?? purse.wallet.balance - UInt64(purse.wallet.ownAvailable)
            guard amount > 0 || purse.isInterrupted else {
                return session.say(OfflineJSON.balance(purse), ["There is nothing to deposit."])
            }
            guard !purse.wallet.certificate.flags.isReceiveOnly else {
                return session.say(
                    OfflineJSON.balance(purse), ["What a till receives is online by itself."])
            }
            try await session.confirm("Put \(purse.money(amount)) online?")
            let key = try purse.unlock()
            // What was interrupted is ended first. If it was this deposit, it is not made again.
            let isBegun = purse.isDepositInterrupted
            try purse.signReserved(key)
            if own == nil || !isBegun { try purse.reserveDeposits(own) }
            try purse.signReserved(key)
            let done = try await purse.sync(client)
            report(done, purse)
        }
    }

    @Sendable static func undelivered(_ session: WalletSession) async throws {
        try await session.withPurse { purse in
            guard let outgoing = try purse.outgoing(named: session.arguments[0]) else {
                throw WalletFailure.refused("No payment here has that code or id.")
            }
            try await session.confirm(
                "Did nobody take the payment of \(purse.money(outgoing.amount))?")
            // Unsigned records would be missing for ever.
            if outgoing.state == .reserved { try purse.signReserved(try purse.unlock()) }
            try purse.named { try $0.giveUp(outgoing.request) }
            var isTold = false
            do {
                _ = try await purse.sync(try session.client(for: purse.kept))
                isTold = true
            } catch FlorinError.network {
                // The next sync tells it.
            } catch FlorinError.notLoggedIn {}
            session.say(
                ["request": .string(outgoing.request.hex), "told": .bool(isTold)],
                [
                    "Noted. Its money comes back when the payee can no longer claim it, or at once "
                        + "if they decline; if they show it after all, it is theirs.",
                    isTold ? "The server knows." : "The server hears of it at the next sync.",
                ])
        }
    }

    // MARK: Words

    private static func report(_ done: OfflinePurse.Synced, _ purse: OfflinePurse) {
        let refused = done.results.filter { $0.status == "rejected" }
        var lines = [
            purse.session.terminal.good("Synced: \(done.shown) shown to the server.")
        ]
        for result in refused {
            lines.append(
                purse.session.terminal.bad(
                    "Refused: \(Terminal.clean(result.reason ?? "")) "
                        + Terminal.clean(result.id ?? "")))
        }
        if done.wallet.status != "live" {
            lines.append(
                purse.session.terminal.bad(
                    "This wallet is \(Terminal.clean(done.wallet.status)); it pays no more."))
        }
        lines.append("In the offline wallet: \(purse.money(purse.wallet.balance))")
        let until = Timestamp.of(purse.wallet.certificate.expiresAt)
        lines.append("It pays without a network until \(WalletText.moment("\(until)")).")
        purse.session.say(
            .object(
                JSONObject([
                    ("shown", .integer(Int64(done.shown))),
                    (
                        "results",
                        .array(
                            done.results.map {
                                [
                                    "id16": $0.id.map { .string($0) } ?? .null,
                                    "status": .string($0.status),
                                    "reason": $0.reason.map { .string($0) } ?? .null,
                                ]
                            })
                    ),
                    ("wallet", OfflineJSON.balance(purse)),
                    ("status", .string(done.wallet.status)),
                ])), lines)
    }
}

extension OfflinePurse {
    struct Synced {
        var shown = 0
        var results: [OfflineResult] = []
        var wallet: OfflineWalletState
    }

    /// What one upload may have.
    private static let objectsMax = 128

    /// Shows the server everything that it may not know, takes what is new, and tells which
    /// payments nobody took.
    mutating func sync(
        _ client: WalletClient, topUpTo level: Int64? = nil
    ) async throws -> Synced {
        var rest = device.unsettled.map(Base64URL.encode)[...]
        var done: Synced?
        repeat {
            let piece = rest.prefix(Self.objectsMax)
            rest = rest.dropFirst(Self.objectsMax)
            // Keys first: a new one may have signed what comes.
            let issuer = try await client.offlineIssuer()
            let news = try await client.syncOffline(
                OfflineReport(
                    wallet: wallet.id.hex, objects: Array(piece), head: wallet.counter,
                    topUpTo: rest.isEmpty ? level : nil,
                    revocationsSince: device.revocations?.issuedAt ?? 0))
            try learn(news, keys: issuer.keys)
            var sum = done ?? Synced(wallet: news.wallet)
            sum.shown += piece.count
            sum.results += news.results
            sum.wallet = news.wallet
            done = sum
        } while !rest.isEmpty
        // The certificate says whether a top-up arrived, and its owner sees it.
        try endTopUp()
        try await tellUndelivered(client)
        guard let done else { preconditionFailure("there is one upload at least") }
        return done
    }

    private func tellUndelivered(_ client: WalletClient) async throws {
        for outgoing in wallet.outbox where outgoing.state == .undelivered {
            for record in outgoing.records {
                do {
                    try await client.markUndelivered(record: record.id.hex)
                } catch FlorinError.problem(let problem)
                    where problem.code == "offline_record_ended"
                {
                    // It turned up, or is over: the next receipt says which.
                }
            }
        }
    }

    /// Reserves the way online of everything that was received, or of so much own money.
    mutating func reserveDeposits(_ own: UInt32?) throws {
        let clock = clock
        if let own {
            _ = try named {
                try $0.unlock(own, request: Self.randomID(), clock: clock)
            }
            return
        }
        for each in wallet.received where each.drawn < each.record.amount {
            _ = try named {
                try $0.deposit(each.record.id, request: Self.randomID(), clock: clock)
            }
        }
    }

    private static func randomID() -> ObjectID {
        func word() -> UInt64 { SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
        return ObjectID(word(), word())
    }

    // MARK: News

    mutating func learn(certificate: String, keys: String) throws {
        try learn(serverTime: 0, keys, certificate: certificate, nil, [])
    }

    private mutating func learn(_ news: OfflineNews, keys: String) throws {
        let time = Timestamp(news.serverTime)?.wholeSeconds ?? 0
        try learn(
            serverTime: time, keys, certificate: news.certificate, news.revocations,
            news.proofs + news.incoming + news.receipts)
    }

    private mutating func learn(
        serverTime: UInt32, _ keys: String, certificate: String?, _ revocations: String?,
        _ objects: [String]
    ) throws {
        var news = OfflineDevice.News(serverTime: serverTime)
        do {
            news.keys = try IssuerKeyList(decoding: Self.bytes(keys))
            news.certificate = try certificate.map { try Certificate(decoding: Self.bytes($0)) }
            news.revocations = try revocations.map {
                try RevocationList(decoding: Self.bytes($0))
            }
            for object in objects { try news.add(Self.bytes(object)) }
        } catch is DecodingFault {
            throw WalletFailure.refused("The server's answer is none of Florin's.")
        }
        let told = news
        try named { try $0.learn(told, OfflineSignature.isGood) }
    }

    private static func bytes(_ text: String) throws(DecodingFault) -> [UInt8] {
        guard let bytes = Base64URL.decode(text) else { throw .alphabet }
        return bytes
    }
}

extension OfflineDevice.News {
    fileprivate mutating func add(_ object: [UInt8]) throws(DecodingFault) {
        switch ObjectType(rawValue: object.first ?? 0) {
        case .fraudProof: proofs.append(try FraudProof(decoding: object))
        case .record: incoming.append(try SpendRecord(decoding: object))
        case .receipt: receipts.append(try OfflineReceipt(decoding: object))
        default: throw .unknownType
        }
    }
}
