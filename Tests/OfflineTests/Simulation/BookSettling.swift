import Cryptography
import Identity
import Ledger
import OfflineProtocol
import Values

@testable import Offline

// What the slice writes about a settlement, and what it lets go when its time is over.

extension Book {
    mutating func apply(_ settlement: Settlement) throws {
        let (record, id, now) = (settlement.record, settlement.record.id, now)
        for leg in settlement.legs {
            try post(leg.amount.minorUnits, from: leg.debit, to: leg.credit)
        }
        try checkAgreement(settlement)
        if record.outcome == .refunded {
            reclaimed.insert(record.record.payer)
        } else if let source = picture.records[record.record.source], source.closedAt == nil,
            source.isClosed(with: balance(source.bucket))
        {
            picture.records[source.id]?.closedAt = now
        }
        picture.records[id]?.settledAt = now
        picture.records[id]?.maturesAt = settlement.maturesAt
        let isClosed = picture.records[id]?.isClosed(with: balance(record.bucket)) ?? false
        picture.records[id]?.closedAt = isClosed ? now : nil
        if !isClosed { open.append(id) }
        if settlement.instant > 0 {
            instants[record.record.payer, default: []].append((settlement.instant, now))
        }
        try noteOverspend(settlement)
        noteDebts(settlement)
        wake(id)
    }

    /// The picture that decided and the accounts that were moved say the same.
    private func checkAgreement(_ settlement: Settlement) throws {
        for leg in settlement.legs {
            for account in [leg.debit, leg.credit]
            where picture.balance(account) != balance(account) {
                throw Broken(
                    """
                    account \(account.number) holds \(balance(account)), and the picture says \
                    \(picture.balance(account))
                    """)
            }
        }
        let record = settlement.record
        guard (0...record.amount).contains(settlement.paid) else {
            throw Broken("\(settlement.paid) was paid for \(record.amount)")
        }
    }

    /// I4 while it happens, I7, and why anybody is left short.
    private mutating func noteOverspend(_ settlement: Settlement) throws {
        let (record, id) = (settlement.record, settlement.record.id)
        guard let payer = picture.wallets[record.record.payer] else { return }
        guard payer.guaranteeUsed <= payer.guarantee else {
            throw Broken("the fund paid \(payer.guaranteeUsed) of \(payer.guarantee) guaranteed")
        }
        if settlement.fundPaid > 0, let end = picture.claimBy[id], record.seenAt > end {
            throw Broken("the fund paid for \(id), which came too late")
        }
        if settlement.wasGivenBack, cases[payer.id] == nil {
            try cutOff(payer, Case(isUpheld: true))
            gaveBack.insert(payer.id)
        }
        if settlement.overspent > 0, record.outcome != .refunded {
            guard cases[payer.id] != nil else {
                throw Broken("\(payer.id) overspent \(settlement.overspent) without a proof")
            }
            cases[payer.id]?.overspent += settlement.overspent
            cases[payer.id]?.isUpheld = true
        }
        if settlement.owedToPayee > 0 {
            let room = (picture.cover?.payeeRoom ?? 0) - settlement.fundPaid
            // Nobody is insured against themselves.
            let isOwn = picture.wallets[record.record.payee]?.owner == payer.owner
            guard isOwn || payer.guaranteeUsed == payer.guarantee || room <= 0 || balance(fund) == 0
            else {
                throw Broken("\(id) is short though the guarantee is not used up")
            }
            explained.insert(id)
        }
        if explained.contains(record.record.source), settlement.paid < record.amount {
            explained.insert(id)
        }
    }

    private mutating func noteDebts(_ settlement: Settlement) {
        let (record, id) = (settlement.record, settlement.record.id)
        guard let payer = picture.wallets[record.record.payer] else { return }
        let debtor = place(of: payer.owner)
        if settlement.fundPaid > 0, let payee = picture.wallets[record.record.payee] {
            payouts.append(
                Payout(
                    wallet: payer.id, payee: payee.owner, amount: settlement.fundPaid, at: now))
            members[debtor].owed.append(
                Owed(claim: nextClaim(), record: nil, remaining: settlement.fundPaid))
        }
        if settlement.owedToPayee > 0 { owe(settlement.owedToPayee, by: debtor, to: id) }
        for (claim, amount) in settlement.movedClaims {
            owe(amount, by: Int(claim.debtor.low), to: id)
        }
    }

    private mutating func owe(_ amount: Int64, by debtor: Int, to record: ObjectID) {
        let claim = Picture.Claim(
            id: nextClaim(), debtor: ID(high: members[debtor].id.high, low: members[debtor].id.low),
            remaining: amount)
        picture.claims[record, default: []].append(claim)
        members[debtor].owed.append(Owed(claim: claim.id, record: record, remaining: 0))
    }

    // MARK: Letting go

