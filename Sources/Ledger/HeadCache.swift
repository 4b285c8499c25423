/// A bounded map that forgets what was not used for long: when the young half is full it becomes
/// the old half, and the former old half is gone. Its memory stays, so that a process under load
/// soon has all that it will ever take.
struct Generations<Key: Hashable, Value> {
    private let half: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    init(capacity: Int) {
        precondition(capacity >= 2)
        half = capacity / 2
    }

    mutating func value(for key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        insert(value, for: key)
        return value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if young.count >= half {
            swap(&young, &old)
            young.removeAll(keepingCapacity: true)
        }
        young[key] = value
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}

/// The writer's picture of the ledger: only a guess, which the fence confirms or refutes at each
/// write.
struct HeadCache {
    var fence: LedgerStore.Fence?
    private var heads: Generations<Int64, Head>
    /// Keys that were seen lately: a batch that repeats one asks the journal before it writes.
    private var recentKeys: Generations<CommandKey, Bool>

    /// Each half just fills a table of Swift's dictionaries: three quarters of a power of two. A
    /// head takes about 200 bytes.
    static let accountsMax = 196_608
    /// A repeated key that is no longer here costs its batch a second try, and is known again.
    static let keysMax = 196_608

    init() {
        heads = Generations(capacity: Self.accountsMax)
        recentKeys = Generations(capacity: Self.keysMax)
    }

    mutating func head(_ id: Int64) -> Head? { heads.value(for: id) }

    mutating func keep(_ head: Head) { heads.insert(head, for: head.id) }

    /// Takes over what another process wrote, for the accounts that are known here.
    mutating func follow(_ line: Transfer) {
        for id in [line.debit.number, line.credit.number] {
            // A head that was read later than the fence knows some of these lines already.
            guard let head = heads.value(for: id), head.lastTransfer < line.id.number else {
                continue
            }
            keep(head.following(line))
        }
    }

    mutating func remember(_ key: CommandKey) { recentKeys.insert(true, for: key) }

    mutating func hasSeen(_ key: CommandKey) -> Bool { recentKeys.value(for: key) != nil }

    /// Another process wrote, or nobody knows what was written: everything but the keys is in
    /// doubt.
    mutating func forgetHeads() {
        fence = nil
        heads.removeAll()
    }
}
