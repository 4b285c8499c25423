extension Rule {
    /// What a slice never says: money is no floating point, time enters by parameter, errors are
    /// not swallowed, and a name says what a thing is.
    static let slicesAvoidBannedWords = Rule(name: "slices avoid banned words") { repository in
        repository.sliceFiles.flatMap { file -> [Finding] in
            let code = file.code
            return code.indices.compactMap { index in
                let next = index + 1 < code.count ? code[index + 1].text : ""
                let previous = index > 0 ? code[index - 1].text : ""
                guard let reason = objection(to: code[index], after: previous, before: next)
                else { return nil }
                return Finding(
                    path: file.path, line: code[index].line,
                    message: "\(code[index].text): \(reason)")
            }
        }
    }

    private static func objection(
        to token: Token, after previous: String, before next: String
    ) -> String? {
        guard token.kind == .word else { return nil }
        switch (token.text, next) {
        case ("Double", _), ("Float", _), ("Decimal", _):
            return "amounts and rates are integers"
        case ("Date", "("):
            return "time enters by parameter, as Timestamp"
        case ("try", "?"):
            return "an error is handled or passed on, never dropped"
        case ("print", "("):
            return "what is worth saying goes to the log"
        case ("fatalError", "("):
            return "a broken invariant is a precondition with its reason"
        case ("sleep", "("), ("usleep", "("):
            // `Task.sleep` gives its thread back and ends with its task; these do neither.
            return previous == "." ? nil : "it holds a thread"
        default:
            let vague = ["Manager", "Helper", "Util"].first { token.text.contains($0) }
            return vague.map { "“\($0)” says nothing; name what it is" }
        }
    }

    /// A test that waits for time to pass is slow when it passes and wrong when it fails.
    static let testsDoNotSleep = Rule(name: "tests do not sleep") { repository in
        let waits: Set = ["sleep", "usleep", "nanosleep"]
        return repository.swiftFiles.filter { $0.path.hasPrefix("Tests/") }.flatMap { file in
            file.code.filter { waits.contains($0.text) }.map {
                Finding(path: file.path, line: $0.line, message: "a test waits for a signal")
            }
        }
    }

    /// `@unchecked Sendable` is a promise the compiler cannot check, so its proof stands beside it.
    static let uncheckedSendableHasAProof = Rule(name: "unchecked Sendable has a proof") {
        repository in
        repository.swiftFiles.flatMap { file -> [Finding] in
            let code = file.code
            let promises = code.indices.dropLast().filter {
                code[$0].text == "unchecked" && code[$0 + 1].text == "Sendable"
            }
            let comments = file.tokens.filter { $0.kind == .comment }
            return promises.compactMap { index in
                let line = code[index].line
                let proved = comments.contains { $0.line <= line + 2 && $0.lastLine >= line - 2 }
                guard !proved else { return nil }
                let message = "@unchecked Sendable without its proof in a comment"
                return Finding(path: file.path, line: line, message: message)
            }
        }
    }

    /// A path of one person's machine works nowhere else.
    static let noPathsOfOneMachine = Rule(name: "no paths of one machine") { repository in
        // In two pieces, so that this file does not find itself.
        let homes = ["work", "root", "home", "Users"].map { "/" + $0 + "/" }
        return repository.files.flatMap { file in
            file.lines.enumerated().flatMap { index, line in
                homes.filter { isPath($0, in: line) }.map {
                    Finding(
                        path: file.path, line: index + 1, message: "\($0) is one machine's path")
                }
            }
        }
    }

    /// Whether `home` begins a path here, as it does not in `https://example.org/home/page`.
    private static func isPath(_ home: String, in line: Substring) -> Bool {
        guard let range = line.firstRange(of: home) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !before.isLetter && !before.isNumber && before != "." && before != "}"
    }
}
