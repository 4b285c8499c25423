/// Gives every event its point in the one order of all things, from the earliest call to the last.
///
/// Points are counted in commands of the journal: command n leads from point n − 1 to point n, and
/// a read or a refusal happens at a point. Whatever was answered before an event's call has its
/// point before; each event takes the first point that suits it. As every condition is of the form
/// “not before”, the first point of each leaves most room to those that follow: if an order exists,
/// this finds one.
struct HistoryTimeline {
    private let events: [HistoryEvent]
    /// How everything stands at each point.
    private let banks: [HistoryBank]
    private let authors: HistoryAuthors
    /// The largest point of what has been answered so far.
    private var floor = 0
    private var points: [Int?]
    /// For each moment at which something was written, the first point that was written from there
    /// on: later points are not yet true before it.
    private var firstWritten: [(moment: Int, point: Int)] = []
    private(set) var violations: [HistoryViolation] = []

    init(events: [HistoryEvent], banks: [HistoryBank], authors: HistoryAuthors) {
        self.events = events
        self.banks = banks
        self.authors = authors
        points = Array(repeating: nil, count: events.count)
        collectWrites()
    }

    private mutating func collectWrites() {
        let writes = events.indices.compactMap { event in
            authors.command(of: event).map { (moment: events[event].invoked, point: $0 + 1) }
        }
        var first = banks.count
        for write in writes.sorted(by: { $0.moment > $1.moment }) {
            first = min(first, write.point)
            firstWritten.append((write.moment, first))
        }
        firstWritten.reverse()
    }

    mutating func run() {
        let calls = events.indices.map { (moment: events[$0].invoked, event: $0, isCall: true) }
        let answers = events.indices.map {
            (moment: events[$0].completed, event: $0, isCall: false)
        }
        for (_, event, isCall) in (calls + answers).sorted(by: { $0.moment < $1.moment }) {
            if isCall {
                place(event)
            } else if events[event].answer != .unknown, let point = points[event] {
                floor = max(floor, point)
            }
        }
    }

    private mutating func place(_ index: Int) {
        let event = events[index]
        if let command = authors.command(of: index) { return placeWrite(index, command + 1) }
        switch event.answer {
        case .unknown, .done: break
        case .replayed(let place):
            let point = authors.index(of: place).map { $0 + 1 } ?? 0
            guard point <= ceiling(of: event) else {
                return note(.orderInversion, "\(event)\nis a replay of what was not yet written")
            }
            points[index] = max(floor, point)
        case .refused(let code, let available):
            let refusal = HistoryBank.Refusal(code: code, available: available)
            placeWhere(index, else: .unjustifiedRefusal) { Self.refuses(event.call, $0, refusal) }
        case .balances(let balances):
            placeWhere(index, else: nil) { bank in
                balances.allSatisfy { bank.figures[$0.key] == $0.value }
            }
        }
    }

    private mutating func placeWrite(_ index: Int, _ point: Int) {
        if point <= floor {
            note(
                .orderInversion,
                "\(events[index])\nwrote command \(point), and was called when command \(floor) "
                    + "had been seen")
        }
        points[index] = point
    }

    /// The first point from `floor` on, and not after the event's answer, at which `isTrue`.
    private mutating func placeWhere(
        _ index: Int, else kind: HistoryViolation.Kind?, _ isTrue: (HistoryBank) -> Bool
    ) {
        let event = events[index]
        let ceiling = max(floor, ceiling(of: event))
        if let point = (floor...ceiling).first(where: { isTrue(banks[$0]) }) {
            points[index] = point
            return
        }
        let once = banks[..<floor].lastIndex(where: isTrue)
        let kind = kind ?? (once == nil ? .impossibleRead : .staleRead)
        let when = once.map { "last true at point \($0)" } ?? "never true before"
        note(kind, "\(event)\nfits no point from \(floor) to \(ceiling); it was \(when)")
    }

    /// The last point that can have been reached by the event's answer: before the first of those
    /// that were only called for later.
    private func ceiling(of event: HistoryEvent) -> Int {
        var (low, high) = (0, firstWritten.count)
        while low < high {
            let middle = (low + high) / 2
            if firstWritten[middle].moment > event.completed {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low < firstWritten.count ? firstWritten[low].point - 1 : banks.count - 1
    }

    private static func refuses(
        _ call: HistoryEvent.Call, _ bank: HistoryBank, _ refusal: HistoryBank.Refusal
    ) -> Bool {
        var bank = bank
        do throws(HistoryBank.Refusal) {
            _ = try bank.perform(call)
            return false
        } catch {
            return error.code == refusal.code
                && (refusal.available == nil || refusal.available == error.available)
        }
    }

    private mutating func note(_ kind: HistoryViolation.Kind, _ text: String) {
        violations.append(HistoryViolation(kind, text))
    }
}
