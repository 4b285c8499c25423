internal import Ledger
internal import OfflineProtocol
internal import Payments
internal import Values

/// What is to be done about one record. A value: nothing has happened yet.
struct Settlement: Sendable {
    let record: StoredRecord
    /// Movements, in their order.
    var legs: [Leg] = []
    /// What was found for it, whoever paid.
    var paid: Int64 = 0
    var outcome: OfflineReceipt.Status = .settled
    /// Credited to a wallet online, and not to the record's bucket.
    var released: Int64 = 0
    var instant: Int64 = 0
    var maturesAt: Timestamp?
    /// What the payer has spent without having it.
    var overspent: Int64 = 0
    /// Whether they had given it back before: their signed word and this record are the proof.
    var wasGivenBack = false
    var fundPaid: Int64 = 0
    /// What nobody paid and the payer now owes to who holds the record.
    var owedToPayee: Int64 = 0
    /// Claims of the source that go with the value.
    var movedClaims: [(claim: Picture.Claim, amount: Int64)] = []
    /// Claims of the source on the payer's own person, who answers for them now.
    var endedClaims: [(claim: Picture.Claim, amount: Int64)] = []

    init(_ record: StoredRecord) { self.record = record }
}

enum Verdict: Sendable {
    case settle(Settlement)
    /// Until what it draws on is settled.
    case wait
    case reject(ObjectRejection)
    /// Its payer has overspent, and the picture does not say who pays for it.
    case needsCover
}

// MARK: Deciding

extension Picture {
    /// Settlement as the protocol lays it down (3.11). Both payees of a fork are honoured while
    /// money lasts, and whoever only passed value on is never liable for it.
    mutating func decide(_ record: StoredRecord) -> Verdict {
        guard let payer = wallets[record.record.payer] else { return .reject(.walletUnknown) }
        if record.outcome == .refunded { return reclaim(record, by: payer) }
        guard !record.record.isOwn else {
            return settle(record, by: payer, drawing: payer.escrow, beyond: record.amount)
        }
        guard var source = records[record.record.source] else { return .wait }
        switch source.state {
        case .pending, .waiting: return .wait
        case .rejected: return .reject(.sourceRejected)
        case .settled: break
        }
        guard source.record.payee == record.record.payer else {
            return .reject(.sourceNotThePayers)
        }
        guard record.record.sourceSpent <= source.record.amount else {
            return .reject(.sourceOverdrawn)
        }
        guard Int(record.record.hop) == Int(source.record.hop) + 1 else {
            return .reject(.hopInvalid)
        }
        // What its payee gave back is drawn by them too.
        let drawn = source.drawn + source.returned + record.amount
        let verdict = settle(
            record, by: payer, drawing: source.bucket,
            beyond: min(record.amount, max(0, drawn - source.amount)))
        guard case .settle(var settlement) = verdict else { return verdict }
        source.drawn += record.amount
        records[source.id] = source
        settlement.wasGivenBack = settlement.overspent > 0 && source.returned > 0
        return .settle(settlement)
    }

    // MARK: Steps

    /// - Parameter beyond: what of the amount the payer answers for if it is not there; the rest of
    ///   a shortfall was caused by somebody above.
    private mutating func settle(
        _ record: StoredRecord, by payer: DeviceWallet, drawing account: AccountID,
        beyond: Int64
    ) -> Verdict {
        let take = min(record.amount, balance(account))
        let short = record.amount - take
        let overspent = min(short, beyond)
        let isPayment = record.record.payee != .issuer
        let ownDebt = isPayment ? min(short - overspent, ownDebt(of: payer, in: record)) : 0
        guard overspent + ownDebt == 0 || !isPayment || cover?.record == record.id
        else { return .needsCover }
        var settlement = Settlement(record)
        credit(take, from: account, payer, &settlement)
        end(ownDebt, owedBy: payer, &settlement)
        if isPayment { pay(overspent, and: ownDebt, by: payer, &settlement) }
        inherit(short - overspent - ownDebt, &settlement)
        countReleased(&settlement)
        finish(&settlement)
        return .settle(settlement)
    }

    /// The payee shows what went back to the payer as undelivered: the payee's word wins, and what
    /// is no longer there the payer answers for.
    private mutating func reclaim(_ record: StoredRecord, by payer: DeviceWallet) -> Verdict {
        guard cover?.record == record.id else { return .needsCover }
        var settlement = Settlement(record)
        settlement.paid = record.paid - record.returned
        let take = min(record.returned, balance(payer.escrow))
        credit(take, from: payer.escrow, payer, &settlement)
        pay(record.returned - take, and: 0, by: payer, &settlement)
        finish(&settlement)
        return .settle(settlement)
    }

    private mutating func finish(_ settlement: inout Settlement) {
        if settlement.paid < settlement.record.amount {
            settlement.outcome = .short
        } else if settlement.fundPaid > 0 {
            settlement.outcome = .guaranteed
        }
        var record = settlement.record
        record.state = .settled
        record.outcome = settlement.outcome
        record.paid = settlement.paid
        record.released += settlement.released
        // What went back to the payer has been paid once more.
        if settlement.record.outcome == .refunded { record.returned = 0 }
        records[record.id] = record
    }

    /// Moves what is there to where the record's value goes.
    private mutating func credit(
        _ amount: Int64, from account: AccountID, _ payer: DeviceWallet,
        _ settlement: inout Settlement
    ) {
        guard amount > 0 else { return }
        guard settlement.record.record.payee == .issuer else {
            return give(amount, from: account, &settlement)
        }
        let now = min(amount, room(of: payer, for: settlement.record))
        if now > 0 {
            post(now, from: account, to: payer.online, .offlineReturn, &settlement)
            instant[payer.id, default: 0] += now
            settlement.instant = now
            settlement.released += now
        }
        if amount > now {
            post(
                amount - now, from: account, to: settlement.record.bucket, .offlineReturn,
                &settlement)
            settlement.maturesAt = payer.claimBy
        }
        settlement.paid += amount
    }

