import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Whose bucket: a kind, so that different things never meet, and 128 bits that name one of it.
package struct BucketKey: Sendable, Hashable {
    package let kind: UInt16
    package let high: UInt64
    package let low: UInt64

    package init(kind: UInt16, high: UInt64, low: UInt64) {
        self.kind = kind
        self.high = high
        self.low = low
    }

    /// How Redis knows it.
    var name: String {
        "florin:bucket:\(kind):\(String(high, radix: 16)):\(String(low, radix: 16))"
    }
}

/// The buckets that this process remembers, in memory that never grows.
///
/// A key may lie in one of the few slots of its row. When all are taken, the new key gets the slot
/// of whoever is nearest to having a full bucket, who loses least: however many addresses attack,
/// those that have spent most are remembered. Rows are chosen with a secret of the process, so
/// that nobody can aim at the row of another.
final class BucketTable: Sendable {
    /// 32 bytes each; memory is touched when it is first used.
    static let slotsMax = 131_072
    private static let shards = 16
    static let slotsOfRow = 8
    private static let rowsOfShard = slotsMax / shards / slotsOfRow

    struct Slot: BitwiseCopyable {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var fullAt: Int64 = 0
        /// Tokens that Redis has not been told of.
        var untold: UInt32 = 0
        var kind: UInt16 = 0
        var isTelling = false

        func isOf(_ key: BucketKey) -> Bool {
            high == key.high && low == key.low && kind == key.kind
        }
    }

    private let shards: [Shard]
    private let secret = (UInt64.random(in: 0...UInt64.max) | 1, UInt64.random(in: 0...UInt64.max))

    init() {
        shards = (0..<Self.shards).map { _ in Shard(slots: Self.rowsOfShard * Self.slotsOfRow) }
    }

    /// Lets `body` change the slot of this key, which is a new one when nobody remembers the key.
    func change<R: Sendable>(_ key: BucketKey, _ body: (inout Slot) -> R) -> R {
        let place = place(of: key)
        return shards[place % Self.shards].change(key, row: place / Self.shards, body)
    }

    /// Lets `body` change the slot of this key if it is remembered.
    func changeIfKnown(_ key: BucketKey, _ body: (inout Slot) -> Void) {
        let place = place(of: key)
        shards[place % Self.shards].changeIfKnown(key, row: place / Self.shards, body)
    }

    /// The product of two words that the secret has touched, its halves folded: two multiplications
    /// are all that a look-up costs before it reads memory.
    private func place(of key: BucketKey) -> Int {
        let first = (key.high ^ secret.0).multipliedFullWidth(by: key.low ^ secret.1 | 1)
        let mixed = first.high ^ first.low ^ UInt64(key.kind)
        let second = mixed.multipliedFullWidth(by: secret.0 ^ 0x9E37_79B9_7F4A_7C15 | 1)
        return Int((second.high ^ second.low) % UInt64(Self.shards * Self.rowsOfShard))
    }

    /// A part of the table with a lock of its own, so that threads seldom wait for each other.
    private final class Shard: Sendable {
        private let slots: Mutex<Slots>

        init(slots count: Int) {
            slots = Mutex(Slots(count: count))
        }

        func change<R: Sendable>(_ key: BucketKey, row: Int, _ body: (inout Slot) -> R) -> R {
            slots.withLock { slots in
                let index = slots.index(of: key, row: row) ?? slots.claim(for: key, row: row)
                return slots.change(index, body)
            }
        }

        func changeIfKnown(_ key: BucketKey, row: Int, _ body: (inout Slot) -> Void) {
            slots.withLock { slots in
                guard let index = slots.index(of: key, row: row) else { return }
                slots.change(index, body)
            }
        }
    }

    /// Memory from `calloc`, whose pages cost nothing until they are touched; an array would touch
    /// all of them.
    ///
    /// `@unchecked Sendable`: its owner is a `Mutex`, through which alone its memory is reached.
    @safe
    private struct Slots: ~Copyable, @unchecked Sendable {
        private let memory: UnsafeMutablePointer<Slot>

        init(count: Int) {
            guard let raw = unsafe calloc(count, MemoryLayout<Slot>.stride) else {
                preconditionFailure("there is no memory for the table of buckets at start")
            }
            // All zeros is a slot of kind 0, which no key has, with a bucket that is full.
            unsafe memory = raw.bindMemory(to: Slot.self, capacity: count)
        }

        deinit { unsafe free(memory) }

        func index(of key: BucketKey, row: Int) -> Int? {
            let start = row * slotsOfRow
            return (start..<start + slotsOfRow).first { unsafe memory[$0].isOf(key) }
        }

        /// Gives the key the slot in the row whose bucket is, or will be, full first.
        func claim(for key: BucketKey, row: Int) -> Int {
            let start = row * slotsOfRow
            var chosen = start
            for index in start..<start + slotsOfRow
            where unsafe memory[index].fullAt < memory[chosen].fullAt { chosen = index }
            unsafe memory[chosen] = Slot(high: key.high, low: key.low, kind: key.kind)
            return chosen
        }

        func change<R: Sendable>(_ index: Int, _ body: (inout Slot) -> R) -> R {
            unsafe body(&memory[index])
        }
    }
}
