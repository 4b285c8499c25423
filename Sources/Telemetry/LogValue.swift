/// How much a line of the log matters; lines below the level chosen at start are not even built.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case debug, info, notice, warning, error

    package static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The word in the `level` field, and what an operator writes to choose a level.
    package var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        }
    }

    package init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }
}

/// One field of a log line.
///
/// Only text, whole numbers and truth values: a field that needs structure wants two fields.
package enum LogValue: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case boolean(Bool)

    package init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }
    package init(_ value: Bool) { self = .boolean(value) }

    /// The quiet description of anything: what `description` says is safe to show.
    package init(_ value: some CustomStringConvertible) { self = .text(value.description) }
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}
