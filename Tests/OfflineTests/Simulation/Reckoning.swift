import Ledger
import OfflineProtocol
import TestSupport
import Values

@testable import Offline

// What it must all come to.

extension Village {
    /// Everybody who still can shows everything; then all time limits pass.
    mutating func end() throws {
        for phone in phones.indices where !phones[phone].isGone && !phones[phone].isHermit {
            let isHider = personas[phones[phone].owner] == .hider
            // Some of those who hid come in time, some never.
            guard !isHider || random.chance(50) else { continue }
            for copy in [phones[phone].disk] + phones[phone].copies {
                phones[phone].disk = copy
                try sync(phone, .whole, isForced: true)
            }
        }
        try checkOrder()
        try book.finish(from: now)
        now = Int64(book.now.seconds)
        try checkWhatWasTaken()
        try checkProofs()
        try checkEnds()
        try checkHonestWallets()
    }

    /// I8: an honest payee of what was shown in time has all of it, or the guarantee was used up.
    private func checkWhatWasTaken() throws {
        for each in taken {
            guard let record = book.picture.records[each.record] else { continue }
            // Nobody has shown what it draws on: its payee's phone is gone.
            if record.state == .waiting { continue }
            guard record.state == .settled else {
                throw Broken("an accepted record ended as \(record.state): \(each.record)")
            }
            guard seen(record) <= each.claimBy, record.outcome != .declined else { continue }
            guard record.outcome != .refunded || book.isUnseen(record) else {
                throw Broken("what a payee took was refunded: \(each.record)")
            }
            if record.outcome == .refunded { continue }
            guard record.paid == record.amount || book.explained.contains(each.record) else {
                throw Broken(
                    """
                    \(record.paid) of \(record.amount) was paid for \(each.record)
                    \(story(of: phones[byWallet[record.record.payer] ?? 0].owner))
                    """)
            }
            // Whoever still holds it has a claim for the rest.
            let claimed = (book.picture.claims[each.record] ?? []).reduce(0) { $0 + $1.remaining }
            guard record.paid + claimed == record.amount || record.drawn > 0 else {
                throw Broken("\(claimed) is claimed for what is missing of \(each.record)")
            }
        }
    }

    /// When the last record of its path was shown.
    private func seen(_ record: StoredRecord) -> Int64 {
        let source = book.picture.records[record.record.source].map { seen($0) } ?? 0
        return max(source, Int64(record.seenAt.seconds))
    }

    /// I4: whoever overspent, there are two records that anybody can check.
    private func checkProofs() throws {
        for (id, chain) in book.chains {
            guard let wallet = book.picture.wallets[id] else { continue }
            var bySource: [ObjectID: Int64] = [:]
            for each in chain where book.picture.records[each.id]?.state == .settled {
                bySource[each.record.source, default: 0] += Int64(each.record.amount)
            }
            let overspent = bySource.contains { source, sum in
                sum
                    > (source == .none
                        ? wallet.ownLimit
                        : book.picture.records[source]?.amount ?? .max)
            }
            guard overspent || book.cases[id] != nil else { continue }
            let isProvenByWord = book.gaveBack.contains(id) && book.cases[id]?.pairs.isEmpty == true
            if isProvenByWord, !overspent { continue }
            guard let proof = book.proof(against: id) else {
                throw Broken("\(id) overspent, and nothing proves it")
            }
            let key = book.issuerKeys.first { $0.number == proof.certificate.issuerKey }
            guard let key, proof.encoded.count == FraudProof.bytesCount,
                let read = try? FraudProof(decoding: proof.encoded), read == proof,
                read.holds(issuerKey: key.publicKey, notary.isGood)
            else { throw Broken("the proof against \(id) does not hold") }
            guard cheats.contains(id) else { throw Broken("\(id) is accused and honest") }
        }
    }

    /// I1, I9: each record has one end, and nothing stays in between.
    private func checkEnds() throws {
        guard book.posted.reduce(0, +) == 0 else { throw Broken("money was made or lost") }
        for record in book.picture.records.values {
            switch record.state {
            case .pending: throw Broken("\(record.id) is still pending")
            case .settled:
                guard record.closedAt != nil, book.balance(record.bucket) == 0 else {
                    throw Broken("\(record.id) was never closed")
                }
            case .rejected:
                guard book.balance(record.bucket) == 0 else {
                    throw Broken("\(record.id) was refused, and has money")
                }
            case .waiting:
                guard book.picture.records[record.record.source] == nil else {
                    throw Broken("\(record.id) waits for what is there")
                }
            }
        }
        let minted = -book.balance(book.mint)
        let held = book.members.reduce(book.balance(book.fund)) { $0 + book.balance($1.online) }
        guard held == minted else { throw Broken("\(held) of \(minted) can be spent in the end") }
        let owed = book.members.compactMap(\.debt).reduce(0) { $0 - book.balance($1) }
        let due = book.balance(book.owedToFund) + book.balance(book.owedToPayees)
        guard owed == due else { throw Broken("\(owed) is owed by debtors, and \(due) to others") }
    }

