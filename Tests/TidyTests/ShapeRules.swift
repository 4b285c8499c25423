extension Rule {
    static let lineCharactersMax = 100
    static let functionLinesMax = 70
    static let fileLinesMax = 500

    /// Functions that were longer than the limit when it was set, with the length they may not
    /// exceed. The list only ever shrinks.
    static let longFunctions: [String: Int] = [:]

    static let linesAreShort = Rule(name: "lines are short") { repository in
        repository.swiftFiles.flatMap { file in
            file.lines.enumerated().filter { $0.element.count > lineCharactersMax }.map {
                Finding(
                    path: file.path, line: $0.offset + 1,
                    message: "\($0.element.count) characters, over \(lineCharactersMax)")
            }
        }
    }

    static let filesAreShort = Rule(name: "files are short") { repository in
        repository.swiftFiles.filter { $0.lines.count - 1 > fileLinesMax }.map {
            Finding(
                path: $0.path, line: fileLinesMax,
                message: "\($0.lines.count - 1) lines, over \(fileLinesMax): split it by noun")
        }
    }

    /// A file that declares nothing is dead.
    static let filesDeclareSomething = Rule(name: "files declare something") { repository in
        let declarations: Set = [
            "struct", "enum", "class", "actor", "protocol", "extension", "func", "let", "var",
            "typealias",
        ]
        return repository.swiftFiles.compactMap { file in
            let isAlive = file.code.contains { declarations.contains($0.text) }
            return isAlive ? nil : Finding(path: file.path, line: 1, message: "declares nothing")
        }
    }

    static let functionsAreShort = Rule(name: "functions are short") { repository in
        repository.swiftFiles.flatMap { file in
            Function.all(in: file).compactMap { function in
                let limit = longFunctions["\(file.path) \(function.name)"] ?? functionLinesMax
                guard function.lines > limit else { return nil }
                let message = "\(function.name) has \(function.lines) lines, over \(limit)"
                return Finding(path: file.path, line: function.line, message: message)
            }
        }
    }

    /// An exception that is no longer needed goes, so that it cannot be used again.
    static let ratchetHoldsOnlyLongFunctions = Rule(name: "the ratchet tightens") { repository in
        let stillLong = repository.swiftFiles.flatMap { file in
            Function.all(in: file).filter { $0.lines > functionLinesMax }
                .map { "\(file.path) \($0.name)" }
        }
        return longFunctions.keys.filter { !stillLong.contains($0) }.sorted().map {
            Finding(path: $0, line: 1, message: "is short now: take it off the list")
        }
    }
}

/// A function with a body, as far as its braces tell.
struct Function: Equatable {
    let name: String
    let line: Int
    let lines: Int

    static func all(in file: SourceFile) -> [Function] {
        let code = file.code
        return code.indices.compactMap { index in
            guard let name = name(at: index, in: code),
                let opening = openingBrace(after: index, in: code),
                let closing = closingBrace(of: opening, in: code)
            else { return nil }
            let (first, last) = (code[index].line, code[closing].lastLine)
            return Function(name: name, line: first, lines: last - first + 1)
        }
    }

    private static func name(at index: Int, in code: [Token]) -> String? {
        guard code[index].kind == .word, index + 1 < code.count else { return nil }
        let isMember = index > 0 && code[index - 1].text == "."
        switch code[index].text {
        case "func": return code[index + 1].text
        case "init" where !isMember && ["(", "<", "?"].contains(code[index + 1].text): return "init"
        case "deinit" where !isMember: return "deinit"
        default: return nil
        }
    }

    /// The brace that begins the body, or nothing for a requirement of a protocol.
    private static func openingBrace(after index: Int, in code: [Token]) -> Int? {
        let nextDeclaration: Set = ["func", "var", "init", "static", "associatedtype", "package"]
        var depth = 0
        for candidate in code.indices[(index + 1)...] {
            switch code[candidate].text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return candidate
            case "}" where depth == 0: return nil
            case let word
            where depth == 0 && candidate > index + 1 && nextDeclaration.contains(word):
                return nil
            default: break
            }
        }
        return nil
    }

    private static func closingBrace(of opening: Int, in code: [Token]) -> Int? {
        var depth = 0
        for candidate in code.indices[opening...] {
            if code[candidate].text == "{" { depth += 1 }
            if code[candidate].text == "}" { depth -= 1 }
            if depth == 0 { return candidate }
        }
        return nil
    }
}
