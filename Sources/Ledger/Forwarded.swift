internal import Cryptography
internal import Peers
internal import Synchronization
internal import Telemetry

// Both ends of a connection between two processes: commands go one way, outcomes the other.

/// The term under which the command was sent is over: it was not done, and never will be under it.
struct TermOver: Error {}

// MARK: The end that sends

extension LedgerWriter {
    /// Sends a batch to the usual writer; `answered` goes on.
    func forward(_ batch: [Submission], over link: Route.Link) {
        let pieces = Submission.pieces(of: batch)
        let number = state.withLock { state -> UInt64? in
            let flight = Route.Flight(submissions: batch, pieces: pieces)
            let number = state.route.send(flight, over: link)
            if number == nil { state.putBack(batch, first: true) }
            return number
        }
        guard let number else { return }
        link.peer.send(
            ForwardRequest(number: number, term: link.term, commands: pieces.flatMap { $0 }).bytes)
        Self.forwarded.increment(by: Int64(pieces.reduce(0) { $0 + $1.count }))
    }

    var isForwarding: Bool { state.withLock { $0.route.link != nil } }

    private static let forwarded = Metrics.shared.counter(
        "florin_ledger_forwarded_total", help: "Commands sent to the usual writer.")

    /// Whether the usual writer of the term was reached, and is now the way to the journal.
    func connect(to address: PeerAddress, term: Int64, key: SealingKey) -> Bool {
        do {
            let peer = try PeerLink.connect(to: address, key: key)
            let isWanted = state.withLock { state in
                guard !state.isStopped, state.route.link == nil, state.route.termInDoubt == nil
                else { return false }
                state.route.begin(Route.Link(peer: peer, term: term))
                return true
            }
            guard isWanted else {
                peer.close()
                return true
            }
            Log.notice("ledger.forwards", ["term": .integer(term), "to": .text("\(address)")])
            peer.start(
                receive: { self.answered($1, by: $0) },
                end: { peer in
                    self.state.withLock { $0.route.lose(peer) }
                    self.nudge()
                })
            nudge()
            return true
        } catch {
            Log.info("ledger.not_reached", ["term": .integer(term), "error": "\(error)"])
            return false
        }
    }

    private func answered(_ message: [UInt8], by peer: PeerLink) {
        do {
            let answer = try ForwardAnswer(message)
            // The flight stays in the air: who ends the term will ask for it again.
            guard !answer.isTermOver else { return peer.close() }
            let flight = state.withLock { state in
                state.route.land(answer.number, of: answer.outcomes.count, from: peer)
            }
            if let flight { self.answer(flight.submissions, flight.pieces, answer.outcomes) }
            nudge()
        } catch {
            Log.error("ledger.answer_unreadable")
            peer.close()
        }
    }
}

// MARK: The end that writes

extension LedgerWriter {
    /// Takes in what another process forwards, within the same bounds as our own.
    func receive(_ message: [UInt8], from peer: PeerLink) {
        do {
            let request = try ForwardRequest(message)
            let answer: Submission.Answer = { outcomes in
                peer.send(ForwardAnswer(number: request.number, outcomes: outcomes).bytes)
            }
            let submission = Submission(request.commands, answer: answer)
            switch enqueue(submission) {
            case .taken: break
            case .full: submission.refuse(LedgerOverloaded())
            case .stopped: submission.refuse(TermOver())
            }
        } catch {
            Log.error("ledger.request_unreadable")
            peer.close()
        }
    }
}
