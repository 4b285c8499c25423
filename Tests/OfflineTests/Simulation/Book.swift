import Cryptography
import Identity
import Ledger
import OfflineProtocol
import TestSupport
import Values

@testable import Offline

/// What went against a rule that must hold after every step.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The wallets whose owners mean to cheat. Everybody else must never be accused.
final class Cheats {
    private var wallets: Set<WalletID> = []

    func add(_ wallet: WalletID) { wallets.insert(wallet) }
    func contains(_ wallet: WalletID) -> Bool { wallets.contains(wallet) }
}

/// The server in memory. It takes uploads apart, finds conflicts, settles, lets go and certifies
/// with the slice's own code; what is its own is tables and the order of the steps.
struct Book {
    struct Member {
        let id: ID<User>
        let online: AccountID
        let standing: KycTier
        var since: Timestamp?
        var debt: AccountID?
        var wallets: [WalletID] = []
        /// What is owed, oldest first: to the fund where no record is named.
        var owed: [Owed] = []
    }

    struct Owed {
        let claim: Int64
        let record: ObjectID?
        /// Of the fund's; what a payee is owed stands in the picture.
        var remaining: Int64
    }

    struct Case {
        var overspent: Int64 = 0
        var isUpheld: Bool
        var pairs: [News.Pair] = []
    }

    struct Payout {
        let wallet: WalletID
        let payee: ID<User>
        let amount: Int64
        let at: Timestamp
    }

    struct Key {
        let number: UInt8
        let pair: SigningKey
        let notBefore: Timestamp
    }

    static let currency = Currency("KES")!
    static let fundFilled: Int64 = 1_000_000_000
    let policy = OfflinePolicy(unitWorth: [:])
    let notary: Notary
    let cheats: Cheats
    /// Everything that decides, of the whole world at once.
    var picture: Picture
    var members: [Member] = []
    /// The order in which wallets came.
    var wallets: [WalletID] = []
    var certificates: [WalletID: [Certificate]] = [:]
    var revoked: [WalletID: Timestamp] = [:]
    var chains: [WalletID: [News.Known]] = [:]
    var children: [ObjectID: [ObjectID]] = [:]
    var acknowledged: [ObjectID: Set<WalletID>] = [:]
    var declined: [ObjectID: Set<WalletID>] = [:]
    var cases: [WalletID: Case] = [:]
    var payouts: [Payout] = []
    var instants: [WalletID: [(amount: Int64, at: Timestamp)]] = [:]
    /// Settled records whose buckets are open.
    var open: [ObjectID] = []
    var keys: [Key]
    /// Short for a reason that the guarantee names, or since their source was.
    var explained: Set<ObjectID> = []
    /// Payers whose refunded payment turned up after all.
    var reclaimed: Set<WalletID> = []
    /// Whoever spent what they had declined: their word and the record prove it.
    var gaveBack: Set<WalletID> = []
    var retiredWith: [WalletID: (left: Int64, at: Timestamp)] = [:]
    private(set) var posted: [Int64] = []
    private var mayOwe: [Bool] = []
    private var pending: [(log: Int64, id: ObjectID)] = []
    /// Declined by their payees, and not yet given back.
    private var givenBack: [ObjectID] = []
    private var logIndex: Int64 = 0
    private var claimNumber: Int64 = 0
    let mint: AccountID
    let fund: AccountID
    let owedToFund: AccountID
    let owedToPayees: AccountID

    init(
        seed: UInt64, at now: Timestamp, fund filled: Int64, _ notary: Notary, _ cheats: Cheats
    ) throws {
        self.notary = notary
        self.cheats = cheats
        picture = Picture(currency: Self.currency, version: 0, now: now)
        keys = [Key(number: 1, pair: .seeded(seed), notBefore: now.adding(seconds: -86_400))]
        (mint, fund) = (AccountID(0), AccountID(1))
        (owedToFund, owedToPayees) = (AccountID(2), AccountID(3))
        for account in 0..<4 { openAccount(mayOwe: account == 0) }
        try post(filled, from: mint, to: fund)
        picture.balances[fund] = filled
    }

    var now: Timestamp {
        get { picture.now }
        set { picture.now = newValue }
    }

    // MARK: Accounts

    @discardableResult
    mutating func openAccount(mayOwe owes: Bool = false) -> AccountID {
        posted.append(0)
        mayOwe.append(owes)
        return AccountID(Int64(posted.count - 1))
    }

