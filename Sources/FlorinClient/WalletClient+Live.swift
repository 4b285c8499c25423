import HTTP
import Synchronization

extension WalletClient {
    /// Waiting events, should the reader be slow; beyond, the stream ends with an error.
    private static let eventsWaitingMax = 10_000
    static let reconnectMillisecondsMax: Int64 = 30_000
    static let reconnectMillisecondsUsual: Int64 = 2000

    /// What happens to the caller's wallets and requests from now on, until the reader stops.
    ///
    /// A stream that breaks is opened again, and the server then tells first what was missed. Only
    /// a refusal (such as a session that is over) ends the sequence, with its error.
    /// - Parameter lastID: where an earlier sequence ended.
    public func events(after lastID: String? = nil) -> AsyncThrowingStream<LiveEvent, any Error> {
        let (stream, continuation) = AsyncThrowingStream<LiveEvent, any Error>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.eventsWaitingMax))
        let exchange = exchange
        let task = Task {
            let follower = Follower(lastID: lastID ?? "", to: continuation)
            do { try await follower.follow(exchange) } catch {
                continuation.finish(throwing: error)
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }
}

/// Opens the stream again and again, and hands on what it tells.
private final class Follower: Sendable {
    private struct State {
        var parser: ServerSentEvents
        var lastID: String
        var hasHeard = false
    }

    private let state: Mutex<State>
    private let continuation: AsyncThrowingStream<LiveEvent, any Error>.Continuation

    init(lastID: String, to continuation: AsyncThrowingStream<LiveEvent, any Error>.Continuation) {
        state = Mutex(State(parser: ServerSentEvents(lastID: lastID), lastID: lastID))
        self.continuation = continuation
    }

    func follow(_ exchange: Exchange) async throws {
        var failures: Int64 = 0
        while true {
            try await listen(exchange)
            let (hasHeard, pause) = state.withLock { state in
                defer { state.hasHeard = false }
                return (state.hasHeard, state.parser.reconnectMilliseconds)
            }
            continuation.yield(.interrupted)
            failures = hasHeard ? 0 : failures + 1
            try await Task.sleep(for: Self.pause(after: failures, usual: pause))
        }
    }

    private static func pause(after failures: Int64, usual: Int?) -> Duration {
        let first = usual.map { Int64($0) } ?? WalletClient.reconnectMillisecondsUsual
        let wait = min(max(1, first) << min(failures, 8), WalletClient.reconnectMillisecondsMax)
        return .milliseconds(Int64.random(in: wait / 2...wait))
    }

    /// One stream, until it breaks or ends; throws only what will not get better.
    private func listen(_ exchange: Exchange) async throws {
        let lastID = state.withLock { state in
            state.parser = ServerSentEvents(lastID: state.lastID)
            return state.lastID
        }
        var call = Call(path: "/v1/events")
        call.headers = [("Accept", "text/event-stream, */*;q=0.1")]
        if !lastID.isEmpty { call.headers.append(("Last-Event-ID", lastID)) }
        do {
            let response = try await exchange.authorized(call) { request in
                try await exchange.stream(request, onChunk: self.hear)
            }
            _ = try Exchange.answer(response)
        } catch FlorinError.problem(let problem) where problem.status < 500 && problem.status != 429
        {
            throw FlorinError.problem(problem)
        } catch FlorinError.notLoggedIn {
            throw FlorinError.notLoggedIn
        } catch FlorinError.network(let failure, let mayHaveArrived)
            where [.badAddress, .untrusted].contains(failure)
        {
            throw FlorinError.network(failure, mayHaveArrived: mayHaveArrived)
        } catch is FlorinError {
            return
        }
    }

    /// Called on the HTTP client's thread: parses and passes on, nothing more.
    private func hear(_ bytes: [UInt8]) {
        for event in parse(bytes) ?? [] {
            if case .dropped = continuation.yield(LiveEvent(event)) { return giveUp() }
        }
    }

    private func parse(_ bytes: [UInt8]) -> [ServerSentEvent]? {
        let events = state.withLock { state -> [ServerSentEvent]? in
            state.hasHeard = true
            do {
                let events = try state.parser.feed(bytes)
                if let last = events.last { state.lastID = last.lastID }
                return events
            } catch { return nil }
        }
        if events == nil { giveUp() }
        return events
    }

    /// Ends the sequence, and with it the stream.
    private func giveUp() {
        continuation.finish(throwing: FlorinError.network(.answerTooLarge, mayHaveArrived: true))
    }
}
