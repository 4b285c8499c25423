internal import Synchronization
internal import Telemetry

/// The body of one answer, written by its producer while it is sent.
///
/// The buffer is bounded: the producer waits for a client that reads slowly, and holds no more than
/// what the client has not taken yet.
package final class BodyStream: Sendable {
    /// Bytes that wait for the client before the producer does.
    static let pendingBytesMax = 64 * 1024

    package typealias Produce = @Sendable (BodyStream) async throws -> Void

    /// The client is gone, or the server could not wait.
    package struct Closed: Error {}

    fileprivate enum Ending { case whole, broken }

    fileprivate struct State {
        var pending: [UInt8] = []
        var ending: Ending?
        var isReaderWaiting = false
        var sink: StreamSink?
        var writer: CheckedContinuation<Bool, Never>?
        var task: Task<Void, Never>?

        /// The reader to wake, if it waits.
        mutating func wakesReader() -> StreamSink? {
            defer { isReaderWaiting = false }
            return isReaderWaiting ? sink : nil
        }

        mutating func takesWriter() -> CheckedContinuation<Bool, Never>? {
            defer { writer = nil }
            return writer
        }
    }

    private let produce: Produce
    private let requestID = RequestContext.requestID
    private let state = Mutex(State())

    init(_ produce: @escaping Produce) {
        self.produce = produce
    }

    /// Sends more of the body. Returns when there is room for what comes next.
    package func write(_ bytes: [UInt8]) async throws(Closed) {
        let isOpen = await withCheckedContinuation { continuation in
            let (answer, sink) = state.withLock { state -> (Bool?, StreamSink?) in
                guard state.ending == nil else { return (false, nil) }
                state.pending.append(contentsOf: bytes)
                let sink = state.wakesReader()
                guard state.pending.count >= Self.pendingBytesMax else { return (true, sink) }
                state.writer = continuation
                return (nil, sink)
            }
            sink?.wake()
            if let answer { continuation.resume(returning: answer) }
        }
        guard isOpen else { throw Closed() }
    }

    private func run() async {
        await RequestContext.$requestID.withValue(requestID) {
            do {
                try await produce(self)
                end(.whole)
            } catch {
                Log.warning("http_answer_broken_off", ["error": "\(error)"])
                end(.broken)
            }
        }
    }

    private func end(_ ending: Ending) {
        let (sink, writer) = state.withLock { state in
            state.ending = state.ending ?? ending
            return (state.wakesReader(), state.takesWriter())
        }
        writer?.resume(returning: false)
        sink?.wake()
    }
}

// MARK: The connection's side

extension BodyStream: AnswerStream {
    var phase: Peer.Phase { .producing }

    func attach(_ sink: StreamSink) {
        state.withLock { state in
            state.sink = sink
            state.task = Task { await run() }
        }
    }

    func detach() {
        state.withLock { $0.sink = nil }
        close()
    }

    func read(bytesMax: Int) -> StreamReading {
        let (reading, writer) = state.withLock { state in
            let reading = state.read(bytesMax: bytesMax)
            let hasRoom = state.pending.count < Self.pendingBytesMax
            return (reading, hasRoom && state.ending == nil ? state.takesWriter() : nil)
        }
        writer?.resume(returning: true)
        return reading
    }

    /// Its connection has a deadline instead.
    func sendHeartbeat() {}

    /// Whoever asked gets the rest, for as long as the server waits for anything.
    func drain() {}

    func close() {
        state.withLock { $0.task }?.cancel()
        end(.broken)
    }
}

extension BodyStream.State {
    fileprivate mutating func read(bytesMax: Int) -> StreamReading {
        guard pending.isEmpty else {
            let taken = Array(pending.prefix(bytesMax))
            pending.removeFirst(taken.count)
            return .bytes(taken)
        }
        switch ending {
        case .whole: return .end
        case .broken: return .broken
        case nil:
            isReaderWaiting = true
            return .wait
        }
    }
}
