import OfflineProtocol
import TestSupport
import Values

@testable import Offline

/// How an upload comes to the server.
enum Manner: CaseIterable {
    case whole, part, shuffled, twice, damaged, answerLost, asPayments, byStranger
}

// Phones that meet the server.

extension Village {
    mutating func sync(_ phone: Int, _ manner: Manner, isForced: Bool = false) throws {
        guard !phones[phone].isGone, isForced || !phones[phone].isHermit else { return }
        if personas[phones[phone].owner] == .hider, !isForced { return }
        try finishReserved(phone)
        let records = phones[phone].unsent
        var sent = records
        if manner == .part { sent = sent.filter { _ in random.chance(60) } }
        if manner == .shuffled { sent.shuffle(using: &random) }
        if manner == .twice { sent += sent.shuffled(using: &random) }
        var objects = sent.map { $0.encoded } + phones[phone].statements
        if manner == .asPayments { objects += provenances(of: phone) }
        let whole = objects.count
        if manner == .damaged {
            objects += objects.prefix(3).map { Channel.flip($0, &random) }
            objects += objects.prefix(2).map { Array($0.dropLast()) }
        }
        let uploader =
            manner == .byStranger
            ? Int.random(in: 0..<plan.people, using: &random) : phones[phone].owner
        try upload(objects, whole: whole, by: uploader, from: phone)
        count("synced")
        guard manner != .answerLost, manner != .byStranger else { return }
        phones[phone].sent.formUnion(sent.map { $0.id })
        phones[phone].statements = []
        try reportUndelivered(phone)
        try answer(phone)
        if isHonest(phone), phones[phone].unsent.isEmpty { try predict(phone) }
    }

    /// A phone that died in between signs what it had reserved before it does anything else.
    private mutating func finishReserved(_ phone: Int) throws {
        let notary = notary
        for outgoing in phones[phone].disk.outbox where outgoing.state == .reserved {
            _ = try withBodies(of: phone) { phone, signing in
                try phone.finish(outgoing.request, .afterWriting, notary, signing)
            }
        }
    }

    /// What it received, each with all it draws on and the certificates of all signers.
    private func provenances(of phone: Int) -> [[UInt8]] {
        phones[phone].disk.received.suffix(5).compactMap { each in
            try? OfflinePayment(certificates: each.signers, records: each.path).encoded
        }
    }

    /// - Parameter whole: objects of an honest phone before the damaged ones: none is refused.
    private mutating func upload(
        _ objects: [[UInt8]], whole: Int, by uploader: Int, from phone: Int
    ) throws {
        var start = 0
        while start < objects.count {
            let end = min(objects.count, start + Int.random(in: 1...40, using: &random))
            let results = try book.ingest(Array(objects[start..<end]), by: uploader)
            for place in max(start, whole)..<max(end, whole) {
                // Some pieces of a payment may be whole, but never all.
                let pieces = results.filter { $0.object + start == place }
                guard pieces.allSatisfy({ $0.rejection == nil }) else { continue }
                guard objects[..<whole].contains(objects[place]) else {
                    throw Broken("the server took a damaged object")
                }
            }
            for result in results where result.object + start < whole && isHonest(phone) {
                guard let reason = result.rejection,
                    let record = try? SpendRecord(decoding: objects[result.object + start])
                else { continue }
                guard isOthersFault(record) else {
                    throw Broken("an honest phone's object was refused: \(reason)")
                }
            }
            start = end
        }
    }

    /// Whether a record that was refused was signed by a cheat, or draws on one's.
    func isOthersFault(_ record: SpendRecord) -> Bool {
        if cheats.contains(record.payer) { return true }
        guard !record.isOwn else { return false }
        return book.picture.records[record.source].map { isOthersFault($0.record) } ?? true
    }

    private mutating func reportUndelivered(_ phone: Int) throws {
        for outgoing in phones[phone].disk.outbox where outgoing.state == .undelivered {
            for record in outgoing.records {
                book.markUndelivered(record.id, by: phones[phone].owner)
            }
        }
    }

    /// Top-up, certificate, keys, revocations, proofs.
    private mutating func answer(_ phone: Int) throws {
        let id = phones[phone].id
        try book.topUp(id, to: 12_000)
        if let certificate = book.certify(id) {
            phones[phone].disk.renew(certificate)
        }
        phones[phone].issuerKeys = book.issuerKeys
        phones[phone].revocations = book.revocations()
        if random.chance(30) {
            for cheat in book.cases.keys.sorted() where book.cases[cheat]?.isUpheld == true {
                guard phones[phone].proofs.count < 20, let proof = book.proof(against: cheat),
                    !phones[phone].proofs.contains(where: { $0.certificate.wallet == cheat })
                else { continue }
                phones[phone].proofs.append(proof)
            }
        }
    }

    /// I12: what the phone says there is, the server says too.
    private func predict(_ phone: Int) throws {
        let (id, disk) = (phones[phone].id, phones[phone].disk)
        guard let wallet = book.picture.wallets[id], wallet.status == .live,
            !book.reclaimed.contains(id)
        else { return }
        let locked = book.balance(wallet.escrow)
        guard locked == Int64(disk.ownAvailable) else {
            throw Broken("phone \(phone) counts \(disk.ownAvailable) locked, the server \(locked)")
        }
        for each in disk.received {
            guard let record = book.picture.records[each.record.id], record.state == .settled,
                record.closedAt == nil, record.paid == record.amount,
                !wallet.isReceiveOnly, !isDrawnByOthers(record)
            else { continue }
            let left = Int64(each.record.amount - each.drawn)
            guard book.balance(record.bucket) == left else {
                throw Broken(
                    """
                    phone \(phone) counts \(left) of \(record.id), the server \
                    \(book.balance(record.bucket))
                    """)
            }
        }
    }

    /// A stranger's upload may be ahead of the phone only with what the phone itself signed.
    private func isDrawnByOthers(_ record: StoredRecord) -> Bool {
        book.children[record.id, default: []].contains { child in
            book.picture.records[child]?.record.payer != record.record.payee
        }
    }

    // MARK: Carrying for others

    /// I6: the same objects once more, by the same hands, change nothing.
    mutating func replay(_ phone: Int) throws {
        let known =
            phones[phone].disk.received.flatMap(\.path).suffix(20)
            + phones[phone].disk.outbox.flatMap(\.records).suffix(20)
        let objects = known.filter { $0.signature.contains { $0 != 0 } }.map { $0.encoded }
        guard !objects.isEmpty, !phones[phone].isHermit else { return }
        let owner = phones[phone].owner
        try book.ingest(objects, by: owner)
        let before = book.posted
        let count = book.picture.records.count
        try book.ingest(objects.shuffled(using: &random), by: owner)
        guard book.posted == before, book.picture.records.count == count else {
            throw Broken("a repeated upload changed something")
        }
        self.count("replayed")
    }
}

extension OfflineWallet.Received {
    /// Each signer's certificate once, in the order in which they first pay.
    var signers: [Certificate] {
        var signers: [Certificate] = []
        for each in certificates where !signers.contains(where: { $0.wallet == each.wallet }) {
            signers.append(each)
        }
        return signers
    }
}
