import Cryptography
import Ledger
import Testing
import Values

/// From a line to a signed statement, by digests alone.
@Suite struct ProofTests {
    private let digester = Digester()

    /// Recomputes the way from what the proof shows, and compares it with what was signed.
    private func check(_ proof: EntryProof, _ commitments: Commitments) throws {
        let leaf = digester.leaf(proof.line, salt: proof.link.salt)
        let root = MerkleTree.root(
            from: leaf, at: proof.place, of: proof.lines, along: proof.path)
        #expect(root == proof.link.root)
        let hash = digester.link(
            first: proof.link.first, last: proof.link.last, at: proof.line.at,
            root: try #require(root), after: proof.previous)
        #expect(hash == proof.link.hash)
        guard let day = proof.day else { return }
        let statement = day.commitment.statement
        #expect(
            MerkleTree.root(
                from: digester.dayLeaf(hash), at: day.place, of: Int(statement.batches),
                along: day.path) == statement.root)
        let keys = Dictionary(uniqueKeysWithValues: commitments.keys.all.map { ($0.kid, $0) })
        let signed = try JWS.verify(day.commitment.jws, type: Commitment.type, keys: keys)
        #expect(signed == statement.payload)
    }

    @Test func everyLineIsProven() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let commitments = try await world.commitments
            for number in 1...AuditHistory.linesCount {
                let proof = try await commitments.proof(of: TransferID(number))
                let found = try #require(proof)
                #expect(found.line.id.number == number)
                #expect(found.day != nil)
                try check(found, commitments)
            }
            #expect(try await commitments.proof(of: TransferID(0)) == nil)
            #expect(try await commitments.proof(of: TransferID(13)) == nil)
        }
    }

    @Test func todaysLinesAreProvenAsFarAsTheChain() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let commitments = try await world.commitments
            _ = try await world.ledger.submit(.pay(AccountID(1), AccountID(2), 5))
            let proof = try #require(try await commitments.proof(of: TransferID(13)))
            #expect(proof.day == nil)
            try check(proof, commitments)
        }
    }

    /// A day with more links than a block holds, and a batch with many lines.
    @Test(.timeLimit(.minutes(1))) func aDayOfSeveralBlocksIsProven() async throws {
        try await World.run { world in
            let (float, alice) = (try await world.open(), try await world.open(floor: 0))
            let batches = DayTree.blockLinks * 2 + 3
            for _ in 1..<batches { _ = try await world.ledger.submit(.pay(float, alice, 1)) }
            _ = try await world.ledger.submit((0..<300).map { _ in .pay(float, alice, 2) })
            world.clock.advance(seconds: 86_400)
            let commitments = try await world.commitments
            #expect(try await commitments.commitDays() == 1)
            let places = [1, 1024, 1025, 2048, 2049, 2050, batches, batches + 77, batches + 299]
            for place in places {
                let proof = try await commitments.proof(of: TransferID(Int64(place)))
                try check(try #require(proof), commitments)
                #expect(proof?.day?.place == min(place, batches) - 1)
            }
            let report = try await world.audit()
            #expect(report.batches == batches && report.findings == [])
        }
    }

    /// The other side's balance is under a blind, and the blind comes from what is never told.
    @Test func sidesOfOneLineHaveBlindsOfTheirOwn() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let commitments = try await world.commitments
            var blinds: Set<UInt128> = []
            for number in 1...AuditHistory.linesCount {
                let found = try await commitments.proof(of: TransferID(number))
                let proof = try #require(found)
                blinds.insert(proof.debit.opened.blind)
                blinds.insert(proof.credit.opened.blind)
            }
            #expect(blinds.count == 2 * Int(AuditHistory.linesCount))
        }
    }
}