    /// I11, and what each honest person has: what came in less what went out.
    private func checkHonestWallets() throws {
        for id in book.wallets where !cheats.contains(id) && !book.reclaimed.contains(id) {
            guard let wallet = book.picture.wallets[id] else { continue }
            let (left, end) = book.retiredWith[id] ?? (0, book.now)
            // What was shown after the claim had ended found nothing left here.
            let own = book.chains[id, default: []].filter(\.record.isOwn)
                .compactMap { book.picture.records[$0.id] }
                .filter { $0.state == .settled && ($0.settledAt ?? end) <= end }
            guard own.allSatisfy({ $0.paid == $0.amount }) else { continue }
            let spent = own.reduce(Int64(0)) { $0 + $1.amount }
            guard spent + left == wallet.ownLimit else {
                throw Broken("\(id) locked \(wallet.ownLimit), and it came to \(spent) and \(left)")
            }
        }
        for (person, member) in book.members.enumerated() where personas[person] == .honest {
            guard let expected = position(of: person) else { continue }
            guard book.balance(member.online) == expected else {
                throw Broken(
                    """
                    person \(person) has \(book.balance(member.online)), not \(expected)
                    \(story(of: person))
                    """)
            }
        }
    }

    /// Nil where somebody above was short, or a refunded payment turned up after all.
    private func position(of person: Int) -> Int64? {
        var position = Self.money
        let wallets = Set(book.members[person].wallets)
        guard wallets.isDisjoint(with: book.reclaimed) else { return nil }
        for record in book.picture.records.values where record.state == .settled {
            let (isIn, isOut) = (
                wallets.contains(record.record.payee), wallets.contains(record.record.payer)
            )
            guard isIn || isOut else { continue }
            guard record.paid == record.amount, !wasOwed(record.id) else { return nil }
            let moved = record.paid - record.returned
            if isIn { position += moved }
            if isOut, record.record.payee != .issuer { position -= moved }
        }
        return position
    }

    /// What did not go the usual way, for who looks for the reason.
    private func story(of person: Int) -> String {
        let wallets = Set(book.members[person].wallets)
        let records = book.picture.records.values.filter { record in
            wallets.contains(record.record.payee) || wallets.contains(record.record.payer)
        }
        return records.filter { $0.returned > 0 || $0.paid != $0.amount || $0.undeliveredAt != nil }
            .sorted { $0.logIndex < $1.logIndex }
            .map { record in
                """
                \(record.record.payer.number % 1000) to \(record.record.payee.number % 1000): \
                \(record.amount), \(record.state), \(record.paid) paid, \
                \(record.returned) returned, \(record.released) released, \(record.drawn) drawn
                """
            }.joined(separator: "\n")
    }

    /// Whether any of it was ever a claim, which others may have paid later.
    private func wasOwed(_ id: ObjectID) -> Bool { !(book.picture.claims[id] ?? []).isEmpty }

    // MARK: Order

    /// I5: the same uploads in another order, cut in other places, come to the same: the same
    /// records, and while the guarantee suffices the same money for everybody honest.
    mutating func checkOrder() throws {
        guard plan.people <= 60, random.chance(25) else { return }
        var random = SplitMix64(seed: random.next())
        var uploads: [(by: Int, object: [UInt8])] = []
        for phone in phones {
            let records = phone.disk.received.flatMap(\.path) + phone.disk.outbox.flatMap(\.records)
            uploads += records.map { (phone.owner, $0.encoded) }
        }
        var ends: [Book] = []
        for _ in 0..<2 {
            var copy = book
            for upload in uploads.shuffled(using: &random) {
                try copy.ingest([upload.object], by: upload.by)
            }
            try copy.finish(from: now)
            ends.append(copy)
        }
        let known = ends.map { Set($0.picture.records.keys) }
        guard known[0] == known[1] else { throw Broken("two orders know different records") }
        guard ends.allSatisfy({ $0.explained.isEmpty }) else { return }
        for person in book.members.indices where personas[person] == .honest {
            let each = ends.map { $0.balance($0.members[person].online) }
            guard each[0] == each[1] else {
                throw Broken(
                    "person \(person) has \(each[0]) in one order and \(each[1]) in another")
            }
        }
    }
}

extension Book {
    /// Longer than any certificate, its grace, and a till's month.
    mutating func finish(from now: Int64) throws {
        for days in stride(from: Int64(2), through: 44, by: 3) {
            self.now = Timestamp(seconds: UInt64(now + days * 86_400))
            try passDeadlines()
        }
        // What came back last pays what is owed.
        try passDeadlines()
    }
}
