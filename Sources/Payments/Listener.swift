internal import HTTP
internal import Identity
internal import Ledger
internal import Synchronization
internal import Values

/// A line of the journal as one person is told of it.
struct Update: Sendable {
    let wallet: Wallet
    let entry: HistoryEntry

    var transfer: Transfer { entry.entry.transfer }
}

/// One open stream. What happens while it is still being told what it missed waits, so that
/// everything is told once and in order.
final class Listener: Sendable {
    /// Updates that may wait while the stream catches up; one more ends it, and its client comes
    /// back.
    static let waitingMax = 256

    let session: Session
    let stream = EventStream()

    private struct State {
        var isCatchingUp = true
        var waiting: [Update] = []
        /// Told while catching up; the news of them may still be on its way.
        var told: Set<TransferID> = []
    }

    private let state = Mutex(State())

    init(session: Session) {
        self.session = session
    }

    /// Tells what was missed, then what waited, and from now on everything at once.
    func catchUp(with missed: [Update]) {
        state.withLock { state in
            state.told = Set(missed.map(\.transfer.id))
            state.isCatchingUp = false
            for update in missed { send(update) }
            for update in state.waiting where !state.told.contains(update.transfer.id) {
                send(update)
            }
            state.waiting = []
        }
    }

    func tell(_ update: Update) {
        let isLost = state.withLock { state in
            guard !state.isCatchingUp else {
                state.waiting.append(update)
                return state.waiting.count > Self.waitingMax
            }
            if !state.told.contains(update.transfer.id) { send(update) }
            return false
        }
        if isLost { stream.close() }
    }

    private func send(_ update: Update) {
        var writer = JSONWriter()
        writer.object { event in
            event.field("wallet_id", "\(update.wallet.id)")
            event.object("entry") { PaymentWire.write(update.entry, &$0) }
        }
        stream.send(event: "entry", id: "\(update.transfer.publicID)", data: writer.bytes)
    }
}