    mutating func passDeadlines() throws {
        try settle()
        for kind in [Emptying.refunded, .matured, .released] {
            for id in open {
                guard let record = picture.records[id] else { continue }
                let due = Emptying(
                    record, isUnseen: isUnseen(record),
                    payeeClaimBy: picture.wallets[record.record.payee]?.claimBy, at: now)
                if due == kind { try empty(id, kind) }
            }
        }
        open.removeAll { picture.records[$0]?.closedAt != nil }
        try retire()
        try collect()
    }

    func isUnseen(_ record: StoredRecord) -> Bool {
        let payee = record.record.payee
        return !record.isShownByOthers && acknowledged[record.id]?.contains(payee) != true
            && !children[record.id, default: []].contains {
                picture.records[$0]?.record.payer == payee
            }
    }

    mutating func empty(_ id: ObjectID, _ kind: Emptying) throws {
        guard var record = picture.records[id], record.state == .settled, record.closedAt == nil
        else { return }
        let holder = kind == .released ? record.record.payee : record.record.payer
        guard let target = picture.wallets[holder]?.online else { return }
        let amount = balance(record.bucket)
        if amount > 0 { try move(amount, from: record.bucket, to: target) }
        record.closedAt = now
        if kind == .refunded || kind == .declined {
            if amount == record.paid { record.outcome = kind == .declined ? .declined : .refunded }
            record.returned += amount
        } else {
            record.released += amount
        }
        picture.records[id] = record
    }

    private mutating func retire() throws {
        for id in wallets {
            guard let wallet = picture.wallets[id], wallet.claimBy <= now,
                wallet.status != .retired
            else { continue }
            let left = balance(wallet.escrow)
            if left > 0 { try move(left, from: wallet.escrow, to: wallet.online) }
            picture.wallets[id]?.status = .retired
            retiredWith[id] = (left, now)
        }
    }

    /// The fund first, then payees in the order in which they were left short.
    private mutating func collect() throws {
        for debtor in members.indices where !members[debtor].owed.isEmpty {
            let owed = members[debtor].owed
            let places = owed.indices.sorted {
                (owed[$0].record == nil ? 0 : 1, owed[$0].claim)
                    < (owed[$1].record == nil ? 0 : 1, owed[$1].claim)
            }
            let parts = Repayment.parts(
                of: balance(members[debtor].online), among: places.map { remaining(owed[$0]) })
            for (place, part) in zip(places, parts) where part > 0 {
                try pay(part, of: owed[place], at: place, by: debtor)
            }
        }
    }

    func remaining(_ owed: Owed) -> Int64 {
        guard let record = owed.record else { return owed.remaining }
        return picture.claims[record]?.first { $0.id == owed.claim }?.remaining ?? 0
    }

    private mutating func pay(
        _ part: Int64, of owed: Owed, at place: Int, by debtor: Int
    ) throws {
        guard let debt = members[debtor].debt else { throw Broken("a claim without a debt") }
        guard let id = owed.record, let record = picture.records[id] else {
            members[debtor].owed[place].remaining -= part
            try move(part, from: members[debtor].online, to: fund)
            return try move(part, from: owedToFund, to: debt)
        }
        guard let target = Offline.holder(of: record, picture.wallets) else { return }
        if target != members[debtor].online {
            try move(part, from: members[debtor].online, to: target)
        }
        try move(part, from: owedToPayees, to: debt)
        let isDirect = record.closedAt != nil || record.record.payee == .issuer
        picture.records[id]?.paid += part
        if isDirect { picture.records[id]?.released += part }
        if record.outcome == .short, record.paid + part == record.amount {
            picture.records[id]?.outcome = .settled
        }
        for index in (picture.claims[id] ?? []).indices
        where picture.claims[id]?[index].id == owed.claim {
            picture.claims[id]?[index].remaining -= part
        }
    }
}

// MARK: Wallets

extension Book {
    mutating func addMember(_ standing: KycTier, money: Int64) throws -> Int {
        let online = openAccount()
        members.append(
            Member(
                id: ID(high: 1, low: UInt64(members.count)), online: online, standing: standing))
        try move(money, from: mint, to: online)
        return members.count - 1
    }

    /// Nil when the person may have no other wallet now.
    mutating func enrol(
        _ key: [UInt8], of member: Int, isReceiveOnly: Bool, salt: ObjectID, wid: WalletID
    ) -> Certificate? {
        let owner = members[member].id
        let inUse = members[member].wallets.count { id in
            guard let wallet = picture.wallets[id] else { return false }
            return wallet.status == .live && wallet.claimBy > now
        }
        let owes = members[member].owed.contains { remaining($0) > 0 }
        guard !owes, inUse < OfflinePolicy.walletsMax else { return nil }
        picture.wallets[wid] = DeviceWallet(
            id: wid, owner: owner, currency: Self.currency, publicKey: key, nameSalt: salt.bytes,
            isReceiveOnly: isReceiveOnly, escrow: openAccount(), online: members[member].online,
            status: .live, ownLimit: 0, outLimit: 0, perTransfer: 0, guarantee: 0, counterMax: 0,
            hopsMax: 0, guaranteeUsed: 0, instantDepositMax: 0, instantUnlockMax: 0, claimBy: now)
        wallets.append(wid)
        members[member].wallets.append(wid)
        members[member].since = members[member].since ?? now
        return certify(wid)
    }

