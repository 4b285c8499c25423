package import HTTP
internal import Synchronization
package import Values

/// How requests reach a provider: a line to the real one, or a simulator in the same process.
package struct Wire: Sendable {
    package let send: @Sendable (OutboundRequest) async throws(OutboundError) -> OutboundResponse
    /// Whether the provider is believed to answer.
    package let isUp: @Sendable () -> Bool

    package init(
        isUp: @escaping @Sendable () -> Bool = { true },
        send: @escaping @Sendable (OutboundRequest) async throws(OutboundError) -> OutboundResponse
    ) {
        self.send = send
        self.isUp = isUp
    }

    package init(_ line: OutboundLine) {
        self.init(isUp: { line.isUp }) { request async throws(OutboundError) in
            try await line.send(request)
        }
    }
}

/// What was said to a provider and what it answered, for the payment's timeline; secrets are masked
/// before it is kept anywhere.
package struct Exchange: Sendable {
    package let at: Timestamp
    /// What was asked, in the provider's words: `stk_push`.
    package let operation: String
    package let request: String
    /// What came back, or why nothing did.
    package let answer: String
    /// Nil when there was no answer.
    package let status: Int?
    package let milliseconds: Int64
}

/// One talk with a provider about one payment. It remembers what was said.
package final class Conversation: Sendable {
    private struct State {
        var exchanges: [Exchange] = []
        var wasCut = false
    }

    private let wire: Wire
    private let clock: Clock
    private let state = Mutex(State())

    package init(over wire: Wire, clock: Clock) {
        self.wire = wire
        self.clock = clock
    }

    package var now: Timestamp { clock.now }
    package var exchanges: [Exchange] { state.withLock { $0.exchanges } }

    /// Whether this process ended the talk itself: then nothing was learned, and whoever finds the
    /// payment next asks.
    package var wasCut: Bool { state.withLock { $0.wasCut } }

    /// - Parameter hiding: names of fields, of the request or of the answer, whose values nobody
    ///   may see. Fields of the head that prove who we are are always hidden.
    package func send(
        _ request: OutboundRequest, as operation: String, hiding: Set<String> = []
    ) async throws(OutboundError) -> OutboundResponse {
        let begin = clock.now
        do throws(OutboundError) {
            let response = try await wire.send(request)
            keep(operation, request, begin, hiding, response, nil)
            return response
        } catch {
            if case .cancelled = error { state.withLock { $0.wasCut = true } }
            if case .closed = error { state.withLock { $0.wasCut = true } }
            keep(operation, request, begin, hiding, nil, error)
            throw error
        }
    }

    private func keep(
        _ operation: String, _ request: OutboundRequest, _ begin: Timestamp, _ hiding: Set<String>,
        _ response: OutboundResponse?, _ error: OutboundError?
    ) {
        let exchange = Exchange(
            at: begin, operation: operation,
            request: "\(request.method.rawValue) \(Masked.path(of: request.url))\n"
                + Masked.body(request.body, hiding: hiding),
            answer: response.map { Masked.body($0.body, hiding: hiding) }
                ?? error.map { "\($0)" } ?? "",
            status: response?.status,
            milliseconds: (clock.now.microseconds - begin.microseconds) / 1000)
        state.withLock { $0.exchanges.append(exchange) }
    }
}

/// Texts of the wire, without what must not be kept.
enum Masked {
    /// Of one body; what is longer says little more.
    static let bytesMax = 8 * 1024
    static let mask = "•••"

    /// Host and path; a query may carry anything.
    static func path(of url: String) -> String { String(url.prefix { $0 != "?" }) }

    static func body(_ bytes: [UInt8], hiding names: Set<String>) -> String {
        guard !bytes.isEmpty else { return "" }
        if let json = parsed(bytes) { return short(masked(json, names).text) }
        let text = String(decoding: bytes, as: UTF8.self)
        if let form = maskedForm(text, names) { return short(form) }
        // Whatever it is, a secret could be anywhere in it.
        return names.isEmpty ? short(text) : "(\(bytes.count) bytes that cannot be read)"
    }

    private static func parsed(_ bytes: [UInt8]) -> JSON? {
        do { return try JSON(parsing: bytes) } catch { return nil }
    }

    private static func masked(_ json: JSON, _ names: Set<String>) -> JSON {
        switch json {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { name, value in
                        (name, names.contains(name) ? .string(mask) : masked(value, names))
                    }))
        case .array(let elements): .array(elements.map { masked($0, names) })
        default: json
        }
    }

    private static func maskedForm(_ text: String, _ names: Set<String>) -> String? {
        let pairs = text.split(separator: "&")
        guard pairs.allSatisfy({ $0.contains("=") && !$0.contains(" ") && !$0.contains("{") })
        else { return nil }
        return pairs.map { pair in
            let name = String(pair.prefix { $0 != "=" })
            return names.contains(name) ? name + "=" + mask : String(pair)
        }.joined(separator: "&")
    }

    private static func short(_ text: String) -> String {
        text.utf8.count <= bytesMax ? text : String(text.prefix(bytesMax / 4)) + "…"
    }
}
