internal import HTTP
internal import Identity
internal import Ledger
internal import Synchronization
internal import Values

/// A line of the journal as one person is told of it.
struct Update: Sendable {
    let id: ID<Transfer>
    let place: TransferID
    /// The event's data, made once for all who listen.
    let data: [UInt8]

    init(wallet: Wallet, entry: HistoryEntry) {
        (id, place) = (entry.id, entry.place)
        var writer = JSONWriter()
        writer.object { event in
            event.field("wallet_id", "\(wallet.id)")
            event.object("entry") { PaymentWire.write(entry, &$0) }
        }
        data = writer.bytes
    }
}

/// What someone who comes back is told first, in the order of the journal.
struct Missed: Sendable {
    /// At most, and the bytes of their data: half of what may wait for one stream, so that it is
    /// not cut before it began, and its client does not come back to the same for ever.
    static let updatesMax = 200
    static let bytesMax = EventStream.pendingBytesMax / 2

    static let nothing = Missed([])

    let updates: [Update]
    /// Whether more was missed, which is in the history alone.
    let isCut: Bool

    /// Keeps as many of the newest as fit.
    init(_ all: [Update]) {
        var bytes = 0
        let newest = all.sorted { $0.place > $1.place }.prefix(Self.updatesMax)
            .prefix { update in
                bytes += update.data.count
                return bytes <= Self.bytesMax
            }
        updates = newest.reversed()
        isCut = newest.count < all.count
    }
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
    func catchUp(with missed: Missed) {
        state.withLock { state in
            state.told = Set(missed.updates.map(\.place))
            state.isCatchingUp = false
            if missed.isCut { stream.send(event: "gap", data: Array("{}".utf8)) }
            for update in missed.updates { send(update) }
            for update in state.waiting where !state.told.contains(update.place) {
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
            if !state.told.contains(update.place) { send(update) }
            return false
        }
        if isLost { stream.close() }
    }

    private func send(_ update: Update) {
        stream.send(event: "entry", id: "\(update.id)", data: update.data)
    }
}
