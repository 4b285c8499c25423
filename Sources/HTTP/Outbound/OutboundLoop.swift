import CCurl
import Glibc
import Synchronization

/// The thread on which libcurl runs, and the way orders get to it.
///
/// A curl multi handle belongs to one thread; only `curl_multi_wakeup` may be called from another,
/// and that is done under the lock that also guards the end, so it never meets a freed handle.
/// Sendable because everything else about the handle stays on the thread.
@safe final class OutboundLoop: @unchecked Sendable {
    private struct Inbox {
        var orders: [OutboundOrder] = []
        var cancelled: [OutboundTicket] = []
        var isClosing = false
        /// From here on the handle may be gone.
        var isClosed = false
    }

    /// Nothing is due; orders wake the thread sooner.
    private static let idleMilliseconds: Int32 = 60_000

    private let inbox = Mutex(Inbox())
    private let multi: UnsafeMutableRawPointer
    private let responseBytesMax: Int

    init(limits: HTTPClient.Limits) {
        Self.startLibrary()
        guard let multi = unsafe curl_multi_init() else { preconditionFailure("no memory") }
        unsafe self.multi = multi
        responseBytesMax = limits.responseBytesMax
        for (option, value) in [
            (CURLMOPT_MAX_TOTAL_CONNECTIONS, limits.connectionsMax),
            (CURLMOPT_MAX_HOST_CONNECTIONS, limits.connectionsPerHostMax),
            (CURLMOPT_MAXCONNECTS, limits.connectionsMax),
        ] {
            unsafe _ = florin_curl_multi_set_long(multi, option, value)
        }
        startThread()
    }

    private static func startLibrary() { precondition(isLibraryReady, "libcurl does not start") }
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private func startThread() {
        var thread = pthread_t()
        // The thread keeps the loop alive until `close` ends it.
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<OutboundLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        precondition(status == 0, "no thread for outbound HTTP")
        pthread_detach(thread)
    }

    // MARK: From any thread

    func submit(_ order: OutboundOrder) {
        let isTaken = inbox.withLock { inbox in
            guard !inbox.isClosing else { return false }
            inbox.orders.append(order)
            unsafe curl_multi_wakeup(multi)
            return true
        }
        if !isTaken { order.onEnd(.failure(.closed(.notSent))) }
    }

    func cancel(_ ticket: OutboundTicket) {
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return }
            inbox.cancelled.append(ticket)
            unsafe curl_multi_wakeup(multi)
        }
    }

    func close() {
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return }
            inbox.isClosing = true
            unsafe curl_multi_wakeup(multi)
        }
    }

    // MARK: On the thread

    private func run() {
        Self.blockSignals()
        var transfers: [ObjectIdentifier: OutboundTransfer] = [:]
        while work(&transfers) {
            var running: Int32 = 0
            unsafe curl_multi_perform(multi, &running)
            endFinished(&transfers)
            unsafe curl_multi_poll(multi, nil, 0, Self.idleMilliseconds, nil)
        }
        for transfer in transfers.values {
            end(transfer, .failure(.closed(transfer.delivery)))
        }
        inbox.withLock { inbox in
            inbox.isClosed = true
            unsafe curl_multi_cleanup(multi)
        }
    }

    /// Signals belong to the threads that wait for them; SIGPIPE becomes an error of the write.
    private static func blockSignals() {
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
    }

    /// Takes what the inbox holds; false when it is time to end.
    private func work(_ transfers: inout [ObjectIdentifier: OutboundTransfer]) -> Bool {
        let (orders, cancelled, isClosing) = inbox.withLock { inbox in
            defer { (inbox.orders, inbox.cancelled) = ([], []) }
            return (inbox.orders, inbox.cancelled, inbox.isClosing)
        }
        for order in orders { start(order, &transfers) }
        for ticket in cancelled {
            guard let transfer = transfers.removeValue(forKey: ObjectIdentifier(ticket)) else {
                continue
            }
            end(transfer, .failure(.cancelled(transfer.delivery)))
        }
        return !isClosing
    }

    private func start(
        _ order: OutboundOrder, _ transfers: inout [ObjectIdentifier: OutboundTransfer]
    ) {
        guard !order.ticket.isCancelled.load(ordering: .acquiring) else {
            return order.onEnd(.failure(.cancelled(.notSent)))
        }
        guard let transfer = OutboundTransfer(order, responseBytesMax: responseBytesMax),
            unsafe curl_multi_add_handle(multi, transfer.easy) == CURLM_OK
        else { return order.onEnd(.failure(.invalidRequest)) }
        transfers[ObjectIdentifier(order.ticket)] = transfer
    }

    private func endFinished(_ transfers: inout [ObjectIdentifier: OutboundTransfer]) {
        var code = CURLE_OK
        while let easy = unsafe florin_curl_multi_ended(multi, &code) {
            guard let transfer = unsafe OutboundTransfer.of(easy),
                transfers.removeValue(forKey: ObjectIdentifier(transfer.order.ticket)) != nil
            else { preconditionFailure("libcurl ended a transfer that nobody started") }
            end(transfer, transfer.outcome(code))
        }
    }

    private func end(_ transfer: OutboundTransfer, _ outcome: OutboundOutcome) {
        unsafe curl_multi_remove_handle(multi, transfer.easy)
        transfer.order.onEnd(outcome)
    }
}