    func terms(of wallet: DeviceWallet) -> OfflinePolicy.Terms {
        let member = members[place(of: wallet.owner)]
        let since = now.adding(seconds: -OfflinePolicy.cleanDaysMin * 86_400)
        let isClean =
            member.since.map { $0 <= since } ?? false
            && !cases.contains { picture.wallets[$0.key]?.owner == wallet.owner }
        return policy.terms(
            of: policy.tier(
                of: member.standing, isClean: isClean, isReceiveOnly: wallet.isReceiveOnly),
            in: Self.currency)
    }

    /// Nil for a wallet that has ended.
    mutating func certify(_ id: WalletID) -> Certificate? {
        guard var wallet = picture.wallets[id], wallet.status == .live, let key = keys.last
        else { return nil }
        let terms = terms(of: wallet)
        let others = members[place(of: wallet.owner)].wallets.filter { $0 != id }
        let promised = others.compactMap { picture.wallets[$0] }.filter { $0.claimBy > now }
            .reduce(Int64(0)) { $0 + $1.guarantee }
        let body = Certificate(
            of: wallet, terms, seen(id), promisedByOthers: promised, key.number,
            name: "Wallet \(wallet.owner.low)", now)
        let certificate = body.signed(key.pair.sign(body.message))
        wallet.outLimit = Int64(certificate.outLimit)
        wallet.perTransfer = Int64(certificate.perTransfer)
        wallet.guarantee = Int64(certificate.guarantee)
        wallet.counterMax = Int64(certificate.counterMax)
        wallet.hopsMax = Int16(certificate.hopsMax)
        wallet.instantDepositMax = terms.instantDepositMax
        wallet.instantUnlockMax = terms.instantUnlockMax
        wallet.claimBy = max(wallet.claimBy, Timestamp(seconds: certificate.claimBy))
        picture.wallets[id] = wallet
        certificates[id, default: []].append(certificate)
        return certificate
    }

    /// What the records say up to the first counter that nobody has shown.
    private func seen(_ id: WalletID) -> SeenChain {
        let counters = Set(chains[id, default: []].map(\.record.counter))
        var last: UInt32 = 0
        while counters.contains(last + 1) { last += 1 }
        let records = chains[id, default: []].map(\.record).filter { $0.counter <= last }
        return SeenChain(
            counter: Int64(last), sentTotal: records.map { Int64($0.sentTotal) }.max() ?? 0,
            ownSpent: records.filter(\.isOwn).map { Int64($0.sourceSpent) }.max() ?? 0)
    }

    /// Locks as much as is missing, wanted, there and allowed.
    mutating func topUp(_ id: WalletID, to level: Int64) throws {
        guard let wallet = picture.wallets[id], wallet.status == .live, !wallet.isReceiveOnly
        else { return }
        let locked = balance(wallet.escrow)
        let room = min(terms(of: wallet).ownMax - locked, Offline.totalMax - wallet.ownLimit)
        let amount = min(level - locked, room, balance(wallet.online))
        guard amount > 0 else { return }
        try move(amount, from: wallet.online, to: wallet.escrow)
        picture.wallets[id]?.ownLimit += amount
    }

    mutating func markUndelivered(_ id: ObjectID, by member: Int) {
        guard let record = picture.records[id], record.undeliveredAt == nil,
            record.record.payee != .issuer, record.state != .rejected, record.closedAt == nil,
            isUnseen(record), let payer = picture.wallets[record.record.payer],
            payer.owner == members[member].id
        else { return }
        let now = now
        picture.records[id]?.undeliveredAt = now
        picture.records[id]?.returnDue = max(payer.claimBy, now)
    }

    mutating func reportLost(_ id: WalletID) {
        guard picture.wallets[id]?.status == .live else { return }
        picture.wallets[id]?.status = .lost
        revoked[id] = revoked[id] ?? now
    }

    func revocations() -> RevocationList? {
        let cut = revoked.keys.filter { (picture.wallets[$0]?.claimBy ?? now) > now }
        guard let key = keys.last else { return nil }
        let list = RevocationList(
            issuerKey: key.number, issuedAt: now.seconds,
            nextUpdate: now.adding(seconds: Offline.revocationsGoodSeconds).seconds,
            wallets: cut.sorted())
        return list.signed(key.pair.sign(list.message))
    }

    /// The proof that is published.
    func proof(against id: WalletID) -> FraudProof? {
        guard let pair = cases[id]?.pairs.first, let certificate = certificates[id]?.first,
            let first = picture.records[pair.first], let second = picture.records[pair.second]
        else { return nil }
        return FraudProof(certificate: certificate, first.record, second.record)
    }

    var issuerKeys: [IssuerKey] {
        keys.enumerated().map { index, key in
            IssuerKey(
                number: key.number, publicKey: key.pair.compressed,
                notBefore: key.notBefore.seconds,
                notAfter: index + 1 < keys.count ? keys[index + 1].notBefore.seconds : .max)
        }
    }
}
