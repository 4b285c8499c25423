/// Who wrote what: every command of the journal has one event that asked for it, and every event
/// that was told so wrote one.
struct HistoryAuthors {
    private let events: [HistoryEvent]
    private let journal: [HistoryCommand]
    private let indices: [Int64: Int]
    /// The event behind each command of the journal, by its index there.
    private var authors: [Int: Int] = [:]
    private var commands: [Int: Int] = [:]
    private(set) var violations: [HistoryViolation] = []

    init(_ events: [HistoryEvent], _ journal: [HistoryCommand]) {
        self.events = events
        self.journal = journal
        indices = Dictionary(
            journal.enumerated().map { ($0.element.place, $0.offset) }, uniquingKeysWith: min)
    }

    func author(of command: Int) -> Int? { authors[command] }
    func command(of event: Int) -> Int? { commands[event] }
    func index(of place: Int64) -> Int? { indices[place] }

    mutating func attribute() {
        let named = Dictionary(grouping: journal.filter { $0.name != nil }) { $0.name! }
        let groups = Dictionary(grouping: events.indices) { events[$0].name }
        for (name, group) in groups.sorted(by: { $0.key < $1.key }) {
            attribute(group, named: name, named[name, default: []].map(\.place))
        }
        for index in journal.indices where authors[index] == nil {
            attributeUnclaimed(index)
        }
    }

    /// All that was sent under one name wrote at most once.
    private mutating func attribute(_ group: [Int], named name: String, _ found: [Int64]) {
        var written = Set(found)
        var done: [Int] = []
        for index in group {
            switch events[index].answer {
            case .done(let place):
                written.insert(place)
                done.append(index)
            case .replayed(let place): written.insert(place)
            case .refused, .balances, .unknown: break
            }
        }
        if done.count > 1 || written.count > 1 {
            let story = group.map { "\(events[$0])" }.joined(separator: "\n")
            note(.doubleTransfer, "\(name) was written at \(written.sorted()):\n\(story)")
        }
        let unanswered = group.filter { events[$0].answer == .unknown }
        let author = done.first ?? unanswered.min { events[$0].invoked < events[$1].invoked }
        for place in written.sorted() { claim(place, for: author, group) }
    }

    private mutating func claim(_ place: Int64, for author: Int?, _ group: [Int]) {
        guard let index = indices[place] else {
            return note(.lostTransfer, "place \(place) is not in the journal: \(events[group[0]])")
        }
        guard let author else {
            return note(
                .inventedTransfer, "place \(place) was written and refused: \(events[group[0]])")
        }
        if let other = authors[index] {
            return note(
                .doubleTransfer,
                "both were told that they wrote \(place):\n\(events[other])\n\(events[author])")
        }
        authors[index] = author
        if commands[author] == nil { commands[author] = index }
    }

    /// A line without a name is that of an unanswered command that would write just that.
    private mutating func attributeUnclaimed(_ index: Int) {
        let settled = journal[index].lines.compactMap(\.settles)
        let candidates = events.indices.filter { event in
            events[event].answer == .unknown && commands[event] == nil
                && !settled.isEmpty && Self.settled(by: events[event].call) == settled
        }
        let author = candidates.min { events[$0].invoked < events[$1].invoked }
        guard let author else {
            return note(.inventedTransfer, "nobody asked for \(journal[index].lines)")
        }
        authors[index] = author
        commands[author] = index
    }

    private static func settled(by call: HistoryEvent.Call) -> [Int64] {
        switch call {
        case .capture(let hold, _), .void(let hold): [hold]
        case .reverse(let places): places
        case .post, .hold, .read: []
        }
    }

    private mutating func note(_ kind: HistoryViolation.Kind, _ text: String) {
        violations.append(HistoryViolation(kind, text))
    }
}
