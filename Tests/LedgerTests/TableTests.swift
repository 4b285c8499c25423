import Ledger
import TestSupport
import Testing

/// Every table of the ledger's language, those of the documentation included.
@Suite(.serialized) struct TableTests {
    @Test(arguments: Table.all) func statesWhatHappens(_ table: Table) async throws {
        try await table.check()
    }

    @Test(arguments: Table.documented) func isTrueInTheDocumentation(
        _ table: Table
    ) async throws {
        try await table.check()
    }

    @Test func everyRejectionIsTheOutcomeOfSomeLine() throws {
        let outcomes = try Set(Table.all.flatMap { try $0.outcomes() })
        for rejection in LedgerRejection.allCases {
            #expect(outcomes.contains(rejection.rawValue), "no table ends in \(rejection)")
        }
    }

    @Test func everyMovementIsDocumented() throws {
        let outcomes = try Set(Table.documented.flatMap { try $0.outcomes() })
        for outcome in ["posted", "held", "voided", "expired", "reversed", "replayed"] {
            #expect(outcomes.contains(outcome), "docs/ledger.md shows nothing that is \(outcome)")
        }
    }

    /// Each movement of the product has its recipe: who is debited, who is credited, and a table
    /// that runs.
    @Test(arguments: [
        "Top-up", "Send and fee", "Hold and capture", "Void", "Expiry", "Reversal", "Refund",
        "Cash-out", "Chargeback", "Exchange", "Airtime", "Tip pool", "Escrow", "Offline lock",
        "Offline settle", "Guarantee payout",
    ])
    func everyMovementHasItsRecipe(_ movement: String) {
        #expect(Table.documented.contains { $0.title == "docs: \(movement)" })
    }

    // MARK: The language itself

    @Test func aWrongExpectationShowsItsLine() async throws {
        let table = Table(
            "wrong",
            """
            account  alice  KES  floor

            // One is expected, five are there.
            post     T1  alice → alice  5    posted       // it is not
            balance  alice  posted 1  held 0  available 0
            """)
        let statements = try table.parsed()
        try await World.run { world in
            var run = TableRun(world)
            for statement in statements { try await run.run(statement) }
            #expect(
                run.disagreements.map(\.description) == [
                    """
                    line 4: post     T1  alice → alice  5    posted       // it is not
                        expected: posted
                        the ledger: accounts_must_differ
                    """,
                    """
                    line 5: balance  alice  posted 1  held 0  available 0
                        expected: posted 1 held 0 available 0
                        the ledger: posted 0 held 0 available 0
                    """,
                ])
        }
    }

    @Test func aWrongFactIsAWrongExpectation() async throws {
        let table = Table(
            "wrong fact",
            """
            account  alice  KES  floor
            account  shop   KES  floor
            post     T1  alice → shop  5    insufficient_funds available=1
            history  alice  is T1
            sweep    1
            """)
        let statements = try table.parsed()
        try await World.run { world in
            var run = TableRun(world)
            for statement in statements { try await run.run(statement) }
            #expect(run.disagreements.map(\.line.number) == [3, 4, 5])
        }
    }

    @Test(arguments: [
        "pay alice", "account alice XYZ", "post T1 a b 5 posted", "post T1 a → b five posted",
        "post T1 a → b 5", "hold H1 a → b 5 held", "advance 5", "trial 1", "history a T1",
        "post T1 a → b 5 POSTED", "account alice KES floor 0 month",
    ])
    func aLineThatDoesNotReadIsShown(_ text: String) throws {
        let error = #expect(throws: TableError.self) {
            try Table("unreadable", "\n" + text).parsed()
        }
        #expect(error?.description.hasPrefix("line 2: \(text)\n") == true)
    }
}

extension Table {
    static let all =
        posting + linking + reversing + holding + limiting + velocity + ceilings + keys + history
        + overflowing

    /// The blocks marked `ledger` of docs/ledger.md.
    static let documented: [Table] = {
        let tests = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(tests)/docs/ledger.md"
        guard let text = TestFolder.read(path) else { return [] }
        let pieces = text.split(separator: "\n```ledger\n", omittingEmptySubsequences: false)
        return pieces.enumerated().dropFirst().map { index, piece in
            let heading = pieces[index - 1].split(separator: "\n")
                .last { $0.hasPrefix("#") }?.drop { $0 == "#" || $0 == " " }
            let end = piece.firstRange(of: "\n```")?.lowerBound ?? piece.endIndex
            return Table("docs: \(heading ?? "\(index)")", String(piece[..<end]))
        }
    }()

    /// Every outcome that the table expects.
    func outcomes() throws -> [String] {
        try parsed().flatMap { statement -> [String] in
            guard case .submit(let commands) = statement.content else { return [] }
            return commands.map(\.expected.outcome)
        }
    }
}
