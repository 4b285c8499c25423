package import HTTP
package import Identity
internal import Jobs
package import Ledger
internal import Postgres
internal import Synchronization
internal import Telemetry
package import Values

/// Who is listening, and to which accounts; what happens to them waits here to be told.
final class LiveUpdates: Sendable {
    /// Entries that may wait to be told; beyond, the oldest are dropped, and clients read their
    /// history.
    static let waitingMax = 50_000
    /// Lines kept for wallets that are not known yet: some seconds of a busy ledger.
    static let recentMax = 2_000

    private struct State {
        var listeners: [ID<User>: [Listener]] = [:]
        var wallets: [AccountID: Wallet] = [:]
        /// The journal's latest lines, for wallets that become known after their first line:
        /// another process opened them and wrote it.
        var recent: [Transfer] = []
    }

    struct Listener: Sendable {
        let session: Session
        let stream: EventStream
    }

    private let state = Mutex(State())
    let happened: AsyncStream<(Wallet, Entry)>
    private let happen: AsyncStream<(Wallet, Entry)>.Continuation

    init() {
        (happened, happen) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.waitingMax))
    }

    func subscribe(_ stream: EventStream, of session: Session, to wallets: [Wallet]) {
        let user = session.user
        state.withLock { state in
            state.listeners[user, default: []].append(Listener(session: session, stream: stream))
            for wallet in wallets { state.wallets[wallet.account] = wallet }
        }
        stream.onClose { [weak self] in self?.remove(stream, of: user) }
    }

    /// A wallet opened while its owner listens, here or by another process.
    func add(_ wallet: Wallet) {
        state.withLock { state in
            guard state.listeners[wallet.owner] != nil, state.wallets[wallet.account] == nil
            else { return }
            state.wallets[wallet.account] = wallet
            for line in state.recent where [line.debit, line.credit].contains(wallet.account) {
                happen.yield((wallet, Entry(line, seenFrom: wallet.account)))
            }
        }
    }

    func streams(of user: ID<User>) -> [EventStream] {
        state.withLock { $0.listeners[user]?.map(\.stream) ?? [] }
    }

    /// The listeners of one person, or of all.
    func listeners(of user: ID<User>?) -> [Listener] {
        state.withLock { state in
            guard let user else { return state.listeners.values.flatMap { $0 } }
            return state.listeners[user] ?? []
        }
    }

    /// Called on the ledger's thread: looks up and enqueues, nothing more.
    func journal(_ lines: [Transfer]) {
        state.withLock { state in
            guard !state.listeners.isEmpty else { return state.recent = [] }
            state.recent = state.recent.suffix(max(0, Self.recentMax - lines.count)) + lines
            for line in lines {
                for account in [line.debit, line.credit] {
                    guard let wallet = state.wallets[account] else { continue }
                    happen.yield((wallet, Entry(line, seenFrom: account)))
                }
            }
        }
    }

    private func remove(_ stream: EventStream, of user: ID<User>) {
        state.withLock { state in
            state.listeners[user]?.removeAll { $0.stream === stream }
            guard state.listeners[user]?.isEmpty ?? true else { return }
            state.listeners[user] = nil
            state.wallets = state.wallets.filter { $0.value.owner != user }
        }
    }

    func closeAll() {
        for listener in listeners(of: nil) { listener.stream.close() }
    }
}

extension Payments {
    /// Events shown to someone who comes back with `Last-Event-ID`, at most; older ones are in the
    /// history.
    static let missedMax = 200
    /// The kind of the event that tells of a new wallet.
    static let walletOpened = "wallet"

    /// A stream of what happens to this person from now on, after what they missed since `last`.
    package func listen(
        _ session: Session, missedSince last: ID<Transfer>?
    ) async throws -> EventStream {
        let stream = EventStream()
        let wallets = try await stored(where: "w.user_id = \(session.user)")
        live.subscribe(stream, of: session, to: wallets)
        stream.send(event: "ready", data: Array("{}".utf8))
        if let last {
            for wallet in wallets { try await tellMissed(wallet, since: last, to: stream) }
        }
        return stream
    }

    /// Tells listeners what happens, until cancelled.
    package func runLive() async {
        for await (wallet, entry) in live.happened {
            do {
                let described = try await described([entry], in: wallet.currency)
                for stream in live.streams(of: wallet.owner) {
                    for entry in described { tell(entry, of: wallet, to: stream) }
                }
            } catch {
                Log.warning("live.entry_not_told", ["error": "\(error)"])
            }
        }
    }

    /// Ends the streams whose sessions have ended: of the person whom a notification of `Identity`
    /// named, or of everyone when some may have been missed.
    package func hangUpEndedSessions(of person: String?) async {
        for listener in live.listeners(of: person.flatMap { ID<User>($0) }) {
            do {
                if try await !identity.isOpen(listener.session) { listener.stream.close() }
            } catch {
                Log.warning("live.session_not_checked", ["error": "\(error)"])
            }
        }
    }

    /// Ends every stream, so that a draining server need not wait for them.
    package func hangUp() { live.closeAll() }

    // MARK: Steps

    func followJournal() {
        ledger.follow { [live] lines in live.journal(lines) }
    }

    func followEvents() {
        events.subscribe { event in
            let person = ID<User>(high: event.subject.high, low: event.subject.low)
            for stream in live.streams(of: person) {
                stream.send(event: event.kind, data: Array(event.payload.utf8))
            }
            if event.kind == Self.walletOpened, !live.listeners(of: person).isEmpty {
                Task { await learnWallets(of: person) }
            }
        }
    }

    private func learnWallets(of person: ID<User>) async {
        do {
            for wallet in try await stored(where: "w.user_id = \(person)") { live.add(wallet) }
        } catch {
            Log.warning("live.wallet_not_learned", ["error": "\(error)"])
        }
    }

    private func tellMissed(
        _ wallet: Wallet, since last: ID<Transfer>, to stream: EventStream
    ) async throws {
        let page = try await ledger.entries(of: wallet.account, limit: Self.missedMax)
        let missed = page.elements.prefix { $0.transfer.publicID > last }
        for entry in try await described(missed.reversed(), in: wallet.currency) {
            tell(entry, of: wallet, to: stream)
        }
    }

    private func tell(_ entry: HistoryEntry, of wallet: Wallet, to stream: EventStream) {
        var writer = JSONWriter()
        writer.object { event in
            event.field("wallet_id", "\(wallet.id)")
            event.object("entry") { PaymentWire.write(entry, &$0) }
        }
        stream.send(
            event: "entry", id: "\(entry.entry.transfer.publicID)", data: writer.bytes)
    }
}