    /// I1 and I2: what one side gives the other gets, and nothing falls below its floor.
    mutating func post(_ amount: Int64, from debit: AccountID, to credit: AccountID) throws {
        guard amount > 0 else { throw Broken("a movement of \(amount)") }
        let (from, to) = (Int(debit.number), Int(credit.number))
        posted[from] -= amount
        posted[to] += amount
        guard mayOwe[from] || posted[from] >= 0 else {
            throw Broken("account \(from) fell to \(posted[from])")
        }
    }

    /// Money that moves without a record.
    mutating func move(_ amount: Int64, from debit: AccountID, to credit: AccountID) throws {
        try post(amount, from: debit, to: credit)
        picture.move(amount, from: debit, to: credit)
    }

    func balance(_ account: AccountID) -> Int64 { posted[Int(account.number)] }

    // MARK: Uploads

    /// What was not taken, by the place of its object.
    @discardableResult
    mutating func ingest(
        _ objects: [[UInt8]], by uploader: Int
    ) throws -> [(object: Int, id: ObjectID?, rejection: ObjectRejection?)] {
        var upload = Upload(objects)
        let issuers = Dictionary(uniqueKeysWithValues: keys.map { ($0.number, $0.pair.compressed) })
        upload.judge(with: picture.wallets, issuers)
        for (place, check) in upload.checks(with: picture.wallets, issuers)
        where !notary.isGood(check) {
            upload.items[place].rejection = .signatureForged
        }
        var records: [SpendRecord] = []
        for item in upload.items where item.rejection == nil {
            switch item.piece {
            case .record(let record): records.append(record)
            case .acknowledgement(let said):
                for id in said.records { acknowledged[id, default: []].insert(said.payee) }
            case .decline(let said):
                for id in said.records { declined[id, default: []].insert(said.payee) }
                decline(said.records)
            case .certificate, nil: break
            }
        }
        if !records.isEmpty {
            try keep(
                Shown(
                    records, Self.currency, picture.wallets, by: members[uploader].id, at: now))
        }
        try settle()
        return upload.items.map { item in
            let settled = item.id.flatMap { picture.records[$0]?.rejection }
            return (item.object, item.id, item.rejection ?? settled)
        }
    }

    private mutating func keep(_ shown: Shown) throws {
        var known: [WalletID: [News.Known]] = [:]
        for record in shown.records { known[record.payer] = chains[record.payer] }
        let news = News(in: shown, known: known)
        for id in news.shownByPayer { picture.records[id]?.isShownByPayer = true }
        for id in news.shownByOthers { markShown(id) }
        let ids = Set(news.fresh.map { shown.ids[$0] })
        for place in news.fresh {
            insert(shown.records[place], shown.ids[place], shown, together: ids)
        }
        for record in news.passedOn
        where picture.records[record.source]?.record.payee == record.payer {
            markShown(record.source)
        }
        for found in news.conflicts { try open(found) }
        decline(shown.ids)
    }

    private mutating func insert(
        _ record: SpendRecord, _ id: ObjectID, _ shown: Shown, together: Set<ObjectID>
    ) {
        logIndex += 1
        let isReady =
            record.isOwn || together.contains(record.source)
            || picture.records[record.source] != nil
        let isByPayer = shown.isPayer(of: record)
        picture.records[id] = StoredRecord(
            id: id, logIndex: logIndex, record: record, currency: Self.currency,
            bucket: openAccount(), state: isReady ? .pending : .waiting, rejection: nil,
            outcome: nil, paid: 0, drawn: 0, released: 0, returned: 0,
            isShownByPayer: isByPayer, isShownByOthers: !isByPayer, undeliveredAt: nil,
            returnDue: nil, declinedAt: nil, maturesAt: nil, seenAt: now, settledAt: nil,
            closedAt: nil)
        chains[record.payer, default: []].append(News.Known(id: id, record: record))
        if !record.isOwn { children[record.source, default: []].append(id) }
        if isReady { enqueue(id) }
    }

    private mutating func enqueue(_ id: ObjectID) {
        guard let log = picture.records[id]?.logIndex else { return }
        let place = pending.firstIndex { $0.log > log } ?? pending.endIndex
        pending.insert((log, id), at: place)
    }

    private mutating func markShown(_ id: ObjectID) {
        guard var record = picture.records[id], !record.isShownByOthers else { return }
        record.isShownByOthers = true
        if record.outcome == .refunded {
            record.seenAt = now
            record.settledAt = nil
            record.state = .pending
        }
        picture.records[id] = record
        if record.state == .pending, record.outcome == .refunded { enqueue(id) }
    }

