internal import Cryptography
internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// Taking what somebody shows: a payment, the receipt of one's own, or a proof of double spending.
enum OfflineTaking {
    @Sendable static func accept(_ session: WalletSession) async throws {
        switch try OfflineInput.read(session) {
        case .payment(let payment): try await take(payment, session)
        case .acknowledgement(let word): try await take(word, session)
        case .proof(let proof): try await take(proof, session)
        case .request:
            throw WalletFailure.refused(
                "This asks for money; pay it with: florin wallet offline pay")
        }
    }

    // MARK: A payment

    private static func take(_ payment: OfflinePayment, _ session: WalletSession) async throws {
        guard let number = payment.certificates.first?.currency,
            let currency = Currency(number: number)
        else { throw WalletFailure.refused("This is money of a currency not known here.") }
        try await session.withPurse(currency) { purse in
            let clock = purse.clock
            let acceptance = try weigh(payment, &purse)
            if acceptance.amount > acceptance.guaranteed {
                try await consent(to: acceptance, purse)
            }
            // Stored first: whoever sees the tick can rely on it.
            _ = try purse.named { device in
                try device.accept(
                    payment, amountMax: acceptance.amount, clock: clock,
                    OfflineSignature.isGood)
            }
            try report(acceptance, payment, purse)
        }
    }

    /// V1 to V13. What proves a fraud is kept although the payment is refused.
    private static func weigh(
        _ payment: OfflinePayment, _ purse: inout OfflinePurse
    ) throws -> Acceptance {
        let clock = purse.clock
        var trial = purse.device
        do throws(PaymentRefusal) {
            return try trial.accept(
                payment, amountMax: .max, clock: clock, OfflineSignature.isGood)
        } catch {
            if case .conflicts = error { try purse.step { $0 = trial } }
            throw OfflinePurse.named(error)
        }
    }

    /// V12: more than the issuer covers is taken only by a person who knows it.
    private static func consent(
        to acceptance: Acceptance, _ purse: OfflinePurse
    ) async throws {
        let sentence =
            "This is \(purse.money(acceptance.amount)), and the issuer guarantees only "
            + "\(purse.money(acceptance.guaranteed)) of it if somebody cheated."
        guard purse.session.arguments.flag("yes") || purse.session.terminal.isInteractive else {
            throw WalletFailure.named(
                "offline_above_policy", sentence + " To take it all the same: --yes")
        }
        try await purse.session.confirm("Take it all the same?") {
            purse.session.terminal.remark(purse.session.terminal.bad(sentence))
        }
    }

    private static func report(
        _ acceptance: Acceptance, _ payment: OfflinePayment, _ purse: OfflinePurse
    ) throws {
        let (session, code) = (purse.session, OfflineJSON.text(payment.code))
        let records = payment.final.map { JSON.string($0.id.hex) }
        if !session.isForPrograms {
            session.terminal.say(
                session.terminal.good(
                    "✓ Received \(purse.money(acceptance.amount)).  \(code)"))
        }
        let receipt = try receipt(acceptance.request, purse)
        try receipt?.show()
        session.say(
            .object(
                JSONObject(
                    [
                        ("request", .string(acceptance.request.hex)),
                        ("records", .array(records)),
                        ("amount", .integer(Int64(acceptance.amount))),
                        ("guaranteed", .integer(Int64(acceptance.guaranteed))),
                        ("currency", .string(purse.currency.code)), ("code", .string(code)),
                    ] + (receipt?.json ?? []))),
            [
                "The other screen shows the same code"
                    + (receipt == nil ? "." : ", and may scan this as a receipt."),
                "In the offline wallet: \(purse.money(purse.wallet.balance))",
            ])
    }

    /// The payee's word, where its PIN is at hand.
    private static func receipt(
        _ request: ObjectID, _ purse: OfflinePurse
    ) throws -> OfflineScreen? {
        let session = purse.session
        guard !session.arguments.flag("no-receipt"), session.canGiveOfflinePin,
            let word = purse.device.acknowledgement(of: request, clock: purse.clock)
        else { return nil }
        if session.terminal.isInteractive {
            session.terminal.remark("With the PIN, a receipt is shown; Ctrl-C: none.")
        }
        let key: SigningKey
        do { key = try purse.unlock() } catch is CancellationError { return nil }
        return OfflineScreen(word.signed(key.sign(word.message)).encoded, session)
    }

    // MARK: A receipt

    private static func take(_ word: Acknowledgement, _ session: WalletSession) async throws {
        try await session.withPurse { purse in
            try purse.named { device in
                try device.acknowledge(word, OfflineSignature.isGood)
            }
            session.say(
                ["records": .array(word.records.map { .string($0.hex) })],
                [session.terminal.good("✓ It arrived; the payee says so.")])
        }
    }

    // MARK: A proof

    private static func take(_ proof: FraudProof, _ session: WalletSession) async throws {
        try await session.withPurse { purse in
            try purse.named { device in try device.take(proof, OfflineSignature.isGood) }
            let cheat = proof.first.payer.hex
            session.say(
                ["wallet": .string(cheat)],
                ["The proof holds: this terminal takes no money of wallet \(cheat) any more."])
        }
    }
}
