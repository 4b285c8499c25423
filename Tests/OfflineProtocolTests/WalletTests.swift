import Cryptography
import OfflineProtocol
import Testing

@Suite("A wallet on its device")
struct WalletTests {
    let issuer = Issuer()

    @Test func moneyPassesThroughThreeHands() throws {
        var (a, b, c, d) = (
            Purse(1, of: issuer), Purse(2, of: issuer, own: 0), Purse(3, of: issuer, own: 0),
            Purse(4, of: issuer, own: 0)
        )
        let first = try a.pay(b.ask(500))
        #expect(first.encoded.count == 311)
        #expect(try b.accept(first).guaranteed == 500)
        let second = try b.pay(c.ask(500))
        #expect(second.encoded.count == 619)
        try c.accept(second)
        let third = try c.pay(d.ask(500))
        #expect(third.encoded.count == 927)
        try d.accept(third)
        #expect([a, b, c, d].map(\.wallet.balance) == [500, 0, 0, 500])
        // Three hops are the most that the certificates allow.
        var e = Purse(5, of: issuer, own: 0)
        #expect(throws: SpendRefusal.insufficientFunds) { try d.pay(e.ask(500)) }
    }

    @Test func severalSourcesPayTogether() throws {
        var (a, b, c) = (
            Purse(1, of: issuer), Purse(2, of: issuer, own: 100), Purse(3, of: issuer, own: 0)
        )
        try b.accept(a.pay(b.ask(200)))
        try b.accept(a.pay(b.ask(150)))
        let payment = try b.pay(c.ask(450))
        #expect(payment.final.map(\.amount).reduce(0, +) == 450)
        #expect(payment.final.count == 3)
        #expect(try c.accept(payment).amount == 450)
        #expect(try OfflinePayment(decoding: payment.encoded) == payment)
        #expect(b.wallet.balance == 0 && c.wallet.balance == 450)
    }

    @Test func takingAPaymentTwiceChangesNothing() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let payment = try a.pay(b.ask(300))
        try b.accept(payment)
        let after = b.wallet
        try b.accept(payment)
        #expect(b.wallet == after)
        #expect(b.wallet.balance == 1_300)
    }

    @Test func aRequestIsPaidOnce() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let request = b.ask(10)
        _ = try a.pay(request)
        #expect(throws: SpendRefusal.requestAlreadyPaid) { try a.pay(request) }
    }

    /// Whatever happens between the steps, the bodies stay the reserved ones.
    @Test func aCrashSignsTheSameBodies() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let request = b.ask(250)
        let outgoing = try a.wallet.reserve(
            request, amount: 250, clock: Issuer.start + 60, in: issuer.world(),
            OpenSSLVerify.isGood)
        let stored = a.wallet
        let first = try a.finish(outgoing)
        // The signatures were lost; the state of before comes back.
        a.wallet = stored
        let again = try a.finish(stored.outbox[0])
        #expect(again.records.map(\.id) == first.records.map(\.id))
        try b.accept(first)
        try b.accept(again)
        #expect(b.wallet.balance == 1_250)
    }

    @Test func stepsGoForwardOnly() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let payment = try a.pay(b.ask(250))
        let request = payment.records[0].request
        try b.accept(payment)
        #expect(throws: StepRefusal.stepOutOfOrder) {
            try a.wallet.sign(request, [], { _ in true })
        }
        try a.wallet.giveUp(request)
        let ids = payment.records.map(\.id)
        let note = Acknowledgement(payee: b.wallet.id, time: Issuer.start, records: ids)
        let signed = note.signed(b.key.sign(note.message))
        #expect(throws: StepRefusal.signatureForged) {
            try a.wallet.acknowledge(note, of: b.wallet.certificate, OpenSSLVerify.isGood)
        }
        try a.wallet.acknowledge(signed, of: b.wallet.certificate, OpenSSLVerify.isGood)
        #expect(throws: StepRefusal.stepOutOfOrder) { try a.wallet.giveUp(request) }
        try a.wallet.settle(request)
        #expect(a.wallet.outbox[0].state == .settled)
        for state in OfflineWallet.State.allCases {
            #expect(!OfflineWallet.State.settled.mayBecome(state))
        }
    }

    @Test func whatIsReceivedIsDepositedAndOwnIsUnlocked() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let payment = try a.pay(b.ask(250))
        try b.accept(payment)
        let record = payment.records[0].id
        let deposit = try b.wallet.deposit(record, request: ObjectID(9, 9), clock: Issuer.start)
        #expect(deposit.records.map(\.payee) == [.issuer])
        #expect(deposit.amount == 250)
        let unlock = try b.wallet.unlock(400, request: ObjectID(9, 8), clock: Issuer.start)
        #expect(unlock.records[0].isOwn)
        #expect(b.wallet.balance == 600)
        #expect(throws: SpendRefusal.insufficientFunds) {
            try b.wallet.unlock(601, request: ObjectID(9, 7), clock: Issuer.start)
        }
    }

    @Test func anOldCertificateLowersNothing() throws {
        var a = Purse(1, of: issuer)
        let old = a.wallet.certificate
        var newer = old
        newer.ownLimit += 500
        newer.issuedAt += 10
        a.wallet.renew(newer)
        a.wallet.renew(old)
        #expect(a.wallet.certificate == newer)
        #expect(a.wallet.balance == 1_500)
    }
}

