package import Cryptography

/// The tree of RFC 6962 over the links of one day, kept as the roots of its blocks: a day may have
/// millions of links, and a proof should read a thousand.
///
/// A block is a full subtree, but for the last, so the tree over the blocks' roots has the day's
/// root.
package struct DayTree: Sendable {
    /// Links in a block: a power of two.
    package static let blockLinks = 1024

    package struct Block: Sendable, Equatable {
        /// The last transfer of the block's last link.
        package let last: TransferID
        package let root: Digest

        static let bytesCount = 8 + Digest.bytesCount
    }

    private var full: [Block] = []
    private var open = MerkleRoot()
    private var last = TransferID(0)
    package private(set) var count: Int64 = 0

    package init() {}

    package mutating func append(_ link: (last: TransferID, hash: Digest), _ digester: Digester) {
        open.append(digester.dayLeaf(link.hash), digester)
        last = link.last
        count += 1
        guard open.count == Self.blockLinks, let root = open.root(digester) else { return }
        full.append(Block(last: last, root: root))
        open.removeAll()
    }

    package func blocks(_ digester: Digester) -> [Block] {
        guard let root = open.root(digester) else { return full }
        return full + [Block(last: last, root: root)]
    }
}

extension Array<DayTree.Block> {
    /// How they are stored, one after the other: the last transfer as eight bytes, big-endian, and
    /// the root.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for block in self {
            bytes.append(bigEndian: block.last.number)
            bytes.append(block.root)
        }
        return bytes
    }

    init?(bytes: [UInt8]) {
        let size = DayTree.Block.bytesCount
        guard bytes.count % size == 0 else { return nil }
        self = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let last = bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
            guard let root = Digest(bytes: [UInt8](bytes[start + 8..<start + size])) else {
                return nil
            }
            append(DayTree.Block(last: TransferID(Int64(bitPattern: last)), root: root))
        }
    }
}
