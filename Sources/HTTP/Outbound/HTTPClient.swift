import Synchronization

/// Speaks HTTP/1.1 to other servers, over connections that it keeps and reuses.
///
/// Redirects are not followed, proxies named in the environment are ignored, certificates are
/// checked, and cookies are not kept: a request goes where its URL says or nowhere.
package final class HTTPClient: Sendable {
    package struct Limits: Sendable {
        /// Open at once; requests beyond wait for one, within their own time-out.
        package var connectionsMax = 64
        package var connectionsPerHostMax = 16
        package var responseBytesMax = 4 * 1024 * 1024

        package init() {}
    }

    private let loop: OutboundLoop

    package init(limits: Limits = Limits()) {
        loop = OutboundLoop(limits: limits)
    }

    package convenience init(connectionsMax: Int) {
        var limits = Limits()
        limits.connectionsMax = connectionsMax
        self.init(limits: limits)
    }

    deinit { loop.close() }

    /// Ends what is under way with `.closed` and refuses what comes after.
    package func close() { loop.close() }

    /// The complete answer. Cancelling the task aborts the exchange.
    package func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundResponse {
        try await run(request, onChunk: nil)
    }

    /// Gives the body of a successful answer to `onChunk` as it comes, until the server ends it.
    ///
    /// `onChunk` runs on the client's only thread and must not wait. The body of an answer that is
    /// not 2xx is collected instead, and comes back in the response.
    package func stream(
        _ request: OutboundRequest, onChunk: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(OutboundError) -> OutboundResponse {
        try await run(request, onChunk: onChunk)
    }

    private func run(
        _ request: OutboundRequest, onChunk: (@Sendable ([UInt8]) -> Void)?
    ) async throws(OutboundError) -> OutboundResponse {
        guard request.isSendable else { throw .invalidRequest }
        let ticket = OutboundTicket()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.submit(
                    OutboundOrder(
                        ticket: ticket, request: request, onChunk: onChunk,
                        onEnd: { continuation.resume(returning: $0) }))
            }
        } onCancel: {
            ticket.isCancelled.store(true, ordering: .releasing)
            loop.cancel(ticket)
        }
        return try outcome.get()
    }
}

typealias OutboundOutcome = Result<OutboundResponse, OutboundError>

/// One call, from its start to its only outcome.
struct OutboundOrder: Sendable {
    let ticket: OutboundTicket
    let request: OutboundRequest
    let onChunk: (@Sendable ([UInt8]) -> Void)?
    let onEnd: @Sendable (OutboundOutcome) -> Void
}

/// The identity of a call. A cancellation may overtake the order it belongs to, so the flag is
/// here.
final class OutboundTicket: Sendable {
    let isCancelled = Atomic<Bool>(false)
}

extension OutboundRequest {
    /// libcurl passes on what it is given, so line breaks must be stopped before it.
    fileprivate var isSendable: Bool {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return ["http", "https"].contains(scheme)
            && url.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            && headers.allSatisfy { name, value in
                !name.isEmpty && name.utf8.allSatisfy(ASCII.isToken)
                    && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
            }
            && !(unixSocket ?? "").utf8.contains(0)
    }
}