    /// What this wallet may still take back at once. The rest waits until no unseen fork of it can
    /// be claimed any more.
    private func room(of payer: DeviceWallet, for record: StoredRecord) -> Int64 {
        guard payer.status == .live else { return 0 }
        if payer.isReceiveOnly { return .max }
        let most = record.record.isOwn ? payer.instantUnlockMax : payer.instantDepositMax
        return max(0, most - instant[payer.id, default: 0])
    }

    /// Into the bucket, or at once to the payee's wallet if that only receives: nothing of it can
    /// be passed on.
    private mutating func give(
        _ amount: Int64, from account: AccountID, _ settlement: inout Settlement
    ) {
        guard amount > 0 else { return }
        let payee = wallets[settlement.record.record.payee]
        if let payee, payee.isReceiveOnly {
            post(amount, from: account, to: payee.online, .offlinePayment, &settlement)
            settlement.released += amount
        } else {
            post(amount, from: account, to: settlement.record.bucket, .offlinePayment, &settlement)
        }
        settlement.paid += amount
    }

    /// What the payer owes: from their means, then from the fund up to the guarantee.
    ///
    /// - Parameter ownDebt: what another wallet of theirs has overspent before.
    private mutating func pay(
        _ overspent: Int64, and ownDebt: Int64, by payer: DeviceWallet,
        _ settlement: inout Settlement
    ) {
        let amount = overspent + ownDebt
        let record = settlement.record
        guard let cover, amount > 0, let payee = wallets[record.record.payee] else { return }
        let isLate = claimBy[record.id].map { record.seenAt >= $0 } ?? true
        // Nobody insures themselves against themselves. What is missing is a claim on them, which
        // goes to whomever they pay with it.
        let isOwnPurse = payee.owner == payer.owner
        var rest = amount
        // A payer's own upload is an admission, and honoured whenever it comes.
        if !isOwnPurse, !isLate || record.isShownByPayer {
            for account in cover.means where rest > 0 {
                let part = min(rest, max(0, balance(account)))
                give(part, from: account, &settlement)
                rest -= part
            }
        }
        guard !isLate else { return }
        settlement.overspent = overspent
        guard rest > 0 else { return }
        let promised = payer.guarantee - payer.guaranteeUsed
        if !isOwnPurse, let fund = cover.fund {
            let part = min(rest, promised, cover.payeeRoom, max(0, balance(fund)))
            if part > 0 {
                give(part, from: fund, &settlement)
                post(part, from: cover.debt, to: cover.owedToFund, .offlineGuarantee, &settlement)
                settlement.fundPaid = part
                wallets[payer.id]?.guaranteeUsed += part
                rest -= part
            }
        }
        guard rest > 0 else { return }
        post(rest, from: cover.debt, to: cover.owedToPayees, .offlineGuarantee, &settlement)
        settlement.owedToPayee = rest
    }

    /// What the payer's own person still owes to this record's source: they paid themselves from
    /// one wallet to another with what was not there.
    private func ownDebt(of payer: DeviceWallet, in record: StoredRecord) -> Int64 {
        claims[record.record.source, default: []].reduce(0) { sum, claim in
            claim.isOn(payer.owner) ? sum + claim.remaining : sum
        }
    }

    private mutating func end(
        _ amount: Int64, owedBy payer: DeviceWallet, _ settlement: inout Settlement
    ) {
        guard let cover, amount > 0 else { return }
        post(amount, from: cover.owedToPayees, to: cover.debt, .offlineGuarantee, &settlement)
        settlement.endedClaims = take(amount, of: settlement.record) { $0.isOn(payer.owner) }
    }

    /// A shortfall from above goes to who now holds the value, as a claim on who caused it.
    private mutating func inherit(_ amount: Int64, _ settlement: inout Settlement) {
        settlement.movedClaims = take(amount, of: settlement.record) { _ in true }
    }

    /// Takes claims away from a record's source, oldest first.
    private mutating func take(
        _ amount: Int64, of record: StoredRecord, where isMeant: (Claim) -> Bool
    ) -> [(claim: Claim, amount: Int64)] {
        var (rest, taken) = (amount, [(claim: Claim, amount: Int64)]())
        let source = record.record.source
        for index in (claims[source] ?? []).indices where rest > 0 {
            guard let claim = claims[source]?[index], claim.remaining > 0, isMeant(claim)
            else { continue }
            let part = min(rest, claim.remaining)
            taken.append((claim, part))
            claims[source]?[index].remaining -= part
            rest -= part
        }
        return taken
    }

    /// A deposit of what has been credited already is settled: it asked for what was done.
    private mutating func countReleased(_ settlement: inout Settlement) {
        let record = settlement.record
        guard record.record.payee == .issuer, let source = records[record.record.source] else {
            return
        }
        settlement.paid += min(record.amount - settlement.paid, source.released)
    }

    private mutating func post(
        _ amount: Int64, from debit: AccountID, to credit: AccountID, _ code: TransferCode,
        _ settlement: inout Settlement
    ) {
        move(amount, from: debit, to: credit)
        // Nobody can refuse what a device has accepted, so no ceiling is asked.
        settlement.legs.append(
            Leg(
                debit: debit, credit: credit, amount: Money(amount, currency), code: code,
                isReturn: true))
    }
}