@Suite("What a payer's device refuses")
struct PayerTests {
    let issuer = Issuer()

    private func refusal(
        payer change: (inout Certificate) -> Void = { _ in },
        payee changePayee: (inout Certificate) -> Void = { _ in }, amount: UInt32 = 100,
        at now: UInt32 = Issuer.start + 60,
        world changeWorld: (inout WorldView) -> Void = { _ in },
        request changeRequest: (inout OfflineRequest) -> Void = { _ in }
    ) throws -> SpendRefusal? {
        var payer = Purse(1, of: issuer, change: change)
        var payee = Purse(2, of: issuer, change: changePayee)
        var request = payee.ask(amount)
        changeRequest(&request)
        var world = issuer.world(at: now)
        changeWorld(&world)
        let before = payer.wallet
        do {
            _ = try payer.pay(request, amount: amount, at: now, in: world)
            return nil
        } catch let refusal as SpendRefusal {
            #expect(payer.wallet == before)
            return refusal
        }
    }

    @Test func eachForItsReason() throws {
        #expect(try refusal() == nil)
        #expect(try refusal(world: { $0.issuerKeys = [] }) == .issuerUnknown)
        #expect(try refusal(payee: { $0.algorithm = 2 }) == .algorithmUnknown)
        #expect(try refusal(payee: { $0.currency = 840 }) == .currencyDiffers)
        #expect(try refusal(request: { $0.payee.ownLimit += 1 }) == .certificateForged)
        #expect(try refusal(payee: { $0.expiresAt = Issuer.start + 1 }) == .payeeExpired)
        #expect(try refusal(world: { $0.cheats = [WalletID(2)] }) == .payeeRevoked)
        #expect(try refusal(request: { $0.memo = [0x41] }) == .requestForged)
        #expect(try refusal(payee: { $0.nameTag = .none }) == .nameNotAttested)
        #expect(try refusal(payee: { $0.wallet = WalletID(1) }) == .payeeIsPayer)
        #expect(try refusal(amount: 801) == .amountAboveTransferLimit)
        #expect(try refusal(payer: { $0.outLimit = 99 }) == .sentTotalAboveLimit)
        #expect(try refusal(payer: { $0.counterMax = 0 }) == .counterAboveLimit)
        #expect(
            try refusal(payer: { $0.expiresAt = Issuer.start + 3_600 }) == .certificateExpiresSoon)
        #expect(
            try refusal(payer: { $0.flags = .init(tier: 1, isReceiveOnly: true) }) == .receiveOnly)
        #expect(try refusal(payer: { $0.ownLimit = 99 }) == .insufficientFunds)
    }

    @Test func amountsAreThoseAskedFor() throws {
        var (payer, payee) = (Purse(1, of: issuer), Purse(2, of: issuer))
        #expect(throws: SpendRefusal.amountDiffers) { try payer.pay(payee.ask(5), amount: 6) }
        #expect(throws: SpendRefusal.amountMustBePositive) {
            try payer.pay(payee.ask(0), amount: 0)
        }
        #expect(try payer.pay(payee.ask(0), amount: 7).final.first?.amount == 7)
    }

    @Test func fiveSourcesAreTooMany() throws {
        var (payer, payee) = (Purse(1, of: issuer), Purse(2, of: issuer, own: 0))
        for _ in 0..<5 { try payee.accept(payer.pay(payee.ask(10))) }
        #expect(throws: SpendRefusal.tooManySources) { try payee.pay(payer.ask(50)) }
        #expect(try payee.pay(payer.ask(40)).final.count == 4)
    }

    @Test func whatExpiresFirstIsSpentFirst() throws {
        let sources = [(1, 50, 300), (2, 50, 100), (3, 50, 200)].map { id, available, expiry in
            Source(
                id: ObjectID(0, UInt64(id)), available: UInt32(available), drawn: 0, hop: 2,
                valueExpiry: UInt32(expiry))
        }
        let plan = try SpendPlan(60, from: sources, partsMax: 4)
        #expect(plan.parts.map(\.source.id.low) == [2, 3])
        #expect(plan.parts.map(\.amount) == [50, 10])
    }
}
