package import Cryptography
internal import Dispatch
package import Peers
internal import Postgres
internal import Synchronization
internal import Telemetry

/// How the processes of one installation reach each other.
package struct Forwarding: Sendable {
    /// What the key of the connections between processes is derived for.
    package static let purpose = "ledger.peers"

    /// Where this process listens while it is the usual writer, as the others reach it.
    let address: PeerAddress
    let key: SealingKey

    package init(address: PeerAddress, key: SealingKey) {
        self.address = address
        self.key = key
    }
}

/// What the ledger's thread knows of the other processes that write to the same journal.
///
/// Processes that get in each other's way settle on one as the *usual writer*, and the others
/// forward to it. Nothing rests on their agreeing: the fence alone keeps the books right. What is
/// forwarded is bound to a *term*, which the head carries; whoever wants back what it has sent ends
/// the term, which moves the fence, and from then on nothing that was sent under it can be written.
final class Company {
    private let desk: LedgerWriter
    private let forwarding: Forwarding
    private var listener: PeerListener?
    /// The term in which this process is the usual writer.
    private var ownTerm: Int64?
    private var nextLook = ContinuousClock.now
    private var nextSettling = ContinuousClock.now
    private var patience = patienceMin
    private let approach = Approach()

    /// An attempt to reach the usual writer, which goes on beside the ledger's thread.
    private final class Approach: Sendable {
        private struct State {
            var isUnderWay = false
            var failed: (term: Int64, since: ContinuousClock.Instant)?
        }

        private let state = Mutex(State())

        /// Since when the writer of which term could not be reached.
        var failed: (term: Int64, since: ContinuousClock.Instant)? { state.withLock { $0.failed } }

        func forget() { state.withLock { $0.failed = nil } }

        /// False while the last attempt goes on.
        func begin() -> Bool {
            state.withLock { state in
                defer { state.isUnderWay = true }
                return !state.isUnderWay
            }
        }

        func end(term: Int64, isReached: Bool) {
            state.withLock { state in
                state.isUnderWay = false
                if isReached {
                    state.failed = nil
                } else if state.failed?.term != term {
                    state.failed = (term, .now)
                }
            }
        }
    }

    /// How often a process that is in another's way looks for the usual writer.
    private static let lookMilliseconds = 250
    private static let settlingMilliseconds = 100
    /// How long the usual writer may be unreachable before one that cannot reach it takes its
    /// place. Doubled each time: two that cannot reach each other at all soon leave it alone.
    private static let patienceMin: Duration = .seconds(1)
    private static let patienceMax: Duration = .seconds(3600)

    init(of desk: LedgerWriter, _ forwarding: Forwarding) {
        self.desk = desk
        self.forwarding = forwarding
    }

    /// Called on the ledger's thread before each batch, and while it waits for answers.
    func tend(_ writer: BatchWriter) {
        let now = ContinuousClock.now
        let (silent, termInDoubt, isFree) = desk.state.withLock { state in
            let silent = state.route.isSilent(at: now) ? state.route.link?.peer : nil
            if let silent { state.route.lose(silent) }
            let isFree = state.route.link == nil && !state.isStopped
            return (silent, state.route.termInDoubt, isFree)
        }
        silent?.close()
        if let termInDoubt {
            if now >= nextSettling { settle(termInDoubt, writer, now) }
        } else if isFree, writer.turns.left > 0, now >= nextLook {
            look(writer, now)
        }
    }

    /// Hangs up on everyone.
    func end() {
        listener?.stop()
        let link = desk.state.withLock { $0.route.link }
        link?.peer.close()
    }

    // MARK: Finding the usual writer

    private func look(_ writer: BatchWriter, _ now: ContinuousClock.Instant) {
        nextLook = now + .milliseconds(Self.lookMilliseconds)
        do {
            let newest = try writer.newestTerm()
            guard newest.number != ownTerm else { return }
            if let failed = approach.failed, failed.term == newest.number,
                now - failed.since >= patience
            {
                patience = min(patience * 2, Self.patienceMax)
                Log.warning("ledger.usual_writer_unreachable", ["term": .integer(newest.number)])
                try begin(after: newest.number, writer)
            } else if let address = newest.address.flatMap({ PeerAddress($0) }) {
                reach(address, term: newest.number)
            } else {
                try begin(after: newest.number, writer)
            }
        } catch {
            Log.warning("ledger.no_usual_writer", ["error": "\(error)"])
        }
    }

    /// Becomes the usual writer, unless the term has ended meanwhile.
    private func begin(after term: Int64, _ writer: BatchWriter) throws(DatabaseError) {
        let address = listening()
        guard let address else { return }
        if try writer.beginTerm(after: term, address: "\(address)") { didBegin(term + 1) }
    }

    private func didBegin(_ term: Int64) {
        ownTerm = term
        approach.forget()
        Log.notice("ledger.usual_writer", ["term": .integer(term)])
    }

    /// The address of this process, which listens from the first time on.
    private func listening() -> PeerAddress? {
        if let listener { return listener.address }
        do {
            let desk = desk
            listener = try PeerListener.start(at: forwarding.address, key: forwarding.key) {
                desk.receive($1, from: $0)
            }
        } catch {
            Log.warning("ledger.not_listening", ["error": "\(error)"])
        }
        return listener?.address
    }

    /// Connects on a thread of its own: batches go on meanwhile.
    private func reach(_ address: PeerAddress, term: Int64) {
        guard approach.begin() else { return }
        DispatchQueue(label: "florin.peer.reach").async { [desk, key = forwarding.key, approach] in
            let isReached = desk.connect(to: address, term: term, key: key)
            approach.end(term: term, isReached: isReached)
        }
    }

    // MARK: Losing it

    /// Ends the term under which commands were sent and not answered. Then the journal knows what
    /// became of each, and they are decided again, by whichever way.
    private func settle(_ term: Int64, _ writer: BatchWriter, _ now: ContinuousClock.Instant) {
        nextSettling = now + .milliseconds(Self.settlingMilliseconds)
        do {
            if try writer.newestTerm().number == term {
                let isStopped = desk.state.withLock { $0.isStopped }
                let address = isStopped ? nil : listening()
                let isOurs = try writer.beginTerm(after: term, address: address.map { "\($0)" })
                if isOurs, address != nil { didBegin(term + 1) }
            }
            let back = desk.state.withLock { state in
                let back = state.route.settle()
                state.putBack(back, first: true)
                return back
            }
            for key in back.flatMap(\.rest).compactMap(\.key) { writer.cache.remember(key) }
            patience = Self.patienceMin
            // Another process is likely at work: look for it at once.
            writer.turns.wasOvertaken()
            nextLook = now
        } catch {
            Log.warning("ledger.term_in_doubt", ["error": "\(error)"])
            let late = desk.state.withLock { $0.route.giveUp(at: now) + $0.removeLate(at: now) }
            for submission in late { submission.refuse(LedgerOverloaded()) }
        }
    }
}
