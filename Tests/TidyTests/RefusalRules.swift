extension Rule {
    /// Every "no" that the program can say has a line in docs/rejections.md, and every line there
    /// is one that the program can say.
    static let refusalsAreExplained = Rule(name: "refusals are explained") { repository in
        guard let book = repository.files.first(where: { $0.path == "docs/rejections.md" }) else {
            return [Finding(path: "docs/rejections.md", line: 1, message: "is missing")]
        }
        let explained = codes(explainedIn: book)
        let spoken = repository.files.filter { $0.path.hasPrefix("Sources/") }.flatMap { file in
            codes(spokenBy: file).map { (file, code: $0.text, line: $0.line) }
        }
        let missing = spoken.filter { explained[$0.code] == nil }.map {
            Finding(path: $0.0.path, line: $0.line, message: "\($0.code) is not explained")
        }
        let said = Set(spoken.map(\.code))
        let stale = explained.filter { !said.contains($0.key) }.map {
            Finding(path: book.path, line: $0.value, message: "nothing says \($0.key)")
        }
        return missing + stale
    }

    /// A fact stands beside the members of the problem, so it is called by none of their names:
    /// those of RFC 9457 and the two that every problem here has besides.
    static let factsHaveNamesOfTheirOwn = Rule(name: "facts have names of their own") {
        repository in
        let taken: Set = ["type", "title", "status", "detail", "instance", "code", "request_id"]
        return repository.files.filter { $0.path.hasPrefix("Sources/") }.flatMap { file in
            let tokens = file.tokens.filter { $0.kind != .comment }
            return tokens.indices.dropFirst(2).filter {
                tokens[$0].kind == .string && taken.contains(tokens[$0].text)
                    && tokens[$0 - 1].text == "(" && tokens[$0 - 2].text == "Fact"
            }.map {
                Finding(
                    path: file.path, line: tokens[$0].line,
                    message: "\(tokens[$0].text) is a member of every problem")
            }
        }
    }

    /// Lines of the tables that begin with a code: | `insufficient_funds` | …
    private static func codes(explainedIn book: SourceFile) -> [String: Int] {
        var found: [String: Int] = [:]
        for (index, line) in book.lines.enumerated() where line.hasPrefix("| `") {
            found[String(line.dropFirst(3).prefix { $0 != "`" })] = index + 1
        }
        return found
    }

    /// Beside an enum of rejections `case name = "code"` and `case .name: "code"`; anywhere
    /// `code: "code"`, `let code = "code"` and `Refused(409, "code")`.
    private static func codes(spokenBy file: SourceFile) -> [Token] {
        let tokens = file.tokens.filter { $0.kind != .comment }
        let isRejections = tokens.indices.dropFirst().contains {
            tokens[$0].text.hasSuffix("Rejection") && tokens[$0 - 1].text == "enum"
        }
        return tokens.indices.dropFirst(4).compactMap { index in
            let token = tokens[index]
            guard token.kind == .string, isCode(token.text) else { return nil }
            let before = tokens[(index - 4)..<index].map(\.text)
            let isNamed = before[2] == "code" && [":", "="].contains(before[3])
            let isRefused = before[0] == "Refused" && before[3] == ","
            let isCase =
                isRejections
                && (before[3] == "=" && ["case", ","].contains(before[1])
                    || before[3] == ":" && before[1] == ".")
            return isNamed || isRefused || isCase ? token : nil
        }
    }

    private static func isCode(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }
    }
}
