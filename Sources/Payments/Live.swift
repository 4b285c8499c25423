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

    /// Streams of one person; one more ends the oldest, which is likely a tab long forgotten.
    static let streamsPerPersonMax = 20

    /// What one person listens with, and to.
    private struct Audience {
        var listeners: [Listener] = []
        var accounts: [AccountID] = []
    }

    private struct State {
        var audiences: [ID<User>: Audience] = [:]
        var wallets: [AccountID: Wallet] = [:]
        /// Lines of wallets that another process opened, until their first lines are read.
        var learning: [AccountID: [Transfer]] = [:]
    }

    private let state = Mutex(State())
    let happened: AsyncStream<(Wallet, Entry)>
    private let happen: AsyncStream<(Wallet, Entry)>.Continuation

    init() {
        (happened, happen) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.waitingMax))
    }

    func subscribe(_ listener: Listener) {
        let user = listener.session.user
        let oldest = state.withLock { state -> Listener? in
            state.audiences[user, default: Audience()].listeners.append(listener)
            let listeners = state.audiences[user]?.listeners ?? []
            return listeners.count > Self.streamsPerPersonMax ? listeners.first : nil
        }
        listener.stream.onClose { [weak self, weak listener] in
            if let listener { self?.remove(listener) }
        }
        oldest?.stream.close()
    }

    /// A wallet whose owner may be listening.
    func add(_ wallet: Wallet) {
        state.withLock { state in
            guard state.audiences[wallet.owner] != nil,
                state.wallets.updateValue(wallet, forKey: wallet.account) == nil
            else { return }
            state.audiences[wallet.owner]?.accounts.append(wallet.account)
        }
    }

    /// Whether this wallet is news, and its owner listens; its lines then wait for `learned`.
    func begin(learning wallet: Wallet) -> Bool {
        state.withLock { state in
            guard state.audiences[wallet.owner] != nil, state.wallets[wallet.account] == nil,
                state.learning[wallet.account] == nil
            else { return false }
            state.learning[wallet.account] = []
            return true
        }
    }

    /// Tells the lines that came before the wallet was known, oldest first, and those since.
    func learned(_ wallet: Wallet, _ lines: [Transfer]) {
        add(wallet)
        state.withLock { state in
            let since = state.learning.removeValue(forKey: wallet.account) ?? []
            guard state.wallets[wallet.account] != nil else { return }
            let last = lines.last?.id ?? TransferID(0)
            for line in lines + since.filter({ $0.id > last }) {
                happen.yield((wallet, Entry(line, seenFrom: wallet.account)))
            }
        }
    }

    var hasListeners: Bool { state.withLock { !$0.audiences.isEmpty } }

    /// The listeners of one person, or of all.
    func listeners(of user: ID<User>?) -> [Listener] {
        state.withLock { state in
            guard let user else { return state.audiences.values.flatMap(\.listeners) }
            return state.audiences[user]?.listeners ?? []
        }
    }

    /// Called on the ledger's thread: looks up and enqueues, nothing more.
    func journal(_ lines: [Transfer]) {
        state.withLock { state in
            guard !state.audiences.isEmpty else { return }
            for line in lines {
                for account in [line.debit, line.credit] {
                    if state.learning[account]?.append(line) != nil { continue }
                    guard let wallet = state.wallets[account] else { continue }
                    happen.yield((wallet, Entry(line, seenFrom: account)))
                }
            }
        }
    }

    private func remove(_ listener: Listener) {
        let user = listener.session.user
        state.withLock { state in
            state.audiences[user]?.listeners.removeAll { $0 === listener }
            guard let audience = state.audiences[user], audience.listeners.isEmpty else { return }
            state.audiences[user] = nil
            for account in audience.accounts { state.wallets[account] = nil }
        }
    }

    func closeAll() {
        for listener in listeners(of: nil) { listener.stream.close() }
    }
}

extension Payments {
    /// Lines of a wallet that another process opened which are looked at, at most.
    static let firstLinesMax = 64
    /// The kind of the event that tells of a new wallet.
    static let walletOpened = "wallet"

    /// A stream of what happens to this person from now on, after what they missed since `last`.
    package func listen(
        _ session: Session, missedSince last: ID<Transfer>?
    ) async throws -> EventStream {
        let listener = Listener(session: session)
        // Listened for first and looked up then, so that nothing falls between: neither a wallet
        // that is opened now, nor the end of the session.
        live.subscribe(listener)
        do {
            let wallets = try await addWallets(of: session.user)
            guard try await identity.isOpen(session) else { throw IdentityRejection.sessionInvalid }
            listener.stream.send(event: "ready", data: Array("{}".utf8))
            listener.catchUp(with: try await missed(wallets, since: last))
        } catch {
            listener.stream.close()
            throw error
        }
        return listener.stream
    }

    /// Tells listeners what happens, until cancelled.
    package func runLive() async {
        for await (wallet, entry) in live.happened {
            do {
                let described = try await described([entry], in: wallet.currency)
                for update in described.map({ Update(wallet: wallet, entry: $0) }) {
                    for listener in live.listeners(of: wallet.owner) { listener.tell(update) }
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
        ledger.follow(whileWanted: { [live] in live.hasListeners }) { [live] lines in
            live.journal(lines)
        }
    }

    func followEvents() {
        events.subscribe { event in
            let person = ID<User>(high: event.subject.high, low: event.subject.low)
            let listeners = live.listeners(of: person)
            guard !listeners.isEmpty else { return }
            for listener in listeners {
                listener.stream.send(event: event.kind, data: Array(event.payload.utf8))
            }
            if event.kind == Self.walletOpened { await learnWallets(of: person) }
        }
    }

    /// Another process may have opened the wallet and moved money in it before this one knew.
    private func learnWallets(of person: ID<User>) async {
        do {
            for wallet in try await stored(where: "w.user_id = \(person)")
            where live.begin(learning: wallet) { await learn(wallet) }
        } catch {
            Log.warning("live.wallets_not_learned", ["error": "\(error)"])
        }
    }

    private func learn(_ wallet: Wallet) async {
        do {
            live.learned(wallet, try await firstLines(of: wallet))
        } catch {
            live.learned(wallet, [])
            Log.warning("live.wallet_not_learned", ["error": "\(error)"])
        }
    }

    private func firstLines(of wallet: Wallet) async throws -> [Transfer] {
        let page = try await ledger.entries(of: wallet.account, limit: Self.firstLinesMax)
        return page.elements.reversed().map(\.transfer)
    }

    private func addWallets(of person: ID<User>) async throws -> [Wallet] {
        let wallets = try await stored(where: "w.user_id = \(person)")
        for wallet in wallets { live.add(wallet) }
        return wallets
    }

    /// Whichever wallet moved: who is cut off goes on from the last.
    private func missed(_ wallets: [Wallet], since last: ID<Transfer>?) async throws -> Missed {
        guard let last else { return .nothing }
        var missed: [Update] = []
        for wallet in wallets {
            let page = try await ledger.entries(
                of: wallet.account, limit: Missed.updatesMax + 1)
            let entries = page.elements.prefix { $0.transfer.publicID > last }
            missed += try await described(Array(entries), in: wallet.currency)
                .map { Update(wallet: wallet, entry: $0) }
        }
        return Missed(missed)
    }
}
