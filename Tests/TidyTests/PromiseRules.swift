extension Rule {
    /// How long something is kept stands in a constant and on the page that promises it: both say
    /// the same.
    static let keptAsLongAsPromised = Rule(name: "kept as long as promised") { repository in
        guard let page = repository.files.first(where: { $0.path == "docs/privacy.md" }) else {
            return [Finding(path: "docs/privacy.md", line: 1, message: "is missing")]
        }
        let declared = repository.files.filter { $0.path.hasPrefix("Sources/") && $0.isSwift }
            .flatMap(\.lines).compactMap(declaration)
        return page.lines.enumerated().flatMap { index, line in
            promises(in: line).filter { !declared.contains($0) }.map {
                Finding(path: page.path, line: index + 1, message: "no constant says \($0)")
            }
        }
    }

    /// `codeSeconds = 86_400`, a word and what it is, as it stands between backticks.
    private static func promises(in line: Substring) -> [String] {
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) }
            .filter { part in
                part.contains(" = ") && part.prefix { $0 != " " }.allSatisfy(\.isLetter)
                    && part.prefix { $0 != "=" }.filter { $0 == " " }.count == 1
            }
    }

    /// The same of `static let codeSeconds: Int64 = 86_400`.
    private static func declaration(in line: Substring) -> String? {
        guard let begin = line.firstRange(of: "static let "),
            let equals = line.firstRange(of: " = "), begin.upperBound < equals.lowerBound
        else { return nil }
        let name = line[begin.upperBound..<equals.lowerBound].prefix { $0 != ":" }
        return name + " = " + line[equals.upperBound...]
    }
}
