import Ledger
import Values

/// What became of a command, in the words of a table.
struct OutcomeText {
    let outcome: String
    let facts: [String]

    init(_ result: Result<Receipt, any Error>) {
        switch result {
        case .success(let receipt):
            outcome = receipt.isReplay ? "replayed" : Self.word(receipt.first.kind)
            facts = []
        case .failure(let refusal as any Refusal):
            outcome = refusal.code
            facts = refusal.facts.map(Self.text)
        case .failure(let error):
            outcome = "\(error)"
            facts = []
        }
    }

    private static func word(_ kind: TransferKind) -> String {
        switch kind {
        case .post, .capture: "posted"
        case .hold: "held"
        case .void: "voided"
        case .expiry: "expired"
        case .reversal: "reversed"
        }
    }

    private static func text(_ fact: Fact) -> String {
        switch fact.value {
        case .integer(let number): "\(fact.name)=\(number)"
        case .text(let text): "\(fact.name)=\(text)"
        case .boolean(let value): "\(fact.name)=\(value)"
        case .texts(let texts): "\(fact.name)=\(texts.joined(separator: ","))"
        }
    }

    var text: String { ([outcome] + facts).joined(separator: " ") }

    /// A table names the facts it cares about; others may stand beside them.
    func satisfies(_ expected: TableCommand.Expectation) -> Bool {
        outcome == expected.outcome && expected.facts.allSatisfy(facts.contains)
    }
}
