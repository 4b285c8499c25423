import Cryptography
import OfflineProtocol
import Testing

@Suite("What a payee's device refuses")
struct AcceptanceTests {
    let issuer = Issuer()

    /// A payment of 100 that another device has made as `cheat` wanted it, and what a payee said.
    private func refusal(
        payer change: (inout Certificate) -> Void = { _ in }, at now: UInt32 = Issuer.start + 120,
        max: UInt32 = 10_000, world changeWorld: (inout WorldView) -> Void = { _ in },
        record cheat: (inout SpendRecord) -> Void = { _ in }, isResigned: Bool = true,
        payee changePayee: (inout Purse) -> Void = { _ in }
    ) throws -> PaymentRefusal? {
        var (payer, payee) = (Purse(1, of: issuer), Purse(2, of: issuer))
        let honest = try payer.pay(payee.ask(100))
        var record = honest.records[0]
        cheat(&record)
        if isResigned { record = record.signed(payer.key.sign(record.message)) }
        let certificate = issuer.certify(1, payer.key, name: payer.name, change: change)
        let payment = try OfflinePayment(certificates: [certificate], records: [record])
        var world = issuer.world(at: now)
        changeWorld(&world)
        changePayee(&payee)
        let before = payee.wallet
        do {
            try payee.accept(payment, at: now, max: max, in: world)
            return nil
        } catch let refusal as PaymentRefusal {
            #expect(payee.wallet == before)
            return refusal
        }
    }

    @Test func eachForItsReason() throws {
        #expect(try refusal() == nil)
        #expect(try refusal(world: { $0.issuerKeys = [] }) == .issuerUnknown)
        #expect(try refusal(payer: { $0.algorithm = 2 }) == .algorithmUnknown)
        #expect(try refusal(payer: { $0.currency = 840 }) == .currencyDiffers)
        #expect(try refusal(payer: { $0.expiresAt = Issuer.start + 719 }) == .expiresTooSoon)
        #expect(try refusal(payer: { $0.expiresAt = Issuer.start + 720 }) == nil)
        #expect(
            try refusal(world: { $0.cheats = [WalletID(1)] }) == .payerRevoked(WalletID(1)))
        #expect(try refusal(record: { $0.time += 1 }, isResigned: false) == .recordForged)
        #expect(try refusal(payer: { $0.perTransfer = 99 }) == .amountAboveTransferLimit)
        #expect(try refusal(payer: { $0.counterMax = 0 }) == .counterAboveLimit)
        #expect(try refusal(payer: { $0.outLimit = 99 }) == .sentTotalAboveLimit)
        #expect(try refusal(record: { $0.hop = 2 }) == .hopInvalid)
        #expect(try refusal(payer: { $0.ownLimit = 99 }) == .sourceSpentAboveLimit)
        #expect(try refusal(payer: { $0.hopsMax = 0 }) == .tooManyHops)
        #expect(try refusal(record: { $0.payee = WalletID(3) }) == .notForMe)
        #expect(try refusal(record: { $0.request = ObjectID(5, 5) }) == .requestUnknown)
        #expect(try refusal(record: { $0.amount = 99 }) == .sumDiffers)
        #expect(try refusal(max: 99) == .abovePolicy)
        #expect(
            try refusal(record: { $0.time = Issuer.start + 7 * 86_400 + 1 }) == .datedAfterExpiry)
    }

    @Test func aForgedCertificateIsNoCertificate() throws {
        let other = Issuer()
        var (payer, payee) = (Purse(1, of: other), Purse(2, of: issuer))
        let request = payee.ask(100)
        let payment = try payer.pay(request, in: issuer.world())
        #expect(throws: PaymentRefusal.certificateForged) { try payee.accept(payment) }
    }

    @Test func aRevokedWalletIsRefusedByTheList() throws {
        let list = RevocationList(
            issuerKey: 1, issuedAt: Issuer.start, nextUpdate: Issuer.start + 60,
            wallets: [WalletID(1), WalletID(7)])
        #expect(try RevocationList(decoding: list.encoded) == list)
        #expect(try refusal(world: { $0.revocations = list }) == .payerRevoked(WalletID(1)))
        #expect(!list.contains(WalletID(2)) && list.contains(WalletID(7)))
    }

    @Test func valueThatIsNotThePayersIsRefused() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer, own: 0))
        var (c, d) = (Purse(3, of: issuer, own: 0), Purse(4, of: issuer))
        let first = try a.pay(b.ask(300))
        try b.accept(first)
        let second = try b.pay(c.ask(300))
        // C passes on what was B's, in its own name.
        var stolen = second.records[1]
        stolen.payer = c.wallet.id
        stolen.payee = d.wallet.id
        stolen.request = d.ask(300).id
        stolen = stolen.signed(c.key.sign(stolen.message))
        let payment = try OfflinePayment(
            certificates: [first.certificates[0], c.wallet.certificate],
            records: [first.records[0], stolen])
        #expect(throws: PaymentRefusal.sourceNotThePayers) { try d.accept(payment) }
        // B spends more of it than it received.
        var more = second.records[1]
        (more.amount, more.sourceSpent, more.sentTotal) = (301, 301, 301)
        more = more.signed(b.key.sign(more.message))
        let overdrawn = try OfflinePayment(
            certificates: second.certificates, records: [second.records[0], more])
        #expect(throws: PaymentRefusal.sourceOverdrawn) { try c.accept(overdrawn) }
    }

    /// A device that was copied pays with both copies; who meets both has the proof.
    @Test func aForkIsProvenByWhoSeesBoth() throws {
        var (a, b) = (Purse(1, of: issuer), Purse(2, of: issuer))
        var clone = a
        try b.accept(a.pay(b.ask(100)))
        let forked = try clone.pay(b.ask(100))
        let error = #expect(throws: PaymentRefusal.self) { try b.accept(forked) }
        guard case .conflicts(let proof) = error else {
            Issue.record("no proof: \(String(describing: error))")
            return
        }
        #expect(proof.conflict == .sameCounter)
        #expect(proof.encoded.count == FraudProof.bytesCount)
        #expect(try FraudProof(decoding: proof.encoded) == proof)
        #expect(proof.holds(issuerKey: issuer.key.compressed, OpenSSLVerify.isGood))
        #expect(!proof.holds(issuerKey: Issuer().key.compressed, OpenSSLVerify.isGood))
    }

    @Test func aCopyInBetweenIsRefusedBeforeItsFormMatters() throws {
        var (a, b, c) = (Purse(1, of: issuer), Purse(2, of: issuer, own: 0), Purse(3, of: issuer))
        try b.accept(a.pay(b.ask(100)))
        let payment = try b.pay(c.ask(100))
        let (records, certificates) = (payment.records, payment.certificates)
        for (wrongCertificates, wrongRecords) in [
            (certificates, [records[1]]), (certificates, [records[1], records[0]]),
            ([certificates[1], certificates[0]], records), ([certificates[0]], records),
            (certificates + certificates, records), (certificates, [records[0]] + records),
        ] {
            #expect(throws: DecodingFault.chainInvalid) {
                try OfflinePayment(certificates: wrongCertificates, records: wrongRecords)
            }
        }
    }
}

