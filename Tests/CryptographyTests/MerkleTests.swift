import Cryptography
import Testing

@Suite struct MerkleTests {
    private let digester = Digester()

    private func leaf(_ bytes: [UInt8]) -> Digest {
        digester.digest {
            $0.append(MerkleTree.leafPrefix)
            $0.append(contentsOf: bytes)
        }
    }

    private func leaves(_ count: Int) -> [Digest] { (0..<count).map { leaf([UInt8($0)]) } }

    @Test func digestsAreThoseOfTheStandard() {
        let abc = digester.digest { $0.append(contentsOf: Array("abc".utf8)) }
        #expect(
            "\(abc)" == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(bytes: abc.bytes) == abc)
        #expect(Digest(bytes: abc.bytes.dropLast()) == nil)
    }

    /// The lists and roots that the implementations of RFC 6962 test themselves with.
    @Test func rootsAreThoseOfCertificateTransparency() {
        let inputs: [[UInt8]] = [
            [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
            Array(0x50...0x57), Array(0x60...0x6f),
        ]
        let roots = [
            1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        for (count, root) in roots {
            #expect("\(MerkleTree(leaves: inputs.prefix(count).map(leaf)).root)" == root)
        }
    }

    @Test func leavesThatComeOneByOneGiveTheSameRoot() {
        var growing = MerkleRoot()
        #expect(growing.root(digester) == nil)
        for count in 1...130 {
            growing.append(leaves(count)[count - 1], digester)
            #expect(growing.root(digester) == MerkleTree(leaves: leaves(count)).root)
            #expect(growing.count == count)
        }
        growing.removeAll()
        #expect(growing.root(digester) == nil)
    }

    @Test func everyPathLeadsToTheRoot() {
        for count in 1...33 {
            let tree = MerkleTree(leaves: leaves(count))
            for (place, leaf) in leaves(count).enumerated() {
                let path = tree.path(to: place)
                #expect(
                    MerkleTree.root(from: leaf, at: place, of: count, along: path) == tree.root)
            }
        }
    }

    @Test func noOtherPathDoes() {
        let (leaves, place) = (leaves(13), 5)
        let tree = MerkleTree(leaves: leaves)
        let path = tree.path(to: place)
        let root = { (leaf: Digest, place: Int, count: Int, path: [Digest]) in
            MerkleTree.root(from: leaf, at: place, of: count, along: path)
        }
        #expect(root(leaves[4], place, 13, path) != tree.root)
        #expect(root(leaves[place], 4, 13, path) != tree.root)
        #expect(root(leaves[place], -1, 13, path) == nil)
        #expect(root(leaves[place], 13, 13, path) == nil)
        #expect(root(leaves[place], place, 13, path.dropLast()) == nil)
        #expect(root(leaves[place], place, 13, path + [tree.root]) == nil)
        #expect(root(leaves[place], place, 13, path.reversed()) != tree.root)
    }
}
