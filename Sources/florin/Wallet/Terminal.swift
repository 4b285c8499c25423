internal import Glibc

/// The person's side: what is written to them, and what they are asked.
struct Terminal: Sendable {
    /// One answer of a person; longer ones are cut.
    static let answerBytesMax = 1024

    private let hasColours: Bool
    /// Whether what is said goes to a screen.
    let isScreen: Bool
    /// Whether a person can answer.
    let isInteractive: Bool

    init(environment: [String: String]) {
        let isPlain =
            environment["TERM"] == "dumb" || !(environment["NO_COLOR"] ?? "").isEmpty
        isScreen = isatty(STDOUT_FILENO) == 1
        hasColours = isScreen && !isPlain
        isInteractive = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
    }

    // MARK: Writing

    func say(_ text: String) { Self.write(text + "\n", to: STDOUT_FILENO) }

    /// To standard error, so that what programs read stays clean.
    func remark(_ text: String) { Self.write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to file: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(0, count))
        }
    }

    func strong(_ text: String) -> String { coloured(text, "1") }
    func faint(_ text: String) -> String { coloured(text, "2") }
    func good(_ text: String) -> String { coloured(text, "32") }
    func bad(_ text: String) -> String { coloured(text, "31") }

    private func coloured(_ text: String, _ code: String) -> String {
        hasColours && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// What other people wrote, made harmless: no escape sequences, no reversed reading.
    static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                        "\u{FFFD}"
                    default: scalar
                    }
                }))
    }

    // MARK: Asking

    /// A line from the person, without spaces around it; nil when they ended the input.
    func ask(_ question: String) -> String? {
        Self.write(question, to: STDERR_FILENO)
        return readLine()?.split(separator: " ").joined(separator: " ")
    }

    /// A line that does not show while it is typed; nil when the person gave up.
    func askSecretly(_ question: String) -> String? {
        var before = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &before) == 0 else { return nil }
        var silent = before
        // Without signals, so that Ctrl-C cannot leave the terminal mute.
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else { return nil }
        defer { unsafe _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) }
        // Asked only now: an answer that is typed at once must not show, nor be flushed away.
        Self.write(question, to: STDERR_FILENO)
        defer { Self.write("\n", to: STDERR_FILENO) }
        return Self.readSecret()
    }

    private static func readSecret() -> String? {
        var secret: [UInt8] = []
        var byte: UInt8 = 0
        while unsafe read(STDIN_FILENO, &byte, 1) == 1 {
            switch byte {
            case 0x0A, 0x0D: return String(validating: secret, as: UTF8.self)
            case 0x03, 0x04: return nil
            case 0x08, 0x7F: removeCharacter(&secret)
            default: if secret.count < answerBytesMax { secret.append(byte) }
            }
        }
        return nil
    }

    /// Takes back the last character, which may be several bytes of UTF-8.
    private static func removeCharacter(_ secret: inout [UInt8]) {
        while let last = secret.popLast(), last & 0xC0 == 0x80 {}
    }
}

/// Rows whose columns line up.
struct Table {
    enum Side { case left, right }

    private let sides: [Side]
    private var rows: [[String]] = []

    init(_ sides: Side...) { self.sides = sides }

    mutating func add(_ cells: String...) {
        precondition(cells.count == sides.count, "every row has a cell for each column")
        rows.append(cells)
    }

    /// The lines, with what `style` makes of each cell after it has got its width.
    func lines(_ style: (_ column: Int, _ cell: String) -> String = { $1 }) -> [String] {
        let widths = sides.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            // Nothing follows the last cell that has something to show.
            let shown = row.lastIndex { !$0.isEmpty }.map { row[...$0] } ?? []
            let cells = shown.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                let isLast = column == shown.count - 1
                let cell = style(column, row[column])
                return sides[column] == .right ? space + cell : isLast ? cell : cell + space
            }
            return cells.joined(separator: "  ")
        }
    }
}
