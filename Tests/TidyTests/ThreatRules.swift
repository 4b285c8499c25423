extension Rule {
    /// docs/threat-model.md answers each attack on offline payments once, in their order, and every
    /// test that it names is there. An attack that no test covers says so.
    static let threatTableIsTrue = Rule(name: "the threat table is true") { repository in
        let path = "docs/threat-model.md"
        guard let page = repository.files.first(where: { $0.path == path }) else {
            return [Finding(path: path, line: 1, message: "is missing")]
        }
        let tests = SecurityTable.tests(in: repository)
        let rows = ThreatRow.all(of: page)
        let faults = rows.flatMap { row in
            row.faults(tests).map { Finding(path: path, line: row.line, message: $0) }
        }
        let isComplete = rows.map(\.number) == Array(1...max(1, ThreatRow.count))
        return faults
            + (isComplete
                ? [] : [Finding(path: path, line: 1, message: "attacks are missing, or astray")])
    }
}

/// | 1 | attack | what prevents, finds or limits it | what remains | shown by |
struct ThreatRow {
    /// Attacks that the design of the protocol names.
    static let count = 26

    let number: Int
    let line: Int
    let cells: [String]

    static func all(of page: SourceFile) -> [ThreatRow] {
        page.lines.enumerated().compactMap { index, line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmed }
            guard cells.count == 7, let number = Int(cells[1]) else { return nil }
            return ThreatRow(number: number, line: index + 1, cells: Array(cells[2...5]))
        }
    }

    func faults(_ tests: Set<String>) -> [String] {
        let shown = cells[3]
        let named = SecurityTable.testsNamed(in: shown)
        var faults = cells.contains("") ? ["\(number) has an empty cell"] : []
        let isAdmitted = shown.hasPrefix("Not tested:") || shown.hasPrefix("Not here:")
        if named.isEmpty, !isAdmitted { faults.append("\(number) names no test") }
        return faults + named.filter { !tests.contains($0) }.map { "there is no test \($0)" }
    }
}