    private mutating func decline(_ ids: [ObjectID]) {
        let now = now
        for id in ids {
            guard let record = picture.records[id], record.declinedAt == nil,
                declined[id]?.contains(record.record.payee) == true
            else { continue }
            picture.records[id]?.declinedAt = now
            givenBack.append(id)
        }
    }

    /// I3: no honest wallet is ever accused.
    private mutating func open(_ found: News.Conflicts) throws {
        let wallet = found.wallet
        let before = cases.contains { picture.wallets[$0.key]?.owner == wallet.owner }
        var opened = cases[wallet.id] ?? Case(isUpheld: before)
        opened.pairs += found.pairs.prefix(Int(Offline.conflictsMax) - opened.pairs.count)
        try cutOff(wallet, opened)
    }

    mutating func cutOff(_ wallet: DeviceWallet, _ opened: Case) throws {
        guard cheats.contains(wallet.id) else {
            throw Broken("\(wallet.id) is honest, and accused")
        }
        cases[wallet.id] = opened
        revoked[wallet.id] = revoked[wallet.id] ?? now
        if picture.wallets[wallet.id]?.status != .retired {
            picture.wallets[wallet.id]?.status = .frozen
        }
    }

    // MARK: Settling

    mutating func settle() throws {
        while let next = pending.first {
            pending.removeFirst()
            guard let record = picture.records[next.id], record.state == .pending else { continue }
            try decide(record)
        }
        for id in givenBack where picture.records[id]?.state == .settled {
            try empty(id, .declined)
        }
        givenBack.removeAll { picture.records[$0]?.closedAt != nil }
    }

    private mutating func decide(_ record: StoredRecord) throws {
        picture.claimBy[record.id] = claimBy(record)
        let payer = record.record.payer
        let since = now.adding(seconds: -Offline.instantWindowSeconds)
        picture.instant[payer] = instants[payer, default: []].reduce(Int64(0)) {
            $1.at > since ? $0 + $1.amount : $0
        }
        picture.cover = nil
        var verdict = picture.decide(record)
        if case .needsCover = verdict {
            picture.cover = cover(for: record)
            verdict = picture.decide(record)
        }
        switch verdict {
        case .wait: picture.records[record.id]?.state = .waiting
        case .reject(let reason):
            picture.records[record.id]?.state = .rejected
            picture.records[record.id]?.rejection = reason
            wake(record.id)
        case .settle(let settlement): try apply(settlement)
        case .needsCover: throw Broken("covered, and yet not covered: \(record.id)")
        }
    }

    mutating func wake(_ id: ObjectID) {
        for child in children[id, default: []] where picture.records[child]?.state == .waiting {
            picture.records[child]?.state = .pending
            enqueue(child)
        }
    }

    /// The earliest end of a claim on the path.
    private func claimBy(_ record: StoredRecord) -> Timestamp? {
        var earliest = picture.wallets[record.record.payer]?.claimBy
        var source = record.record.source
        while let each = picture.records[source] {
            if let end = picture.wallets[each.record.payer]?.claimBy {
                earliest = earliest.map { min($0, end) } ?? end
            }
            source = each.record.source
        }
        return earliest
    }

    private mutating func cover(for record: StoredRecord) -> Picture.Cover? {
        guard let payer = picture.wallets[record.record.payer],
            let payee = picture.wallets[record.record.payee]
        else { return nil }
        let (debtor, creditor) = (place(of: payer.owner), place(of: payee.owner))
        let debt = members[debtor].debt ?? openAccount(mayOwe: true)
        members[debtor].debt = debt
        let maturing = open.filter { id in
            guard let each = picture.records[id], each.maturesAt != nil else { return false }
            return picture.wallets[each.record.payer]?.owner == payer.owner
        }
        let since = now.adding(seconds: -OfflinePolicy.payeeCapSeconds)
        let paid = payouts.reduce(Int64(0)) {
            $1.payee == payee.owner && $1.at > since ? $0 + $1.amount : $0
        }
        let hasCheated = cases.contains {
            $0.value.isUpheld && picture.wallets[$0.key]?.owner == payee.owner
        }
        return Picture.Cover(
            record: record.id,
            means: [payer.online] + maturing.reversed().compactMap { picture.records[$0]?.bucket },
            fund: fund, owedToFund: owedToFund, owedToPayees: owedToPayees, debt: debt,
            payeeRoom: OfflinePolicy.payeeRoom(
                cap: policy.payeeCap(in: Self.currency), paid: paid,
                since: members[creditor].since, hasCheated: hasCheated, now))
    }

    func place(of person: ID<User>) -> Int { Int(person.low) }

    mutating func nextClaim() -> Int64 {
        claimNumber += 1
        return claimNumber
    }
}
