/// Splits Swift source into what the rules look at: words, strings, comments and marks.
///
/// This is no parser. It knows just enough of Swift's grammar that a banned word inside a comment
/// or a string is never mistaken for code, and that SQL is found only where it can run.
struct Token: Sendable, Equatable {
    enum Kind { case word, string, comment, mark }

    let kind: Kind
    let text: String
    /// Where it begins and ends, counted from one.
    let line: Int
    let lastLine: Int
}

struct SourceLexer {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var tokens: [Token] = []

    static func tokens(of text: String) -> [Token] {
        var lexer = SourceLexer(bytes: Array(text.utf8))
        lexer.readCode(untilParenthesisCloses: false)
        return lexer.tokens
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads code to the end, or to the `)` that closes an interpolation.
    private mutating func readCode(untilParenthesisCloses nested: Bool) {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"): readLineComment()
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): readBlockComment()
            case UInt8(ascii: "\""): readString(hashes: 0)
            case UInt8(ascii: "#") where hashesBeforeQuote > 0:
                readString(hashes: hashesBeforeQuote)
            case _ where Self.isWord(byte): readWord()
            default:
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    if nested && depth == 0 { return }
                    depth -= 1
                }
                emit(.mark, from: position, to: position + 1, startLine: line)
                advance()
            }
        }
    }

    private mutating func readWord() {
        let start = position
        while let byte = peek(), Self.isWord(byte) { advance() }
        emit(.word, from: start, to: position, startLine: line)
    }

    private mutating func readLineComment() {
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
        emit(.comment, from: start, to: position, startLine: line)
    }

    private mutating func readBlockComment() {
        let (start, startLine) = (position, line)
        var depth = 0
        repeat {
            if matches("/*") {
                depth += 1
                advance(2)
            } else if matches("*/") {
                depth -= 1
                advance(2)
            } else {
                advance()
            }
        } while depth > 0 && peek() != nil
        emit(.comment, from: start, to: position, startLine: startLine)
    }

    /// Reads a literal of one or many lines; code in its interpolations becomes tokens of its own.
    private mutating func readString(hashes: Int) {
        let (startLine, index) = (line, tokens.count)
        let marks = String(repeating: "#", count: hashes)
        advance(hashes)
        let quote = matches("\"\"\"") ? "\"\"\"" : "\""
        advance(quote.utf8.count)
        var text: [UInt8] = []
        while let byte = peek(), !matches(quote + marks) {
            if matches("\\" + marks + "(") {
                advance(hashes + 2)
                readCode(untilParenthesisCloses: true)
                text.append(UInt8(ascii: "?"))
                advance()
            } else if matches("\\" + marks) {
                text.append(UInt8(ascii: " "))
                advance(hashes + 2)
            } else {
                text.append(byte)
                advance()
            }
        }
        advance(quote.utf8.count + hashes)
        let token = Token(
            kind: .string, text: String(decoding: text, as: UTF8.self), line: startLine,
            lastLine: line)
        tokens.insert(token, at: index)
    }

    private var hashesBeforeQuote: Int {
        var count = 0
        while peek(count) == UInt8(ascii: "#") { count += 1 }
        return peek(count) == UInt8(ascii: "\"") ? count : 0
    }

    private mutating func emit(_ kind: Token.Kind, from start: Int, to end: Int, startLine: Int) {
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        tokens.append(Token(kind: kind, text: text, line: startLine, lastLine: line))
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    private func matches(_ text: String) -> Bool {
        bytes[position...].starts(with: text.utf8)
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}
