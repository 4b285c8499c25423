internal import Identity
internal import OfflineProtocol
internal import Values

/// Records of one currency, whose signatures are good, as one person shows them.
struct Shown: Sendable {
    let records: [SpendRecord]
    let ids: [ObjectID]
    let currency: Currency
    let wallets: [WalletID: DeviceWallet]
    let uploader: ID<User>
    let at: Timestamp

    init(
        _ records: [SpendRecord], _ currency: Currency, _ wallets: [WalletID: DeviceWallet],
        by uploader: ID<User>, at now: Timestamp
    ) {
        var (kept, ids, seen): ([SpendRecord], [ObjectID], Set<ObjectID>) = ([], [], [])
        for record in records where seen.insert(record.id).inserted {
            kept.append(record)
            ids.append(record.id)
        }
        self.records = kept
        self.ids = ids
        self.currency = currency
        self.wallets = wallets
        self.uploader = uploader
        at = now
    }

    func isPayer(of record: SpendRecord) -> Bool { wallets[record.payer]?.owner == uploader }
}

/// What a payee said of several records.
struct Saying: Sendable {
    let payee: WalletID
    let kind: ObjectType
    let records: [ObjectID]
    let bytes: [UInt8]

    init(_ statement: Acknowledgement) {
        (payee, kind) = (statement.payee, .acknowledgement)
        (records, bytes) = (statement.records, statement.encoded)
    }

    init(_ statement: Decline) {
        (payee, kind) = (statement.payee, .decline)
        (records, bytes) = (statement.records, statement.encoded)
    }
}

/// What an upload adds to the set of known records. The set only grows, a record is in it once,
/// and what one upload adds does not depend on what else it repeats.
struct News: Sendable {
    struct Known: Sendable {
        let id: ObjectID
        let record: SpendRecord
    }

    /// Two records of one wallet of which an honest one signs at most one.
    struct Pair: Sendable {
        let first: ObjectID
        let second: ObjectID
        let kind: Conflict
    }

    /// What one new record conflicts with.
    struct Conflicts: Sendable {
        let wallet: DeviceWallet
        let pairs: [Pair]
    }

    /// Places in the upload of what nobody has shown before.
    private(set) var fresh: [Int] = []
    private(set) var shownByPayer: [ObjectID] = []
    private(set) var shownByOthers: [ObjectID] = []
    /// Whoever passes a payment on has received it, whoever shows what they signed.
    private(set) var passedOn: [SpendRecord] = []
    private(set) var conflicts: [Conflicts] = []

    /// - Parameter known: every known record of each payer.
    init(in shown: Shown, known: [WalletID: [Known]]) {
        var known = known
        let ids = Set(known.values.joined().map(\.id))
        for (place, (record, id)) in zip(shown.records, shown.ids).enumerated() {
            guard !ids.contains(id) else {
                if shown.isPayer(of: record) {
                    shownByPayer.append(id)
                } else {
                    shownByOthers.append(id)
                }
                continue
            }
            fresh.append(place)
            if !record.isOwn { passedOn.append(record) }
            let pairs = known[record.payer, default: []].compactMap { Pair($0, (id, record)) }
            known[record.payer, default: []].append(Known(id: id, record: record))
            guard !pairs.isEmpty, let wallet = shown.wallets[record.payer] else { continue }
            conflicts.append(Conflicts(wallet: wallet, pairs: pairs))
        }
    }
}

extension News.Pair {
    fileprivate init?(_ known: News.Known, _ new: (id: ObjectID, record: SpendRecord)) {
        guard let kind = Conflict(known.record, new.record) else { return nil }
        let isFirst = new.record.counter < known.record.counter
        self.init(
            first: isFirst ? new.id : known.id, second: isFirst ? known.id : new.id, kind: kind)
    }
}
