internal import Cryptography
internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// Asking and paying: the first two legs.
enum OfflinePaying {
    @Sendable static func request(_ session: WalletSession) async throws {
        let memo = Array((session.arguments.option("memo") ?? "").utf8)
        guard memo.count <= OfflineRequest.memoBytesMax else {
            throw Arguments.Misunderstood(
                reason: "the memo is longer than \(OfflineRequest.memoBytesMax) bytes")
        }
        try await session.withPurse { purse in
            let amount = try purse.amount(session.arguments[0])
            let key = try purse.unlock()
            let nonce = SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
            let clock = purse.clock
            let asked = try purse.named { device in
                let request = device.ask(amount, memo: memo, nonce: nonce, clock: clock)
                return try device.seal(
                    request.id, key.sign(request.message), OfflineSignature.isGood)
            }
            // A memo that would deceive is refused by whoever reads it, and so here.
            do { _ = try OfflineRequest(decoding: asked.encoded) } catch {
                throw OfflinePurse.named(error)
            }
            try show(asked, purse)
        }
    }

    static func show(_ request: OfflineRequest, _ purse: OfflinePurse) throws {
        let session = purse.session
        let screen = OfflineScreen(request.encoded, session)
        let what = request.amount == 0 ? "any amount" : purse.money(request.amount)
        try screen.show()
        session.say(
            .object(
                JSONObject(
                    [
                        ("request", .string(request.id.hex)),
                        ("amount", .integer(Int64(request.amount))),
                        ("currency", .string(purse.currency.code)),
                    ] + screen.json)),
            [
                "This asks for \(what), to \(OfflineJSON.text(request.name)).",
                "When the other person has paid: florin wallet offline accept",
            ].map(session.terminal.strong))
    }

    // MARK: Paying

    @Sendable static func pay(_ session: WalletSession) async throws {
        guard case .request(let request) = try OfflineInput.read(session) else {
            throw WalletFailure.refused(
                "This is not a request; what one is paid with: florin wallet offline accept")
        }
        guard let currency = Currency(number: request.payee.currency) else {
            throw WalletFailure.refused("This is asked for in a currency that is not known here.")
        }
        try await session.withPurse(currency) { purse in
            // Begun before, and interrupted or not seen by the payee: the same payment again.
            guard !purse.wallet.outbox.contains(where: { $0.request == request.id }) else {
                return try await resume(request, &purse)
            }
            let amount = try await agree(request, purse)
            let key = try purse.unlock()
            // What a crash has left unsigned comes first: records stand in one row.
            try purse.signReserved(key)
            let clock = purse.clock
            _ = try purse.named { device in
                try device.pay(
                    request, amount: amount, clock: clock, OfflineSignature.isGood)
            }
            try purse.signReserved(key)
            try show(request, &purse)
        }
    }

    private static func resume(
        _ request: OfflineRequest, _ purse: inout OfflinePurse
    ) async throws {
        let begun = purse.wallet.outbox.first { $0.request == request.id }
        if begun?.state == .reserved { try purse.signReserved(try purse.unlock()) }
        purse.session.terminal.remark("This was paid before; here is the same payment again.")
        try show(request, &purse)
    }

    /// P1 to P9, then the person's consent.
    private static func agree(
        _ request: OfflineRequest, _ purse: OfflinePurse
    ) async throws -> UInt32 {
        let session = purse.session
        var trial = purse
        let amount =
            try session.arguments.option("amount").map { try trial.amount($0) }
            ?? request.amount
        let clock = purse.clock
        var device = purse.device
        do {
            try device.judge(request, clock: clock, OfflineSignature.isGood)
            _ = try device.pay(request, amount: amount, clock: clock, OfflineSignature.isGood)
        } catch { throw OfflinePurse.named(error) }
        trial = purse
        try await session.confirm("Pay it?") {
            var table = Table(.left, .left)
            table.add("to", session.terminal.strong(OfflineJSON.text(request.name)))
            table.add("amount", session.terminal.strong(trial.money(amount)))
            if !request.memo.isEmpty { table.add("for", "“\(OfflineJSON.text(request.memo))”") }
            table.add("left then", trial.money(device.wallet.balance))
            for line in table.lines() { session.terminal.remark(line) }
        }
        return amount
    }

    /// P13: the state says that it is shown before it is.
    static func show(_ request: OfflineRequest, _ purse: inout OfflinePurse) throws {
        let payment = try purse.named { try $0.show(request.id) }
        let session = purse.session
        let outgoing = purse.wallet.outbox.first { $0.request == request.id }
        let (amount, records) = (outgoing?.amount ?? 0, outgoing?.records.map { $0.id.hex } ?? [])
        let screen = OfflineScreen(payment.encoded, session)
        let code = OfflineJSON.text(payment.code)
        try screen.show()
        session.say(
            .object(
                JSONObject(
                    [
                        ("request", .string(request.id.hex)),
                        ("records", .array(records.map { .string($0) })),
                        ("amount", .integer(Int64(amount))),
                        ("currency", .string(purse.currency.code)), ("code", .string(code)),
                        ("name", .string(OfflineJSON.text(request.name))),
                    ] + screen.json)),
            [
                session.terminal.good(
                    "Signed: \(purse.money(amount)) to \(OfflineJSON.text(request.name))."),
                "It is paid when the other screen shows \(session.terminal.strong(code)).",
                session.terminal.faint(
                    "Nobody took it? florin wallet offline undelivered \(code)"),
            ])
    }
}

extension OfflinePurse {
    /// `any` is 0, which leaves the choice to the payer.
    func amount(_ text: String) throws -> UInt32 {
        guard text != "any" else { return 0 }
        let amount = try WalletSession.amount(text, currency).minorUnits
        guard let amount = UInt32(exactly: amount), amount < 1 << 31 else {
            throw Arguments.Misunderstood(reason: "“\(text)” is more than one payment can be")
        }
        return amount
    }
}
