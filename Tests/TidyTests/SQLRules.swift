extension Rule {
    /// A slice's SQL names only its own schema; others read through views that the owner publishes.
    static let sqlStaysInItsSchema = Rule(name: "SQL stays in its schema") { repository in
        let schemas = Set(Slices.schemas.values)
        return repository.sliceFiles.flatMap { file -> [Finding] in
            let own = Slices.schemas[file.target ?? ""]
            return file.strings.filter(isSQL).flatMap { statement in
                qualifiedNames(in: statement.text).compactMap { schema, table in
                    guard schemas.contains(schema), schema != own else { return nil }
                    let name = "\(schema).\(table)"
                    guard !Slices.publishedViews.contains(name) else { return nil }
                    let message = "SQL of \(file.target ?? "") names \(name)"
                    return Finding(path: file.path, line: statement.line, message: message)
                }
            }
        }
    }

    /// A table without a schema lands wherever the search path points that day.
    static let tablesHaveASchema = Rule(name: "every CREATE TABLE has a schema") { repository in
        repository.swiftFiles.filter { $0.path.hasPrefix("Sources/") }.flatMap { file in
            file.strings.flatMap { statement in
                tablesWithoutSchema(in: statement.text).map {
                    Finding(
                        path: file.path, line: statement.line, message: "table \($0) has no schema")
                }
            }
        }
    }

    private static let verbs: Set = [
        "select", "insert", "update", "delete", "from", "join", "create", "alter", "drop",
        "truncate", "grant", "revoke", "references", "merge",
    ]

    /// Whether the text can run as SQL, or be part of it. "payments.expired" alone is a name.
    private static func isSQL(_ string: Token) -> Bool {
        words(of: string.text).contains { verbs.contains($0.text.lowercased()) }
    }

    private static func qualifiedNames(in text: String) -> [(schema: String, name: String)] {
        let words = words(of: text)
        return words.indices.dropLast(2).compactMap { index in
            guard words[index + 1].text == "." else { return nil }
            return (words[index].text.lowercased(), words[index + 2].text)
        }
    }

    private static func tablesWithoutSchema(in text: String) -> [String] {
        let words = words(of: text).map { $0.text.lowercased() }
        let noise: Set = ["if", "not", "exists"]
        return words.indices.dropLast(2).compactMap { index in
            guard words[index] == "create" else { return nil }
            var next = index + 1
            // Temporary tables live in a schema of their own that nobody names.
            guard words[next] != "temporary", words[next] != "temp" else { return nil }
            if words[next] == "unlogged" { next += 1 }
            guard next < words.count, words[next] == "table" else { return nil }
            next += 1
            while next < words.count, noise.contains(words[next]) { next += 1 }
            guard next < words.count else { return nil }
            return next + 1 < words.count && words[next + 1] == "." ? nil : words[next]
        }
    }

    /// SQL is close enough to Swift that the same lexer finds its words and dots.
    private static func words(of text: String) -> [Token] {
        SourceLexer.tokens(of: text.replacing("--", with: "//").replacing("\"", with: ""))
            .filter { $0.kind == .word || $0.kind == .mark }
    }
}
