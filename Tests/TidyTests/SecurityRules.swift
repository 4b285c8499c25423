extension Rule {
    /// docs/security.md answers each item of the standard once, in words that can be held against
    /// it, and every test that it names is there.
    static let securityTableIsTrue = Rule(name: "the security table is true") { repository in
        let path = SecurityTable.path
        guard let page = repository.files.first(where: { $0.path == path }) else {
            return [Finding(path: path, line: 1, message: "is missing")]
        }
        let table = SecurityTable(page)
        let tests = SecurityTable.tests(in: repository)
        let faults = table.rows.flatMap { row in
            row.faults(tests).map { Finding(path: path, line: row.line, message: $0) }
        }
        let items = table.rows.map(\.item)
        let repeated = table.rows.filter { row in items.count { $0 == row.item } > 1 }.map {
            Finding(path: path, line: $0.line, message: "\($0.item) comes twice")
        }
        let missing = SecurityTable.items.filter { !items.contains($0) }.map {
            Finding(path: path, line: 1, message: "\($0) is not answered")
        }
        let unknown = table.rows.filter { !SecurityTable.items.contains($0.item) }.map {
            Finding(path: path, line: $0.line, message: "the standard has no \($0.item)")
        }
        return faults + repeated + missing + unknown
    }
}

/// The rows that begin with the number of an item: | 2.1.1 | what it asks | state | shown by |
struct SecurityTable {
    static let path = "docs/security.md"

    struct Row {
        let item: String
        let line: Int
        let state: String
        let reason: String

        func faults(_ tests: Set<String>) -> [String] {
            var faults: [String] = []
            if !["met", "not met", "not applicable"].contains(state) {
                faults.append("“\(state)” is no state")
            }
            let named = self.named
            if state == "met", named.isEmpty, !reason.hasPrefix("By construction:") {
                faults.append("\(item) names no test")
            }
            if reason.isEmpty { faults.append("\(item) gives no reason") }
            return faults + named.filter { !tests.contains($0) }.map { "there is no test \($0)" }
        }

        private var named: [String] { SecurityTable.testsNamed(in: reason) }
    }

    /// `SessionTests/refreshTokensRotate` and `test_passkeys.py/a_copy_is_blocked_and_told`.
    static func testsNamed(in text: String) -> [String] {
        let quoted = text.split(separator: "`", omittingEmptySubsequences: false)
        return quoted.indices.filter { $0 % 2 == 1 }.map { String(quoted[$0]) }.filter { text in
            let owner = text.prefix { $0 != "/" }
            return owner != text && (owner.hasSuffix("Tests") || owner.hasSuffix(".py"))
        }
    }

    let rows: [Row]

    init(_ page: SourceFile) {
        rows = page.lines.enumerated().compactMap { index, line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmed }
            guard cells.count == 6, cells[1].first?.isNumber == true else { return nil }
            return Row(item: cells[1], line: index + 1, state: cells[3], reason: cells[4])
        }
    }

    /// Items of levels 1 and 2 of ASVS 4.0.3, by section: how many, and those that were deleted.
    private static let sections: [(String, count: Int, deleted: Int?)] = [
        ("2.1", 12, nil), ("2.2", 3, nil), ("2.3", 3, nil), ("2.4", 5, nil), ("2.5", 7, nil),
        ("2.6", 3, nil), ("2.7", 6, nil), ("2.8", 7, nil), ("2.9", 3, nil), ("2.10", 4, nil),
        ("3.1", 1, nil), ("3.2", 4, nil), ("3.3", 4, nil), ("3.4", 5, nil), ("3.5", 3, nil),
        ("3.7", 1, nil), ("4.1", 5, 4), ("4.2", 2, nil), ("4.3", 3, nil), ("5.1", 5, nil),
        ("5.2", 8, nil), ("5.3", 10, nil), ("5.4", 3, nil), ("5.5", 4, nil), ("6.1", 3, nil),
        ("6.2", 6, nil), ("6.3", 2, nil), ("6.4", 2, nil), ("7.1", 4, nil), ("7.2", 2, nil),
        ("7.3", 4, 2), ("7.4", 3, nil), ("8.1", 4, nil), ("8.2", 3, nil), ("8.3", 8, nil),
        ("9.1", 3, nil), ("9.2", 4, nil), ("13.1", 5, 2), ("13.2", 6, 4), ("13.3", 2, nil),
        ("13.4", 2, nil),
    ]

    static let items: [String] = sections.flatMap { section, count, deleted in
        (1...count).filter { $0 != deleted }.map { "\(section).\($0)" }
    }

    /// Functions under `Tests`, by the name of each type of their file; of Python, by the file's.
    static func tests(in repository: Repository) -> Set<String> {
        let files = repository.files.filter { $0.path.hasPrefix("Tests/") }
        return Set(files.flatMap { $0.isSwift ? swiftFunctions(of: $0) : pythonFunctions(of: $0) })
    }

    private static func swiftFunctions(of file: SourceFile) -> [String] {
        let kinds: Set = ["struct", "class", "enum", "actor", "extension"]
        var (types, functions): ([String], [String]) = ([], [])
        for (token, next) in zip(file.code, file.code.dropFirst()) where token.kind == .word {
            if kinds.contains(token.text), next.kind == .word { types.append(next.text) }
            if token.text == "func" { functions.append(next.text) }
        }
        return types.flatMap { type in functions.map { "\(type)/\($0)" } }
    }

    private static func pythonFunctions(of file: SourceFile) -> [String] {
        guard file.path.hasSuffix(".py"), let name = file.path.split(separator: "/").last else {
            return []
        }
        return file.lines.filter { $0.hasPrefix("def ") }.map {
            "\(name)/\($0.dropFirst(4).prefix { $0 != "(" })"
        }
    }
}

extension Substring {
    var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
