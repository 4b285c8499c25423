internal import Synchronization
internal import Values

/// Access tokens and keys that were checked lately, bounded and never beyond their own time.
final class SessionCache: Sendable {
    /// About 400 bytes each.
    static let tokensMax = 50_000
    /// For how long what is here counts after everything was heard that other processes said.
    static let secondsTrusted: Int64 = 15

    private struct Entry {
        let caller: Caller
        let expiresAt: Timestamp
    }

    /// A token ends with its signature, which nobody can choose: its last bytes are hash enough,
    /// and spare hashing hundreds of others with each request.
    private struct TokenKey: Hashable {
        let text: String

        func hash(into hasher: inout Hasher) {
            hasher.combine(text.utf8.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    private struct State {
        var entries: [TokenKey: Entry] = [:]
        var tokens: [ID<User>: Set<String>] = [:]
        /// Moves whenever something is forgotten, so that a look-up that began before keeps
        /// nothing.
        var generation: UInt64 = 0
        /// While it is not known what other processes say, the database is asked each time.
        var trustedUntil = Timestamp(microseconds: 0)

        mutating func clear() {
            entries = [:]
            tokens = [:]
        }
    }

    private let state = Mutex(State())

    var generation: UInt64 { state.withLock { $0.generation } }

    func caller(for token: String, at now: Timestamp) -> Caller? {
        state.withLock { state in
            guard now < state.trustedUntil,
                let entry = state.entries[TokenKey(text: token)], now < entry.expiresAt
            else { return nil }
            return entry.caller
        }
    }

    func keep(
        _ caller: Caller, for token: String, until expiresAt: Timestamp,
        seenAt generation: UInt64
    ) {
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.entries.count >= Self.tokensMax { state.clear() }
            state.entries[TokenKey(text: token)] = Entry(caller: caller, expiresAt: expiresAt)
            state.tokens[caller.user, default: []].insert(token)
        }
    }

    /// A person's session, which is looked up again when staff may work in it no longer.
    func keep(
        _ session: Session, for token: String, until expiresAt: Timestamp,
        seenAt generation: UInt64
    ) {
        keep(
            .person(session), for: token, until: min(expiresAt, session.worksUntil ?? expiresAt),
            seenAt: generation)
    }

    func forget(user: ID<User>) {
        state.withLock { state in
            state.generation += 1
            for token in state.tokens.removeValue(forKey: user) ?? [] {
                state.entries.removeValue(forKey: TokenKey(text: token))
            }
        }
    }

    /// Everything was heard that other processes had said a moment ago.
    func trust(at now: Timestamp) {
        state.withLock { $0.trustedUntil = now.adding(seconds: Self.secondsTrusted) }
    }

    /// From now on something may be missed.
    func distrust() {
        state.withLock { state in
            state.trustedUntil = Timestamp(microseconds: 0)
            state.generation += 1
            state.clear()
        }
    }

    func forgetAll() {
        state.withLock { state in
            state.generation += 1
            state.clear()
        }
    }
}
