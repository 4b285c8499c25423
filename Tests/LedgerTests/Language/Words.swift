/// The words of one line, taken from left to right.
struct Words {
    let line: TableLine
    private var left: ArraySlice<Substring>

    init(_ line: TableLine) {
        self.line = line
        left = line.words[...]
    }

    /// The next word, or nothing at the end.
    var peek: Substring { left.first ?? "" }

    mutating func take() throws -> String {
        guard let word = left.popFirst() else { throw TableError(line, "ends too early") }
        return String(word)
    }

    mutating func skip(_ word: String) -> Bool {
        guard peek == word else { return false }
        left.removeFirst()
        return true
    }

    mutating func expect(_ word: String) throws {
        guard skip(word) else { throw TableError(line, "“\(word)” is missing before “\(peek)”") }
    }

    mutating func after(_ word: String) throws -> String {
        try expect(word)
        return try take()
    }

    mutating func end() throws {
        guard left.isEmpty else { throw TableError(line, "“\(peek)” is too much") }
    }

    /// What is left, with single spaces.
    mutating func rest() -> String {
        defer { left = [] }
        return left.joined(separator: " ")
    }

    /// A dash is no key.
    mutating func key() throws -> String? {
        let word = try take()
        return word == "-" ? nil : word
    }

    mutating func expectation() throws -> TableCommand.Expectation {
        let outcome = try take()
        guard outcome.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x5F }) else {
            throw TableError(line, "“\(outcome)” is no outcome")
        }
        let facts = rest().split(separator: " ").map(String.init)
        return TableCommand.Expectation(outcome: outcome, facts: facts)
    }

    // MARK: Numbers

    /// Minor units: `1_000`, `-5`, and near the bounds `max`, `max-1`, `min`, `min+1`.
    mutating func amount() throws -> Int64 {
        guard let amount = amountIfAny() else { throw TableError(line, "“\(peek)” is no amount") }
        return amount
    }

    mutating func amount(after word: String) throws -> Int64 {
        try expect(word)
        return try amount()
    }

    mutating func amountIf(_ word: String) throws -> Int64? {
        skip(word) ? try amount() : nil
    }

    mutating func amountIfAny() -> Int64? {
        let word = peek.replacing("_", with: "")
        let bounds: [(String, Int64)] = [("max", .max), ("min", .min)]
        for (name, bound) in bounds where word.hasPrefix(name) {
            let rest = word.dropFirst(name.count)
            guard let distance = rest.isEmpty ? 0 : Int64(rest) else { return nil }
            left.removeFirst()
            return bound + distance
        }
        guard let amount = Int64(word) else { return nil }
        left.removeFirst()
        return amount
    }

    /// A time such as `90s`, `5m`, `2h` or `3d`.
    mutating func seconds() throws -> Int64 {
        let word = try take()
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = word.last.flatMap({ units[$0] }), let count = Int64(word.dropLast())
        else { throw TableError(line, "“\(word)” is no time") }
        return count * unit
    }
}
