/// A command line, taken apart: words, `--name value` or `--name=value`, and `--name`.
///
/// Nothing is guessed: a name that the command does not know is an error, and so is one given
/// twice. After `--`, everything is a word.
struct Arguments: Sendable {
    /// What a command understands.
    struct Grammar: Sendable {
        /// Names that a value follows.
        var options: Set<String> = []
        /// Names that stand alone.
        var flags: Set<String> = []
        /// How many words there may be.
        var words: ClosedRange<Int> = 0...0
    }

    struct Misunderstood: Error, Equatable {
        let reason: String
    }

    private(set) var words: [String] = []
    private var options: [String: String] = [:]
    private var flags: Set<String> = []

    init(_ arguments: [String], _ grammar: Grammar) throws(Misunderstood) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                break
            }
            guard argument.hasPrefix("--") else {
                words.append(argument)
                continue
            }
            try take(argument.dropFirst(2), &rest, grammar)
        }
        guard words.count >= grammar.words.lowerBound else {
            throw Misunderstood(reason: "something is missing")
        }
        guard words.count <= grammar.words.upperBound else {
            throw Misunderstood(reason: "“\(words[grammar.words.upperBound])” is too much")
        }
    }

    private mutating func take(
        _ text: Substring, _ rest: inout ArraySlice<String>, _ grammar: Grammar
    ) throws(Misunderstood) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "")
        guard options[name] == nil, !flags.contains(name) else {
            throw Misunderstood(reason: "--\(name) is given twice")
        }
        if grammar.flags.contains(name), parts.count == 1 {
            flags.insert(name)
        } else if grammar.options.contains(name) {
            let value = parts.count == 2 ? String(parts[1]) : rest.popFirst()
            guard let value else { throw Misunderstood(reason: "--\(name) wants a value") }
            options[name] = value
        } else {
            throw Misunderstood(reason: "--\(text) is not understood")
        }
    }

    func option(_ name: String) -> String? { options[name] }
    func flag(_ name: String) -> Bool { flags.contains(name) }

    /// The word at a position that the grammar requires.
    subscript(position: Int) -> String { words[position] }

    func word(_ position: Int) -> String? {
        words.indices.contains(position) ? words[position] : nil
    }

    /// A whole number within bounds, or nil when the option is not given.
    func integer(_ name: String, in range: ClosedRange<Int64>) throws(Misunderstood) -> Int64? {
        guard let text = options[name] else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw Misunderstood(
                reason: "--\(name) wants a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}
