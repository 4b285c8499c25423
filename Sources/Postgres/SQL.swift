/// A statement whose text can only come from source literals and whose values travel apart.
///
/// `"SELECT name FROM people WHERE id = \(id)"` becomes the text `… WHERE id = $1` and one bound
/// value. A hole takes anything `SQLBindable`, or another `SQL`, whose parameters are renumbered.
/// There is no way to put a `String` of run time into the text except `SQL(identifier:)`.
///
/// Values carry their type to the server: text meant for another type wants a cast in the
/// statement, such as `\(document)::jsonb`.
package struct SQL: Sendable {
    package private(set) var text: String
    package private(set) var values: [SQLValue] = []

    /// The place of each `$n` in the text, as UTF-8 offsets, so that a piece can be renumbered.
    private var placeholders: [Range<Int>] = []

    package static let empty: SQL = ""

    /// A name chosen at run time, quoted so that it can only be read as one name.
    package init(identifier name: String) {
        precondition(!name.isEmpty && !name.utf8.contains(0), "a name holds at least one character")
        text = "\""
        for scalar in name.unicodeScalars {
            if scalar == "\"" { text.unicodeScalars.append(scalar) }
            text.unicodeScalars.append(scalar)
        }
        text += "\""
    }

    package static func + (left: SQL, right: SQL) -> SQL {
        var whole = left
        whole.append(right)
        return whole
    }
}

extension SQL: ExpressibleByStringInterpolation {
    package init(stringLiteral literal: StaticString) {
        text = literal.description
    }

    package init(stringInterpolation pieces: Pieces) {
        self = pieces.sql
    }

    package struct Pieces: StringInterpolationProtocol {
        fileprivate var sql: SQL = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            sql.text.reserveCapacity(literalCapacity + 3 * interpolationCount)
            sql.values.reserveCapacity(interpolationCount)
            sql.placeholders.reserveCapacity(interpolationCount)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            literal.withUTF8Buffer { sql.text += unsafe String(decoding: $0, as: UTF8.self) }
        }

        package mutating func appendInterpolation<Value: SQLBindable>(_ value: Value) {
            sql.append(value.sqlValue)
        }

        /// The compiler takes an optional in a string for a mistake, unless this says otherwise.
        package mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) {
            sql.append(value.sqlValue)
        }

        package mutating func appendInterpolation(_ piece: SQL) {
            sql.append(piece)
        }
    }

    private mutating func append(_ value: SQLValue) {
        values.append(value)
        let start = text.utf8.count
        text += "$"
        text += String(values.count)
        placeholders.append(start..<text.utf8.count)
    }

    private mutating func append(_ piece: SQL) {
        let bytes = piece.text.utf8
        var position = bytes.startIndex
        for (value, placeholder) in zip(piece.values, piece.placeholders) {
            let start = bytes.index(bytes.startIndex, offsetBy: placeholder.lowerBound)
            text += piece.text[position..<start]
            append(value)
            position = bytes.index(start, offsetBy: placeholder.count)
        }
        text += piece.text[position...]
    }
}

extension Sequence<SQL> {
    /// The pieces with `separator` between them.
    package func joined(separator: SQL) -> SQL {
        var whole = SQL.empty
        for (index, piece) in enumerated() {
            whole = index == 0 ? piece : whole + separator + piece
        }
        return whole
    }
}

extension SQL: CustomStringConvertible {
    /// The text without the values, which may be personal.
    package var description: String { text }
}

extension SQL: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: ["text": text]) }
}
