import Cryptography
import OfflineProtocol
import Testing

/// What happens to devices in these tests: whatever a page may be told or shown.
struct DeviceScenes {
    let issuer = Issuer()
    let transcript = Transcript()

    private func device(
        _ number: UInt64, own: UInt32 = 1_000,
        change: (inout Certificate) -> Void = { _ in }
    ) throws -> PageDevice {
        try PageDevice(number, of: issuer, transcript, own: own, change: change)
    }

    func play() throws {
        try moneyGoesThroughThreeHands()
        try paymentsEnd()
        try payersRefuse()
        try payersCount()
        try payeesRefuse()
        try payeesLookBack()
        try forksAreProven()
        try serversAreNotBelievedBlindly()
    }

    func moneyGoesThroughThreeHands() throws {
        var (a, b, c) = (try device(1), try device(2, own: 0), try device(3, own: 0))
        let first = try a.pay(b.ask(500))
        try b.accept(first)
        try b.accept(first)
        let second = try b.pay(c.ask(0), amount: 300)
        #expect(second.encoded.count == 619)
        try c.accept(second)
        #expect(try a.described.contains(#""balance":500,"#))
        #expect(try b.described.contains(#""balance":200,"#))
        #expect(try c.described.contains(#""balance":300,"#))
        let word = try b.call(.acknowledgement, Words().id(first.records[0].request))
        try a.call(
            .acknowledge, Words().field(word[1] + b.key.sign(word[0])))
        #expect(try a.described.contains(#""state":"acknowledged""#))
        #expect(try c.call(.unsettled).count == 2)
    }

