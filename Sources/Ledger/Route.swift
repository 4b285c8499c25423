internal import Peers

/// The way of this process's commands to the journal: its own, or through the usual writer.
struct Route {
    /// The connection to the usual writer.
    struct Link {
        let peer: PeerLink
        /// The term under which commands are sent: when it is over, they can no longer be written.
        let term: Int64
    }

    /// A batch that was sent and is not yet answered.
    struct Flight {
        let submissions: [Submission]
        let pieces: [ArraySlice<Command>]
        let since = ContinuousClock.now
    }

    private(set) var link: Link?
    /// The term of a link that was lost: until it is over, nobody knows what becomes of its
    /// flights.
    private(set) var termInDoubt: Int64?
    private var flights: [UInt64: Flight] = [:]
    private var flightsBegun: UInt64 = 0
    /// When the usual writer last said something, or had nothing to say.
    private var heard = ContinuousClock.now

    /// Batches that are under way at once: while the usual writer is busy with one, the next
    /// arrives. More of them, and smaller, were no faster.
    static let flightsMax = 2
    /// How long a flight may wait for any sign of life before its writer counts as stalled.
    static let silenceMillisecondsMax = 1500
    /// How often it is looked whether a flight has waited too long.
    private static let lookMilliseconds = 200
    /// After this the owners of a flight are told that its outcome is unknown.
    static let doubtSecondsMax = 10

    /// Whether a batch may leave now, by whichever way.
    ///
    /// While a term is in doubt none may: a second attempt under the key of one that is under way
    /// could be refused here, and then be done by the writer that was lost.
    var hasRoom: Bool { termInDoubt == nil && (link == nil || flights.count < Self.flightsMax) }
    var isSettled: Bool { flights.isEmpty }
    /// How long the ledger's thread may sleep; nil for as long as it likes.
    var patienceMilliseconds: Int? {
        termInDoubt != nil || !flights.isEmpty ? Self.lookMilliseconds : nil
    }

    func isSilent(at now: ContinuousClock.Instant) -> Bool {
        link != nil && !flights.isEmpty
            && now - heard > .milliseconds(Self.silenceMillisecondsMax)
    }

    mutating func begin(_ link: Link) {
        self.link = link
        heard = .now
    }

    /// The flight's number; nil when the link is no longer the one in use.
    mutating func send(_ flight: Flight, over link: Link) -> UInt64? {
        guard self.link?.peer === link.peer else { return nil }
        if flights.isEmpty { heard = .now }
        flightsBegun += 1
        flights[flightsBegun] = flight
        return flightsBegun
    }

    /// The flight that has arrived and is answered.
    mutating func land(_ number: UInt64, of outcomes: Int, from peer: PeerLink) -> Flight? {
        guard link?.peer === peer, let flight = flights[number],
            flight.pieces.reduce(0, { $0 + $1.count }) == outcomes
        else { return nil }
        heard = .now
        return flights.removeValue(forKey: number)
    }

    /// Nothing more is sent over the link, and what it may still say is not listened to.
    mutating func lose(_ peer: PeerLink) {
        guard let link, link.peer === peer else { return }
        termInDoubt = link.term
        self.link = nil
    }

    /// The term is over: what became of the flights stands in the journal.
    mutating func settle() -> [Submission] {
        termInDoubt = nil
        return removeFlights { _ in true }
    }

    /// What has been in doubt for so long that its owners must be told.
    mutating func giveUp(at now: ContinuousClock.Instant) -> [Submission] {
        removeFlights { now - $0.since > .seconds(Self.doubtSecondsMax) }
    }

    private mutating func removeFlights(_ condition: (Flight) -> Bool) -> [Submission] {
        let chosen = flights.filter { condition($0.value) }.sorted { $0.key < $1.key }
        for (number, _) in chosen { flights[number] = nil }
        return chosen.flatMap { flight in
            flight.value.submissions.map { submission in
                var submission = submission
                submission.doubt()
                return submission
            }
        }
    }
}
