package import HTTP
package import Identity
internal import Jobs
package import Ledger
internal import Postgres
internal import Telemetry
package import Values

extension Payments {
    /// Entries shown to someone who comes back with `Last-Event-ID`, at most, and their bytes: half
    /// of what a stream lets wait. Older ones are in the history, and the event `gap` says so.
    static let missedMax = 200
    static let missedBytesMax = EventStream.pendingBytesMax / 2
    /// The kind of the event that tells of a new wallet.
    static let walletOpened = "wallet"

    /// A stream of what happens to this person from now on, after what they missed since `last`.
    package func listen(
        _ session: Session, missedSince last: ID<Transfer>?
    ) async throws -> EventStream {
        let listener = LiveListener(
            session, EventStream(), start: last?.claimedPlace ?? TransferID(0))
        let wallets = try await stored(where: "w.user_id = \(session.user)")
        listener.stream.send(event: "ready", data: Array("{}".utf8))
        if let last { try await tellMissed(wallets, since: last.claimedPlace, to: listener) }
        live.subscribe(listener, to: wallets, isCatchingUp: last != nil)
        // A wallet may have been opened, or the session ended, before anyone would have told.
        await learnWallets(of: session.user)
        if try await !identity.isOpen(session) { listener.stream.close() }
        return listener.stream
    }

    /// Tells listeners what happens, until cancelled.
    package func runLive() async {
        for await happening in live.happened {
            do {
                let wallet = happening.wallet
                let entries = try await described([happening.entry], in: wallet.currency)
                for entry in entries {
                    let data = Self.data(entry, of: wallet)
                    for listener in happening.listeners { tell(entry, data, to: listener) }
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
            let listeners = live.listeners(of: person)
            for listener in listeners {
                listener.stream.send(event: event.kind, data: Array(event.payload.utf8))
            }
            if event.kind == Self.walletOpened, !listeners.isEmpty {
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

    /// The newest of what was missed in all wallets, in the order of the journal.
    private func tellMissed(
        _ wallets: [Wallet], since last: TransferID, to listener: LiveListener
    ) async throws {
        var missed: [(entry: HistoryEntry, data: [UInt8])] = []
        for wallet in wallets {
            let page = try await ledger.entries(of: wallet.account, limit: Self.missedMax + 1)
            let entries = page.elements.prefix { last < $0.transfer.id }
            missed += try await described(Array(entries), in: wallet.currency)
                .map { ($0, Self.data($0, of: wallet)) }
        }
        missed.sort { $1.entry.entry.transfer.id < $0.entry.entry.transfer.id }
        var bytes = 0
        let fitting = missed.prefix(Self.missedMax).prefix { _, data in
            bytes += data.count
            return bytes <= Self.missedBytesMax
        }
        if fitting.count < missed.count {
            listener.stream.send(event: "gap", data: Array("{}".utf8))
        }
        for (entry, data) in fitting.reversed() { tell(entry, data, to: listener) }
    }

    private func tell(_ entry: HistoryEntry, _ data: [UInt8], to listener: LiveListener) {
        guard listener.advance(to: entry.entry) else { return }
        listener.stream.send(event: "entry", id: "\(entry.entry.transfer.publicID)", data: data)
    }

    private static func data(_ entry: HistoryEntry, of wallet: Wallet) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { event in
            event.field("wallet_id", "\(wallet.id)")
            event.object("entry") { PaymentWire.write(entry, &$0) }
        }
        return writer.bytes
    }
}
