import Synchronization

/// One client's server-sent events (WHATWG HTML §9.2), fed from any thread.
///
/// The buffer is bounded: a client that reads slower than it is told things is cut, and comes
/// back with `Last-Event-ID` when it can.
package final class EventStream: Sendable {
    /// Bytes that may wait for one client.
    package static let pendingBytesMax = 64 * 1024
    /// How long to stay away after a break, told to the client at the start.
    static let reconnectMilliseconds = 2000

    fileprivate struct State {
        var pending: [UInt8] = []
        var isClosed = false
        var isReaderWaiting = false
        var sink: StreamSink?
        var onClose: [@Sendable () -> Void] = []

        /// The reader to wake, if it waits.
        mutating func wakesReader() -> StreamSink? {
            defer { isReaderWaiting = false }
            return isReaderWaiting ? sink : nil
        }
    }

    private let state: Mutex<State>

    package init() {
        let greeting = "retry: \(Self.reconnectMilliseconds)\n\n"
        state = Mutex(State(pending: Array(greeting.utf8)))
    }

    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Queues one event. False means that the client is gone, or was too slow and is gone now.
    ///
    /// `event` and `id` must be single lines; `data` may have several.
    @discardableResult
    package func send(event: String, id: String? = nil, data: [UInt8]) -> Bool {
        push(Self.frame(event: event, id: id, data: data))
    }

    /// Runs once, when the stream ends for whatever reason; at once if it has ended already.
    package func onClose(_ action: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.onClose.append(action) }
            return state.isClosed
        }
        if isClosed { action() }
    }

    /// Ends the stream after what is pending.
    package func close() {
        let (sink, actions) = state.withLock { state in
            (state.wakesReader(), state.close())
        }
        for action in actions { action() }
        sink?.wake()
    }

    private func push(_ bytes: [UInt8]) -> Bool {
        let (outcome, sink) = state.withLock { state -> (PushOutcome, StreamSink?) in
            guard !state.isClosed else { return (.closed, nil) }
            guard state.pending.count + bytes.count <= Self.pendingBytesMax else {
                return (.overflowed, state.sink)
            }
            state.pending.append(contentsOf: bytes)
            return (.queued, state.wakesReader())
        }
        switch outcome {
        case .queued: sink?.wake()
        case .closed: break
        case .overflowed:
            sink?.cut()
            close()
        }
        return outcome == .queued
    }

    private enum PushOutcome { case queued, closed, overflowed }

    private static func frame(event: String, id: String?, data: [UInt8]) -> [UInt8] {
        precondition(!event.utf8.contains(where: isLineEnd), "an event's name is one line")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 64)
        bytes.append(contentsOf: "event: \(event)\n".utf8)
        if let id {
            precondition(!id.utf8.contains(where: isLineEnd), "an event's id is one line")
            bytes.append(contentsOf: "id: \(id)\n".utf8)
        }
        for line in data.split(omittingEmptySubsequences: false, whereSeparator: isLineEnd) {
            bytes.append(contentsOf: "data: ".utf8)
            bytes.append(contentsOf: line)
            bytes.append(UInt8(ascii: "\n"))
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }
}

extension EventStream.State {
    /// Returns what is to be told, outside the lock.
    fileprivate mutating func close() -> [@Sendable () -> Void] {
        isClosed = true
        defer { onClose = [] }
        return onClose
    }
}

// MARK: The connection's side

extension EventStream: AnswerStream {
    var phase: Peer.Phase { .streaming }

    func attach(_ sink: StreamSink) {
        state.withLock { $0.sink = sink }
    }

    /// Forgets the connection; the stream is over for its owner too.
    func detach() {
        state.withLock { $0.sink = nil }
        close()
    }

    func read(bytesMax: Int) -> StreamReading {
        state.withLock { state in
            guard !state.pending.isEmpty else {
                state.isReaderWaiting = !state.isClosed
                return state.isClosed ? .end : .wait
            }
            let taken = Array(state.pending.prefix(bytesMax))
            state.pending.removeFirst(taken.count)
            return .bytes(taken)
        }
    }

    /// Clients come back to another server, with the id of what they saw last.
    func drain() { close() }

    /// A comment that keeps proxies from closing a quiet stream and finds clients that left.
    func sendHeartbeat() {
        _ = push(Array(":\n\n".utf8))
    }
}