    func paymentsEnd() throws {
        var (a, b) = (try device(1), try device(2))
        let enrolment = try a.call(
            .enrolment, Words().field(a.key.publicKey).id(ObjectID(3, 4)).number(a.clock))
        #expect(enrolment[1].count == Enrolment.bytesCount - SignatureCheck.signatureBytes)
        let payment = try a.pay(b.ask(250))
        try b.accept(payment)
        let request = Words().id(payment.records[0].request)
        try a.call(.giveUp, request)
        let deposit = Words().id(payment.records[0].id).id(ObjectID(9, 9))
        let sent = try b.finish(try b.call(.deposit, deposit)[0])
        _ = try b.finish(try b.call(.unlock, Words().number(400).id(ObjectID(9, 8)))[0])
        let receipts = [sent.records[1].id, payment.records[0].id].map { id in
            let receipt = OfflineReceipt(
                issuerKey: Issuer.number, record: id, status: .settled, covered: 250, logIndex: 1,
                time: Issuer.start)
            return receipt.signed(issuer.key.sign(receipt.message)).encoded
        }
        try b.learn(objects: receipts)
        try a.learn(objects: receipts)
        #expect(try b.described.contains(#""balance":600,"#))
        #expect(try a.described.contains(#""state":"undelivered""#))
        #expect(throws: PageRefusal(name: "payment_unknown")) { try a.call(.reserved, request) }
        #expect(throws: PageRefusal(name: "step_out_of_order")) {
            try a.call(.sign, request)
        }
        #expect(throws: PageRefusal(name: "signature_forged")) {
            let made = try a.call(.ask, Words().number(5).text("").raw([1, 2, 3, 4, 5, 6, 7, 8]))
            try a.call(.seal, Words().raw(made[0]).field(b.key.sign(made[1])))
        }
    }

    private func payerRefuses(
        _ name: String, payer change: (inout Certificate) -> Void = { _ in },
        payee changePayee: (inout Certificate) -> Void = { _ in }, amount: UInt32 = 100,
        paying: UInt32? = nil, request changeRequest: (inout OfflineRequest) -> Void = { _ in }
    ) throws {
        var payer = try device(1, change: change)
        var payee = Purse(2, of: issuer, change: changePayee)
        var request = payee.ask(amount)
        changeRequest(&request)
        let before = payer.state
        #expect(throws: PageRefusal(name: name)) { try payer.pay(request, amount: paying) }
        #expect(payer.state == before)
    }

    func payersRefuse() throws {
        try payerRefuses("issuer_unknown", payee: { $0.issuerKey = 9 })
        try payerRefuses("algorithm_unknown", payee: { $0.algorithm = 2 })
        try payerRefuses("currency_differs", payee: { $0.currency = 840 })
        try payerRefuses("certificate_forged", request: { $0.payee.ownLimit += 1 })
        try payerRefuses("payee_expired", payee: { $0.expiresAt = Issuer.start + 1 })
        try payerRefuses("request_forged", request: { $0.memo = [0x41] })
        try payerRefuses("name_not_attested", payee: { $0.nameTag = .none })
        try payerRefuses("payee_is_payer", payee: { $0.wallet = WalletID(1) })
        try payerRefuses("amount_must_be_positive", amount: 0)
        try payerRefuses("amount_differs", paying: 99)
        try payerRefuses("amount_above_transfer_limit", amount: 801)
        try payerRefuses("sent_total_above_limit", payer: { $0.outLimit = 99 })
        try payerRefuses("counter_above_limit", payer: { $0.counterMax = 0 })
        try payerRefuses(
            "certificate_expires_soon", payer: { $0.expiresAt = Issuer.start + 3_600 })
        try payerRefuses(
            "receive_only", payer: { $0.flags = .init(tier: 1, isReceiveOnly: true) })
        try payerRefuses("insufficient_funds", payer: { $0.ownLimit = 99 })
    }

    func payersCount() throws {
        var (a, b) = (try device(1), try device(2, own: 0))
        let request = try b.ask(10)
        try b.accept(a.pay(request))
        #expect(throws: PageRefusal(name: "request_already_paid")) { try a.pay(request) }
        for _ in 0..<4 { try b.accept(a.pay(b.ask(10))) }
        let large = try a.ask(50)
        #expect(throws: PageRefusal(name: "too_many_sources")) { try b.pay(large) }
        let list = RevocationList(
            issuerKey: Issuer.number, issuedAt: Issuer.start, nextUpdate: Issuer.start + 60,
            wallets: [WalletID(1)])
        try b.learn(revocations: list.signed(issuer.key.sign(list.message)).encoded)
        #expect(throws: PageRefusal(name: "payee_revoked")) { try b.pay(large) }
        let payment = try a.pay(b.ask(10))
        #expect(throws: PageRefusal(name: "payer_revoked")) { try b.accept(payment) }
    }

    private func payeeRefuses(
        _ name: String, payer change: (inout Certificate) -> Void = { _ in },
        by other: Issuer? = nil, max: UInt32 = 10_000, isResigned: Bool = true,
        record cheat: (inout SpendRecord) -> Void = { _ in }
    ) throws {
        var (payer, payee) = (Purse(1, of: issuer), try device(2))
        let honest = try payer.pay(payee.ask(100))
        var record = honest.records[0]
        cheat(&record)
        if isResigned { record = record.signed(payer.key.sign(record.message)) }
        let certificate = (other ?? issuer)
            .certify(1, payer.key, name: payer.name, change: change)
        let payment = try OfflinePayment(certificates: [certificate], records: [record])
        let before = payee.state
        #expect(throws: PageRefusal(name: name)) { try payee.accept(payment, max: max) }
        #expect(payee.state == before)
    }

    func payeesRefuse() throws {
        try payeeRefuses("issuer_unknown", payer: { $0.issuerKey = 9 })
        try payeeRefuses("algorithm_unknown", payer: { $0.algorithm = 2 })
        try payeeRefuses("currency_differs", payer: { $0.currency = 840 })
        try payeeRefuses("certificate_forged", by: Issuer())
        try payeeRefuses("expires_too_soon", payer: { $0.expiresAt = Issuer.start + 659 })
        try payeeRefuses("record_forged", isResigned: false, record: { $0.time += 1 })
        try payeeRefuses("amount_above_transfer_limit", payer: { $0.perTransfer = 99 })
        try payeeRefuses("counter_above_limit", payer: { $0.counterMax = 0 })
        try payeeRefuses("sent_total_above_limit", payer: { $0.outLimit = 99 })
        try payeeRefuses("hop_invalid", record: { $0.hop = 2 })
        try payeeRefuses("source_spent_above_limit", payer: { $0.ownLimit = 99 })
        try payeeRefuses("too_many_hops", payer: { $0.hopsMax = 0 })
        try payeeRefuses("not_for_me", record: { $0.payee = WalletID(3) })
        try payeeRefuses("request_unknown", record: { $0.request = ObjectID(5, 5) })
        try payeeRefuses("sum_differs", record: { $0.amount = 99 })
        try payeeRefuses("above_policy", max: 99)
        try payeeRefuses(
            "dated_after_expiry", record: { $0.time = Issuer.start + 7 * 86_400 + 1 })
    }

    func payeesLookBack() throws {
        var (a, b, c) = (
            Purse(1, of: issuer), Purse(2, of: issuer, own: 0), Purse(3, of: issuer, own: 0)
        )
        var d = try device(4)
        try b.accept(a.pay(b.ask(300)))
        let passed = try b.pay(d.ask(300))
        var stolen = passed.records[1]
        stolen.payer = c.wallet.id
        stolen = stolen.signed(c.key.sign(stolen.message))
        let theft = try OfflinePayment(
            certificates: [passed.certificates[0], c.wallet.certificate],
            records: [passed.records[0], stolen])
        #expect(throws: PageRefusal(name: "source_not_the_payers")) { try d.accept(theft) }
        var more = passed.records[1]
        (more.amount, more.sourceSpent, more.sentTotal) = (301, 301, 301)
        more = more.signed(b.key.sign(more.message))
        let overdrawn = try OfflinePayment(
            certificates: passed.certificates, records: [passed.records[0], more])
        #expect(throws: PageRefusal(name: "source_overdrawn")) { try d.accept(overdrawn) }
        #expect(throws: PageRefusal(name: "chain_invalid")) {
            var bytes = passed.encoded
            bytes[1] = 0
            bytes.removeSubrange(3..<(3 + 2 * Certificate.bytesCount))
            try d.call(.weigh, Words().field(bytes))
        }
        try d.accept(passed)
    }

    func forksAreProven() throws {
        var (a, b, c) = (Purse(1, of: issuer), try device(2), try device(3))
        var clone = a
        try b.accept(a.pay(b.ask(100)))
        let forked = try clone.pay(b.ask(100))
        #expect(throws: PageRefusal(name: "conflicts")) { try b.accept(forked) }
        let proof = try #require(b.call(.unsettled).last)
        #expect(try FraudProof(decoding: proof).conflict == .sameCounter)
        // Whoever is shown the proof refuses the cheat too.
        try c.call(.takeProof, Words().field(proof))
        let other = try clone.pay(c.ask(100))
        #expect(throws: PageRefusal(name: "payer_revoked")) { try c.accept(other) }
        try b.learn(objects: [proof])
        #expect(try b.described.contains(#""cheats":1,"#))
    }

    func serversAreNotBelievedBlindly() throws {
        var a = try device(1)
        let stranger = Issuer()
        let other = Purse(2, of: issuer)
        #expect(throws: PageRefusal(name: "keys_forged")) {
            try a.learn(keys: PageDevice.keys(of: issuer, by: .generate()).encoded)
        }
        let own = issuer.certify(1, a.key, name: "Wallet 1", own: 2_000)
        #expect(throws: PageRefusal(name: "certificate_forged")) {
            let forged = stranger.certify(1, a.key, name: "Wallet 1")
            try a.learn(certificate: forged.encoded)
        }
        #expect(throws: PageRefusal(name: "certificate_of_another")) {
            try a.learn(certificate: other.wallet.certificate.encoded)
        }
        #expect(throws: PageRefusal(name: "revocations_forged")) {
            let list = RevocationList(
                issuerKey: Issuer.number, issuedAt: Issuer.start, nextUpdate: Issuer.start,
                wallets: [WalletID(2)])
            try a.learn(revocations: list.signed(stranger.key.sign(list.message)).encoded)
        }
        #expect(throws: PageRefusal(name: "name_differs")) {
            try device(1, change: { $0.nameTag = .none })
        }
        try a.learn(
            keys: PageDevice.keys(of: issuer).encoded, certificate: own.encoded)
        #expect(try a.described.contains(#""balance":2000,"#))
    }
}
