/// One event of a stream.
package struct ServerSentEvent: Sendable, Equatable {
    /// `message` when the server gives none.
    package let name: String
    package let data: String
    /// The last id that the stream gave, with this event or before: what to send as
    /// `Last-Event-ID`.
    package let lastID: String

    package init(name: String, data: String, lastID: String) {
        self.name = name
        self.data = data
        self.lastID = lastID
    }
}

/// Reads `text/event-stream` (WHATWG HTML, section 9.2) from chunks that break anywhere.
package struct ServerSentEvents: Sendable {
    /// Of one event; a stream that says more is no stream of ours.
    package static let eventBytesMax = 1024 * 1024

    /// Milliseconds to stay away after a break, once the server has said so.
    package private(set) var reconnectMilliseconds: Int?

    private var line: [UInt8] = []
    private var isAfterReturn = false
    private var isAtStart = true
    private var name = ""
    private var data: [UInt8]?
    private var lastID: String

    /// - Parameter lastID: where an earlier stream ended.
    package init(lastID: String = "") { self.lastID = lastID }

    package struct TooLong: Error {}

    /// The events that these bytes complete.
    package mutating func feed(_ bytes: [UInt8]) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            // A line ends with LF, CR, or both; the LF of a pair ends nothing more.
            defer { isAfterReturn = byte == 0x0D }
            if byte == 0x0A, isAfterReturn { continue }
            guard byte == 0x0A || byte == 0x0D else {
                line.append(byte)
                guard line.count + (data?.count ?? 0) <= Self.eventBytesMax else { throw TooLong() }
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer {
            line.removeAll(keepingCapacity: true)
            isAtStart = false
        }
        if isAtStart, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        guard !line.isEmpty else { return dispatch() }
        let field = line.prefix { $0 != UInt8(ascii: ":") }
        var value = line.dropFirst(field.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        take(String(decoding: field, as: UTF8.self), value)
        return nil
    }

    private mutating func take(_ field: String, _ value: ArraySlice<UInt8>) {
        switch field {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "data": append(value)
        case "id" where !value.contains(0): lastID = String(decoding: value, as: UTF8.self)
        case "retry" where value.allSatisfy { (0x30...0x39).contains($0) }:
            reconnectMilliseconds = Int(String(decoding: value, as: UTF8.self))
        default: break
        }
    }

    /// In place: an event of many lines would otherwise be copied once for each of them.
    private mutating func append(_ value: ArraySlice<UInt8>) {
        if data == nil { data = [] } else { data?.append(0x0A) }
        data?.append(contentsOf: value)
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer { (name, data) = ("", nil) }
        guard let data else { return nil }
        return ServerSentEvent(
            name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self),
            lastID: lastID)
    }
}
