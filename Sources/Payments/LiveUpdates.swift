internal import HTTP
internal import Identity
internal import Ledger
internal import Synchronization
internal import Values

/// Who is listening, and to which accounts; what happens to them waits here to be told.
final class LiveUpdates: Sendable {
    /// Entries that may wait to be told; beyond, the oldest are dropped, and clients read their
    /// history.
    static let waitingMax = 50_000
    /// The journal's latest lines that are kept, at least: some seconds of a busy ledger.
    static let recentMax = 2_000

    private struct State {
        var listeners: [ID<User>: [LiveListener]] = [:]
        var wallets: [AccountID: Wallet] = [:]
        /// What a listener who begins now may have missed while it was finding out what it missed,
        /// and what happened in a wallet before this process knew of it.
        var recent: [Transfer] = []
    }

    /// An entry, and who listened when it happened. Who came later catches up by other means, and
    /// must not hear of it before what is older.
    struct Happening: Sendable {
        let wallet: Wallet
        let entry: Entry
        let listeners: [LiveListener]
    }

    private let state = Mutex(State())
    let happened: AsyncStream<Happening>
    private let happen: AsyncStream<Happening>.Continuation

    init() {
        (happened, happen) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.waitingMax))
    }

    /// From now on the listener is told what happens; first the latest lines again, if it is
    /// catching up, since some may have been written after it looked.
    func subscribe(_ listener: LiveListener, to wallets: [Wallet], isCatchingUp: Bool) {
        let user = listener.session.user
        state.withLock { state in
            state.listeners[user, default: []].append(listener)
            for wallet in wallets {
                state.wallets[wallet.account] = wallet
                if isCatchingUp { tell(state.recent, of: wallet, to: [listener]) }
            }
        }
        listener.stream.onClose { [weak self, weak listener] in
            if let listener { self?.remove(listener) }
        }
    }

    /// A wallet opened while its owner listens, here or by another process.
    func add(_ wallet: Wallet) {
        state.withLock { state in
            guard let listeners = state.listeners[wallet.owner],
                state.wallets[wallet.account] == nil
            else { return }
            state.wallets[wallet.account] = wallet
            tell(state.recent, of: wallet, to: listeners)
        }
    }

    /// The listeners of one person, or of all.
    func listeners(of user: ID<User>?) -> [LiveListener] {
        state.withLock { state in
            guard let user else { return state.listeners.values.flatMap { $0 } }
            return state.listeners[user] ?? []
        }
    }

    /// Called on the ledger's thread: looks up and enqueues, nothing more.
    func journal(_ lines: [Transfer]) {
        state.withLock { state in
            state.recent += lines
            // Seldom, so that a line is moved about once.
            if state.recent.count > 2 * Self.recentMax {
                state.recent.removeFirst(state.recent.count - Self.recentMax)
            }
            guard !state.wallets.isEmpty else { return }
            for line in lines {
                for account in [line.debit, line.credit] {
                    guard let wallet = state.wallets[account] else { continue }
                    tell([line], of: wallet, to: state.listeners[wallet.owner] ?? [])
                }
            }
        }
    }

    func closeAll() {
        for listener in listeners(of: nil) { listener.stream.close() }
    }

    private func tell(_ lines: [Transfer], of wallet: Wallet, to listeners: [LiveListener]) {
        for line in lines where line.debit == wallet.account || line.credit == wallet.account {
            happen.yield(
                Happening(
                    wallet: wallet, entry: Entry(line, seenFrom: wallet.account),
                    listeners: listeners))
        }
    }

    private func remove(_ listener: LiveListener) {
        let user = listener.session.user
        state.withLock { state in
            state.listeners[user]?.removeAll { $0 === listener }
            guard state.listeners[user]?.isEmpty ?? true else { return }
            state.listeners[user] = nil
            state.wallets = state.wallets.filter { $0.value.owner != user }
        }
    }
}

/// One open stream, and how far it has been told what happens to each account.
final class LiveListener: Sendable {
    let session: Session
    let stream: EventStream
    private let start: TransferID
    private let told = Mutex<[AccountID: TransferID]>([:])

    /// - Parameter start: the last line that an earlier stream told.
    init(_ session: Session, _ stream: EventStream, start: TransferID) {
        self.session = session
        self.stream = stream
        self.start = start
    }

    /// Notes that the entry is told; false if it, or a later one, has been.
    func advance(to entry: Entry) -> Bool {
        told.withLock { told in
            guard told[entry.account, default: start] < entry.transfer.id else { return false }
            told[entry.account] = entry.transfer.id
            return true
        }
    }
}
