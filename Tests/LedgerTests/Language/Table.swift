import Testing

/// Statements about the ledger in a small language of its own, one to a line.
///
/// What is asked stands left, what must come of it in the last column, and why behind `//`:
///
///     account  alice  KES  floor                        // may not go below zero
///     account  float  KES
///     post     T1  float → alice   500     posted
///     hold     H1  alice → float   300     held
///     post     T2  alice → float   201     insufficient_funds available=200
///     balance  alice  posted 500  held 300  available 200
///
/// The whole language is in `TableParser`. Every table has a fresh database, and the auditor looks
/// at the books when it ends.
struct Table: Sendable, CustomTestStringConvertible {
    let title: String
    let text: String
    let location: SourceLocation

    init(_ title: String, _ text: String, location: SourceLocation = #_sourceLocation) {
        self.title = title
        self.text = text
        self.location = location
    }

    var testDescription: String { title }

    /// The lines that say something, without their comments.
    var lines: [TableLine] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { TableLine(number: $0.offset + 1, text: $0.element) }
            .filter { !$0.words.isEmpty }
    }

    /// Runs the table and reports every line that the ledger contradicts.
    func check() async throws {
        let statements = try parsed()
        try await World.run { world in
            var run = TableRun(world)
            for statement in statements { try await run.run(statement) }
            for disagreement in run.disagreements {
                Issue.record("\(title), \(disagreement)", sourceLocation: location)
            }
        }
    }
}

struct TableLine: Sendable {
    let number: Int
    let text: String
    let words: [Substring]

    init(number: Int, text: Substring) {
        self.number = number
        self.text = String(text.drop { $0 == " " })
        let comment = text.firstRange(of: "//")?.lowerBound ?? text.endIndex
        words = text[..<comment].split(separator: " ")
    }
}

/// A line of a table that does not read, or a name that it does not know.
struct TableError: Error, CustomStringConvertible {
    let description: String

    init(_ line: TableLine, _ reason: String) {
        description = "line \(line.number): \(line.text)\n    \(reason)"
    }
}

/// What one line expected and what the ledger said.
struct Disagreement: CustomStringConvertible {
    let line: TableLine
    let expected: String
    let actual: String

    var description: String {
        "line \(line.number): \(line.text)\n    expected: \(expected)\n    the ledger: \(actual)"
    }
}
