import Synchronization
import Values

#if canImport(Glibc)
    import Glibc
#endif

/// The process's log: one JSON object a line, to standard error.
///
/// A line starts with `time`, `level` and `event`, then `request_id` when the line belongs to a
/// request, then the caller's fields. Events are literals, so that what happened can be counted;
/// what varies belongs in fields. Secrets and personal data never reach this type.
package enum Log {
    /// Longer text is cut, so that a hostile value cannot flood the log.
    static let textBytesMax = 2048

    private static let threshold = Atomic<Int>(LogLevel.info.rawValue)
    private static let clock = Clock()

    package static func start(level: LogLevel) {
        threshold.store(level.rawValue, ordering: .relaxed)
    }

    package static func isOn(_ level: LogLevel) -> Bool {
        level.rawValue >= threshold.load(ordering: .relaxed)
    }

    package typealias Fields = KeyValuePairs<String, LogValue>

    package static func debug(
        _ event: StaticString, _ fields: @autoclosure () -> Fields = [:]
    ) {
        if isOn(.debug) { write(.debug, event, fields()) }
    }

    package static func info(
        _ event: StaticString, _ fields: @autoclosure () -> Fields = [:]
    ) {
        if isOn(.info) { write(.info, event, fields()) }
    }

    package static func notice(
        _ event: StaticString, _ fields: @autoclosure () -> Fields = [:]
    ) {
        if isOn(.notice) { write(.notice, event, fields()) }
    }

    package static func warning(
        _ event: StaticString, _ fields: @autoclosure () -> Fields = [:]
    ) {
        if isOn(.warning) { write(.warning, event, fields()) }
    }

    package static func error(
        _ event: StaticString, _ fields: @autoclosure () -> Fields = [:]
    ) {
        if isOn(.error) { write(.error, event, fields()) }
    }

    private static func write(_ level: LogLevel, _ event: StaticString, _ fields: Fields) {
        let bytes = line(
            at: clock.now, level, event, requestID: RequestContext.requestID, fields)
        // One call per line: the kernel does not mix lines that are written whole.
        unsafe bytes.withUnsafeBytes {
            unsafe _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
        }
    }

    /// The line as it is written, with its newline.
    static func line(
        at time: Timestamp, _ level: LogLevel, _ event: StaticString, requestID: String?,
        _ fields: Fields
    ) -> [UInt8] {
        var line = LogLine()
        line.add("time", .text(time.description))
        line.add("level", .text(level.name))
        line.add("event", .text(event.description))
        if let requestID { line.add("request_id", .text(requestID)) }
        for (name, value) in fields { line.add(name, value) }
        return line.finished()
    }
}

/// What a task knows about the request it serves.
package enum RequestContext {
    @TaskLocal package static var requestID: String?
}

/// Builds one JSON object without an encoder: the log must work when everything else does not.
private struct LogLine {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    init() { bytes.reserveCapacity(256) }

    mutating func add(_ name: String, _ value: LogValue) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        addString(name)
        bytes.append(UInt8(ascii: ":"))
        switch value {
        case .text(let text): addString(text)
        case .integer(let integer): bytes += String(integer).utf8
        case .boolean(let boolean): bytes += (boolean ? "true" : "false").utf8
        }
    }

    consuming func finished() -> [UInt8] {
        bytes += "}\n".utf8
        return bytes
    }

    private mutating func addString(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let isLong = text.utf8.count > Log.textBytesMax
        // Cutting at a character keeps the line valid UTF-8.
        for byte in (isLong ? String(text.prefix(Log.textBytesMax / 4)) : text).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case 0..<0x20, 0x7F: bytes += Self.escaped(byte)
            default: bytes.append(byte)
            }
        }
        if isLong { bytes += "…".utf8 }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