@Suite("Conflicts between two records")
struct ConflictTests {
    private func record(
        _ counter: UInt32, _ amount: UInt32, source spent: UInt32, sent: UInt32,
        of source: UInt64 = 0, after previous: ObjectID = .none
    ) -> SpendRecord {
        SpendRecord(
            payer: WalletID(1), payee: WalletID(2), counter: counter, amount: amount,
            sourceSpent: spent, sentTotal: sent, time: 0, hop: 1, source: ObjectID(0, source),
            request: ObjectID(1, UInt64(counter)), previous: previous)
    }

    @Test func anHonestPairHasNone() {
        let first = record(1, 10, source: 10, sent: 10)
        #expect(Conflict(first, first) == nil)
        let second = record(2, 5, source: 15, sent: 15, after: first.id)
        #expect(Conflict(first, second) == nil)
        #expect(Conflict(second, first) == nil)
        #expect(Conflict(first, record(7, 5, source: 5, sent: 15, of: 9)) == nil)
    }

    @Test func eachPredicateHasItsPair() {
        let first = record(1, 10, source: 10, sent: 10)
        #expect(Conflict(first, record(1, 9, source: 9, sent: 9)) == .sameCounter)
        let back = record(5, 5, source: 14, sent: 14)
        #expect(Conflict(first, back) == .sentTotalWentBack)
        let again = record(5, 5, source: 14, sent: 15)
        #expect(Conflict(again, first) == .sourceSpentWentBack)
        let unchained = record(2, 5, source: 15, sent: 15)
        #expect(Conflict(first, unchained) == .brokenChain)
    }

    /// Whatever an honest wallet signs, in whatever order it is seen, accuses nobody; and what
    /// overspends a source always holds a proof.
    @Test func randomHistoriesAreJudgedRightly() {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        print("Conflicts, seed \(seed)")
        var generator = Lehmer(state: UInt128(seed) << 1 | 1)
        for _ in 0..<300 {
            var (records, spent): ([SpendRecord], UInt32) = ([], 0)
            for counter in 1...UInt32.random(in: 2...8, using: &generator) {
                let amount = UInt32.random(in: 1...100, using: &generator)
                spent += amount
                records.append(
                    record(
                        counter, amount, source: spent, sent: spent,
                        after: records.last?.id ?? .none))
            }
            #expect(!hasConflict(records))
            // A rollback to any earlier moment, then another payment.
            let past = Int.random(in: 0..<records.count, using: &generator)
            let before = past == 0 ? 0 : records[past - 1].sourceSpent
            let jump = UInt32.random(in: 0...20, using: &generator)
            let amount = UInt32.random(in: 1...100, using: &generator)
            let forged = record(
                UInt32(past) + 1 + jump, amount, source: before + amount, sent: before + amount,
                after: ObjectID(7, UInt64(jump)))
            let sum = (records + [forged]).reduce(0) { $0 + $1.amount }
            let cap = (records + [forged]).map(\.sourceSpent).max() ?? 0
            if sum > cap { #expect(hasConflict(records + [forged])) }
        }
    }

    private func hasConflict(_ records: [SpendRecord]) -> Bool {
        records.indices.contains { index in
            records[..<index].contains { Conflict($0, records[index]) != nil }
        }
    }

    /// Lehmer's generator: a seed replays a run.
    private struct Lehmer: RandomNumberGenerator {
        var state: UInt128

        mutating func next() -> UInt64 {
            state = state &* 0xda94_2042_e4dd_58b5
            return UInt64(truncatingIfNeeded: state >> 64)
        }
    }
}
