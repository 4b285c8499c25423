internal import Synchronization
internal import Values

/// A bearer token that is fetched once for all who need it, and again when it is about to end.
final class TokenCache: Sendable {
    struct Token: Sendable {
        let text: String
        let endsAt: Timestamp
    }

    private struct State {
        var token: Token?
        var isFetching = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// Before its end a token is not used: the request needs time to arrive.
    private static let reserveSeconds: Int64 = 60
    private static let attemptsMax = 3

    private let state = Mutex(State())

    /// The token that is there, or what `fetch` brings.
    func token<Failure: Error>(
        at now: Timestamp, _ fetch: () async throws(Failure) -> Token?
    ) async throws(Failure) -> String? {
        for _ in 0..<Self.attemptsMax {
            switch turn(at: now) {
            case .have(let text): return text
            case .wait: await wait()
            case .fetch:
                var fetched: Token?
                defer { end(fetched) }
                fetched = try await fetch()
                return fetched?.text
            }
        }
        return nil
    }

    /// The server does not like it any more.
    func forget(_ text: String) {
        state.withLock { state in
            if state.token?.text == text { state.token = nil }
        }
    }

    private enum Turn { case have(String), wait, fetch }

    private func turn(at now: Timestamp) -> Turn {
        state.withLock { state in
            if let token = state.token, now.adding(seconds: Self.reserveSeconds) < token.endsAt {
                return .have(token.text)
            }
            if state.isFetching { return .wait }
            state.isFetching = true
            return .fetch
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isFetching { state.waiting.append(continuation) }
                return !state.isFetching
            }
            if isOver { continuation.resume() }
        }
    }

    private func end(_ token: Token?) {
        let waiting = state.withLock { state in
            state.isFetching = false
            if let token { state.token = token }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
