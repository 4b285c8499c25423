/// The bank as anyone would write it down: what may be asked of it, and what comes of that.
///
/// It stands at one place of the journal and knows nothing of later lines, though it holds them:
/// so it can be set to every place in turn, for the price of the balances there.
struct HistoryBank {
    /// Everything that was ever written, by place.
    struct Books {
        private let lines: [Int64: HistoryLine]
        /// The place of the line that ends a hold, or reverses another line.
        private let endings: [Int64: Int64]

        init(_ lines: [HistoryLine]) {
            self.lines = Dictionary(lines.map { ($0.place, $0) }) { first, _ in first }
            endings = Dictionary(
                lines.compactMap { line in line.settles.map { ($0, line.place) } },
                uniquingKeysWith: min)
        }

        func line(_ place: Int64, until end: Int64) -> HistoryLine? {
            place <= end ? lines[place] : nil
        }

        func isSettled(_ place: Int64, until end: Int64) -> Bool {
            endings[place].map { $0 <= end } ?? false
        }
    }

    struct Refusal: Error, Equatable {
        let code: String
        var available: Int64?
    }

    let floors: [Int64: Int64]
    let books: Books
    /// The last line that has been written.
    private(set) var place: Int64
    private(set) var figures: [Int64: Figures]
    /// What the current command has settled itself.
    private var settledNow: Set<Int64> = []

    init(_ opening: HistoryOpening, _ books: Books) {
        floors = opening.accounts.compactMapValues(\.floor)
        figures = opening.accounts.mapValues(\.figures)
        place = opening.place
        self.books = books
    }

    /// The bank after lines that were found in the journal, whatever it thinks of them.
    func following(_ lines: [HistoryLine]) -> HistoryBank {
        var bank = self
        for line in lines {
            bank.figures[line.movement.debit] = line.debitAfter
            bank.figures[line.movement.credit] = line.creditAfter
            bank.place = line.place
        }
        return bank
    }

    /// The lines that the command writes here. After a refusal the bank is of no more use.
    mutating func perform(_ call: HistoryEvent.Call) throws(Refusal) -> [HistoryLine] {
        let end = place
        settledNow = []
        var lines: [HistoryLine] = []
        switch call {
        case .read: break
        case .post(let movements):
            for movement in movements {
                try move(movement)
                lines.append(write(.post, movement))
            }
        case .hold(let movement):
            try change(movement.debit, posted: 0, held: movement.amount)
            lines.append(write(.hold, movement))
        case .capture(let hold, let amount):
            lines.append(try capture(try openHold(hold, until: end), amount))
        case .void(let hold):
            let line = try openHold(hold, until: end)
            try change(line.movement.debit, posted: 0, held: -line.movement.amount)
            lines.append(write(.void, line.movement, settles: hold))
        case .reverse(let places):
            for place in places { lines.append(try reverse(place, until: end)) }
        }
        return lines
    }

    private mutating func capture(
        _ hold: HistoryLine, _ amount: Int64?
    ) throws(Refusal) -> HistoryLine {
        let held = hold.movement
        let movement = Movement(
            debit: held.debit, credit: held.credit, amount: amount ?? held.amount)
        guard movement.amount <= held.amount else { throw Refusal(code: "amount_exceeds_hold") }
        try change(movement.debit, posted: -movement.amount, held: -held.amount)
        try change(movement.credit, posted: movement.amount, held: 0)
        return write(.capture, movement, settles: hold.place)
    }

    private mutating func reverse(
        _ original: Int64, until end: Int64
    ) throws(Refusal) -> HistoryLine {
        guard let line = books.line(original, until: end) else {
            throw Refusal(code: "transfer_not_found")
        }
        guard line.kind == .post || line.kind == .capture else {
            throw Refusal(code: "transfer_not_reversible")
        }
        guard !isSettled(original, until: end) else {
            throw Refusal(code: "transfer_already_reversed")
        }
        let movement = Movement(
            debit: line.movement.credit, credit: line.movement.debit, amount: line.movement.amount)
        try move(movement)
        return write(.reversal, movement, settles: original)
    }

    private func openHold(_ hold: Int64, until end: Int64) throws(Refusal) -> HistoryLine {
        guard let line = books.line(hold, until: end), line.kind == .hold else {
            throw Refusal(code: "hold_not_found")
        }
        guard !isSettled(hold, until: end) else { throw Refusal(code: "hold_already_ended") }
        return line
    }

    private func isSettled(_ place: Int64, until end: Int64) -> Bool {
        settledNow.contains(place) || books.isSettled(place, until: end)
    }

    private mutating func move(_ movement: Movement) throws(Refusal) {
        try change(movement.debit, posted: -movement.amount, held: 0)
        try change(movement.credit, posted: movement.amount, held: 0)
    }

    private mutating func change(
        _ account: Int64, posted: Int64, held: Int64
    ) throws(Refusal) {
        guard let before = figures[account] else { throw Refusal(code: "account_not_found") }
        let after = Figures(posted: before.posted + posted, held: before.held + held)
        if let floor = floors[account], after.available < floor {
            throw Refusal(code: "insufficient_funds", available: before.available - floor)
        }
        figures[account] = after
    }

    private mutating func write(
        _ kind: HistoryLine.Kind, _ movement: Movement, settles: Int64? = nil
    ) -> HistoryLine {
        place += 1
        if let settles { settledNow.insert(settles) }
        return HistoryLine(
            place: place, kind: kind, movement: movement, settles: settles,
            debitAfter: figures[movement.debit]!, creditAfter: figures[movement.credit]!)
    }
}
