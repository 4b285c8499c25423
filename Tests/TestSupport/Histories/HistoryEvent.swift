/// What an account holds, in minor units.
package struct Figures: Sendable, Hashable, CustomStringConvertible {
    package var posted: Int64
    package var held: Int64

    package init(posted: Int64, held: Int64) {
        self.posted = posted
        self.held = held
    }

    package var available: Int64 { posted - held }
    package var description: String { "posted \(posted) held \(held)" }
}

/// Money from one account to another, in minor units.
package struct Movement: Sendable, Hashable {
    package let debit: Int64
    package let credit: Int64
    package let amount: Int64

    package init(debit: Int64, credit: Int64, amount: Int64) {
        self.debit = debit
        self.credit = credit
        self.amount = amount
    }
}

/// Something that a client asked, with the moments between which it must have happened.
package struct HistoryEvent: Sendable {
    package enum Call: Sendable, Hashable {
        /// One movement, or several that are linked.
        case post([Movement])
        case hold(Movement)
        case capture(hold: Int64, amount: Int64?)
        case void(hold: Int64)
        /// The lines at these places, linked.
        case reverse([Int64])
        /// What these accounts hold, all at one moment.
        case read([Int64])
    }

    package enum Answer: Sendable, Hashable {
        /// Written; the first of its lines has this place in the journal.
        case done(place: Int64)
        /// Written earlier, under the same name.
        case replayed(place: Int64)
        /// - Parameter available: what the refusal said is available, if it did.
        case refused(String, available: Int64?)
        case balances([Int64: Figures])
        /// An error, or no answer at all: it may have happened, even later, or not.
        case unknown
    }

    package let client: Int
    /// The key of a command. A command that is sent again keeps its name.
    package let name: String
    package let call: Call
    /// Moments are counted and not measured: no two events of one history share one.
    package let invoked: Int
    package let completed: Int
    package let answer: Answer

    package init(
        client: Int, name: String, call: Call, invoked: Int, completed: Int, answer: Answer
    ) {
        self.client = client
        self.name = name
        self.call = call
        self.invoked = invoked
        self.completed = completed
        self.answer = answer
    }
}

extension HistoryEvent: CustomStringConvertible {
    package var description: String {
        "client \(client) from \(invoked) to \(completed), \(name): \(call) → \(answer)"
    }
}

extension [HistoryEvent] {
    /// How often each answer was given; a refusal by its code.
    package var answers: [String: Int] {
        reduce(into: [:]) { answers, event in
            switch event.answer {
            case .done: answers["done", default: 0] += 1
            case .replayed: answers["replayed", default: 0] += 1
            case .refused(let code, _): answers[code, default: 0] += 1
            case .balances: answers["read", default: 0] += 1
            case .unknown: answers["unknown", default: 0] += 1
            }
        }
    }
}

/// One line of the journal, as it was found after the history was over.
package struct HistoryLine: Sendable, Hashable {
    package enum Kind: Int16, Sendable {
        case post = 1
        case hold, capture, void, expiry, reversal
    }

    package let place: Int64
    package let kind: Kind
    package let movement: Movement
    /// The hold that it ends, or the line that it reverses.
    package let settles: Int64?
    package let debitAfter: Figures
    package let creditAfter: Figures

    package init(
        place: Int64, kind: Kind, movement: Movement, settles: Int64?, debitAfter: Figures,
        creditAfter: Figures
    ) {
        self.place = place
        self.kind = kind
        self.movement = movement
        self.settles = settles
        self.debitAfter = debitAfter
        self.creditAfter = creditAfter
    }
}

/// The lines that one command wrote.
package struct HistoryCommand: Sendable, Hashable {
    /// Nil where the journal does not tell; then only an answer can.
    package let name: String?
    package let lines: [HistoryLine]

    package init(name: String?, lines: [HistoryLine]) {
        precondition(!lines.isEmpty)
        self.name = name
        self.lines = lines
    }

    package var place: Int64 { lines[0].place }
}

/// How everything stood before the history began.
package struct HistoryOpening: Sendable {
    package struct Account: Sendable {
        package let currency: String
        /// The least that may be available; nil for none.
        package let floor: Int64?
        package let figures: Figures

        package init(currency: String, floor: Int64?, figures: Figures) {
            self.currency = currency
            self.floor = floor
            self.figures = figures
        }
    }

    package let accounts: [Int64: Account]
    /// The journal's last line. No hold is open, and nothing before it is named by the history.
    package let place: Int64

    package init(accounts: [Int64: Account], place: Int64) {
        self.accounts = accounts
        self.place = place
    }
}
