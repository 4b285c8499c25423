/// The Merkle tree of RFC 6962 section 2.1 over SHA-256: one digest for a list, and for each of its
/// entries a short proof that it is in the list, at its place.
///
/// Leaves and nodes are hashed with different first bytes, so that neither can pose as the other.
package struct MerkleTree {
    /// The first byte of what is hashed into a leaf.
    package static let leafPrefix: UInt8 = 0x00
    /// The first byte of what is hashed into a node.
    package static let nodePrefix: UInt8 = 0x01

    private let leaves: [Digest]
    private let digester: Digester

    /// Leaves are digests already, made with `leafPrefix`. An empty list has no tree.
    package init(leaves: [Digest], digester: Digester = Digester()) {
        precondition(!leaves.isEmpty)
        self.leaves = leaves
        self.digester = digester
    }

    package var root: Digest { root(of: leaves[...]) }

    /// The digests that, from the leaf upwards, lead to the root.
    package func path(to place: Int) -> [Digest] {
        precondition(leaves.indices.contains(place))
        return path(to: place, in: leaves[...])
    }

    private func root(of part: ArraySlice<Digest>) -> Digest {
        guard part.count > 1 else { return part[part.startIndex] }
        let (left, right) = Self.halves(of: part)
        return digester.node(root(of: left), root(of: right))
    }

    private func path(to place: Int, in part: ArraySlice<Digest>) -> [Digest] {
        guard part.count > 1 else { return [] }
        let (left, right) = Self.halves(of: part)
        return place < right.startIndex
            ? path(to: place, in: left) + [root(of: right)]
            : path(to: place, in: right) + [root(of: left)]
    }

    /// The left half is the largest full tree that leaves something for the right.
    private static func halves(
        of part: ArraySlice<Digest>
    ) -> (left: ArraySlice<Digest>, right: ArraySlice<Digest>) {
        let highest = Int.bitWidth - 1 - (part.count - 1).leadingZeroBitCount
        let middle = part.startIndex + 1 << highest
        return (part[..<middle], part[middle...])
    }

    /// The root that a leaf at `place` of `count` has by this path, or nil when no such path could
    /// be: RFC 9162 section 2.1.3.2.
    package static func root(
        from leaf: Digest, at place: Int, of count: Int, along path: [Digest]
    ) -> Digest? {
        guard place >= 0, place < count else { return nil }
        let digester = Digester()
        var (node, last, digest) = (place, count - 1, leaf)
        for sibling in path {
            guard last > 0 else { return nil }
            if node % 2 == 1 || node == last {
                digest = digester.node(sibling, digest)
                while node % 2 == 0, node > 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                digest = digester.node(digest, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 ? digest : nil
    }
}

/// The root of a tree whose leaves come one after the other: the memory is that of its height.
package struct MerkleRoot: Sendable {
    /// The roots of full trees that stand side by side, the largest first.
    private var peaks: [Digest] = []
    package private(set) var count = 0

    package init() {}

    package mutating func append(_ leaf: Digest, _ digester: Digester) {
        var node = leaf
        // As many trees of equal size meet as the count has ones at its end.
        var rest = count
        while rest & 1 == 1 {
            node = digester.node(peaks.removeLast(), node)
            rest >>= 1
        }
        peaks.append(node)
        count += 1
    }

    package mutating func removeAll() {
        peaks.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Nil when there are no leaves.
    package func root(_ digester: Digester) -> Digest? {
        guard var root = peaks.last else { return nil }
        for peak in peaks.dropLast().reversed() { root = digester.node(peak, root) }
        return root
    }
}

extension Digester {
    package func node(_ left: Digest, _ right: Digest) -> Digest {
        digest { bytes in
            bytes.append(MerkleTree.nodePrefix)
            bytes.append(left)
            bytes.append(right)
        }
    }
}
