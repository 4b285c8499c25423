import TestSupport

/// A history told by a test, with moments of its choosing: account 1 is a float, 2 has a hundred,
/// 3 has nothing.
struct Story {
    var events: [HistoryEvent] = []
    var journal: [HistoryCommand] = []
    private(set) var figures: [Int64: Figures]
    let opening: HistoryOpening

    init() {
        let start = [1: -100, 2: 100, 3: 0] as [Int64: Int64]
        figures = start.mapValues { Figures(posted: $0, held: 0) }
        opening = HistoryOpening(
            accounts: Dictionary(
                uniqueKeysWithValues: figures.map { account, figures in
                    let floor: Int64? = account == 1 ? nil : 0
                    return (account, .init(currency: "KES", floor: floor, figures: figures))
                }), place: 0)
    }

    /// What a checker says of it.
    var violations: Set<HistoryViolation.Kind> {
        Set(
            HistoryChecker.violations(in: events, journal: journal, opening: opening).map(\.kind))
    }

    // MARK: What clients asked and heard

    mutating func tell(
        _ name: String, _ call: HistoryEvent.Call, _ moments: ClosedRange<Int>,
        _ answer: HistoryEvent.Answer
    ) {
        events.append(
            HistoryEvent(
                client: events.count, name: name, call: call, invoked: moments.lowerBound,
                completed: moments.upperBound, answer: answer))
    }

    mutating func read(_ balances: [Int64: Int64], _ moments: ClosedRange<Int>) {
        tell(
            "read", .read(balances.keys.sorted()), moments,
            .balances(balances.mapValues { Figures(posted: $0, held: 0) }))
    }

    static func pay(_ debit: Int64, _ credit: Int64, _ amount: Int64) -> HistoryEvent.Call {
        .post([Movement(debit: debit, credit: credit, amount: amount)])
    }

    // MARK: What is in the journal

    /// Writes the command as next in the journal, in so many linked lines as there are movements.
    @discardableResult
    mutating func write(
        _ name: String?, _ movements: (Int64, Int64, Int64)...
    ) -> HistoryEvent.Answer {
        let lines = movements.map { line(.post, $0, posted: $0.2, held: 0) }
        return keep(name, lines)
    }

    @discardableResult
    mutating func hold(_ name: String, _ movement: (Int64, Int64, Int64)) -> HistoryEvent.Answer {
        keep(name, [line(.hold, movement, posted: 0, held: movement.2)])
    }

    @discardableResult
    mutating func capture(
        _ name: String?, _ hold: Int64, _ movement: (Int64, Int64, Int64)
    ) -> HistoryEvent.Answer {
        keep(
            name,
            [line(.capture, movement, posted: movement.2, held: -movement.2, settles: hold)])
    }

    private var linesWritten = 0

    private mutating func line(
        _ kind: HistoryLine.Kind, _ movement: (Int64, Int64, Int64), posted: Int64, held: Int64,
        settles: Int64? = nil
    ) -> HistoryLine {
        linesWritten += 1
        let (debit, credit, amount) = movement
        figures[debit]!.posted -= posted
        figures[debit]!.held += held
        figures[credit]!.posted += posted
        return HistoryLine(
            place: Int64(linesWritten), kind: kind,
            movement: Movement(debit: debit, credit: credit, amount: amount), settles: settles,
            debitAfter: figures[debit]!, creditAfter: figures[credit]!)
    }

    private mutating func keep(_ name: String?, _ lines: [HistoryLine]) -> HistoryEvent.Answer {
        journal.append(HistoryCommand(name: name, lines: lines))
        return .done(place: lines[0].place)
    }
}
