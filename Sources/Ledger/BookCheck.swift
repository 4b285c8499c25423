internal import Postgres
internal import Values

/// Something that the books say in two places, and not the same.
package struct Finding: Sendable, Equatable, CustomStringConvertible {
    /// What it is about, such as `account 12`. Stays what it is while the account moves on.
    package let subject: String
    package let detail: String

    init(_ subject: String, _ detail: String) {
        self.subject = subject
        self.detail = detail
    }

    package var description: String { subject + ": " + detail }

    /// The subject of a finding that was kept as text.
    static func subject(of text: String) -> String {
        text.firstRange(of: ": ").map { String(text[..<$0.lowerBound]) } ?? text
    }
}

/// An account as it is stored, with what other tables say of it.
struct StoredAccount {
    let id: Int64
    let floor: Int64?
    let posted: Int64
    let held: Int64
    let lastTransfer: Int64
    let lastAt: Timestamp
    let isSealed: Bool

    var balance: BookCheck.Balance { BookCheck.Balance(posted: posted, held: held) }
}

/// A line as it is stored. Nothing is taken for granted of it, not even that its kind exists.
struct StoredLine {
    let id: Int64
    let at: Timestamp
    let kind: TransferKind?
    let debit: Int64
    let credit: Int64
    let amount: Int64
    let debitAfter: BookCheck.Balance
    let creditAfter: BookCheck.Balance
    let debitPrevious: Int64
    let creditPrevious: Int64
    /// What the hold that it ends had reserved.
    let reserved: Int64?

    func mentions(_ account: Int64) -> Bool { debit == account || credit == account }

    func after(_ account: Int64) -> BookCheck.Balance {
        account == debit ? debitAfter : creditAfter
    }

    func previous(_ account: Int64) -> Int64 {
        account == debit ? debitPrevious : creditPrevious
    }

    /// What the account had before this line, by what its kind does; nil when that is not known.
    func before(_ account: Int64) -> BookCheck.Balance? {
        let (isDebit, after) = (account == debit, after(account))
        let moved = isDebit ? -Int128(amount) : Int128(amount)
        switch kind {
        case .post, .reversal: return after.less(posted: moved, held: 0)
        case .hold: return isDebit ? after.less(posted: 0, held: Int128(amount)) : after
        case .capture, .void, .expiry:
            guard let reserved else { return nil }
            let posted = kind == .capture ? moved : 0
            return after.less(posted: posted, held: isDebit ? -Int128(reserved) : 0)
        case nil: return nil
        }
    }
}

/// Compares what is stored in several places, without knowing how it came there: nothing here is
/// shared with the rules that wrote it.
struct BookCheck {
    struct Balance: Equatable, CustomStringConvertible {
        let posted: Int128
        let held: Int128

        init(posted: some BinaryInteger, held: some BinaryInteger) {
            self.posted = Int128(posted)
            self.held = Int128(held)
        }

        static let zero = Balance(posted: 0, held: 0)

        func less(posted change: Int128, held heldChange: Int128) -> Balance {
            Balance(posted: posted - change, held: held - heldChange)
        }

        var description: String { "posted \(posted) held \(held)" }
    }

    private(set) var findings: [Finding] = []

    mutating func keep(_ subjects: Set<String>) {
        findings.removeAll { !subjects.contains($0.subject) }
    }

    mutating func find(_ subject: String, _ detail: String) {
        findings.append(Finding(subject, detail))
    }

    // MARK: One account

    /// - Parameters:
    ///   - lines: at least the account's last one and those before it, `steps` of them.
    ///   - reserved: the sum of its open holds.
    mutating func check(
        _ account: StoredAccount, lines: [Int64: StoredLine], reserved: Int128, steps: Int
    ) {
        let name = "account \(account.id)"
        if !account.isSealed { find(name, "its currency, floor or limits are not as sealed") }
        if Int128(account.held) != reserved {
            find(name, "stores held \(account.held); its open holds are \(reserved)")
        }
        if let floor = account.floor, Int128(account.posted) - Int128(account.held) < floor {
            find(name, "is below its floor")
        }
        let lastAt = lines[account.lastTransfer]?.at ?? Timestamp(microseconds: 0)
        if account.lastAt != lastAt {
            find(name, "last moved at \(account.lastAt); its last line is of \(lastAt)")
        }
        if let detail = walk(account, lines, steps) { find(name, detail) }
    }

    /// Walks back from the stored balance: what each line leaves is where the next one began, and
    /// what the first one found is nothing. Returns what does not fit.
    private func walk(
        _ account: StoredAccount, _ lines: [Int64: StoredLine], _ steps: Int
    ) -> String? {
        var (place, balance, source) = (account.lastTransfer, account.balance, "stores")
        for _ in 0...steps {
            guard place != 0 else {
                return balance == .zero
                    ? nil : "\(source) \(balance) and no line before explains it"
            }
            guard let line = lines[place] else { return "its line \(place) is missing" }
            guard line.mentions(account.id) else { return "its line \(place) is another's" }
            let after = line.after(account.id)
            guard after == balance else {
                return "\(source) \(balance); line \(place) left \(after)"
            }
            guard let before = line.before(account.id) else { return "line \(place) does not read" }
            guard line.previous(account.id) < place else { return "line \(place) follows itself" }
            (balance, source) = (before, "line \(place) began with")
            place = line.previous(account.id)
        }
        return nil
    }

    // MARK: The end of the journal

    /// The newest lines, newest first, stand without a gap behind the head.
    mutating func check(
        head: StoredHead, newest: [StoredLine], accounts: [Int64: StoredAccount]
    ) {
        let (last, at) = (newest.first?.id ?? 0, newest.first?.at ?? Timestamp(microseconds: 0))
        if head.lastTransfer != last {
            find("the head", "stands at \(head.lastTransfer); the journal ends at \(last)")
        }
        if head.lastAt != at { find("the head", "stands at \(head.lastAt); the journal at \(at)") }
        if head.lastBatch != last {
            find("the chain", "ends at \(head.lastBatch); the journal ends at \(last)")
        }
        if !head.isChained { find("the chain", "does not end in the hash that the head has") }
        for (index, line) in newest.enumerated() {
            if line.id != last - Int64(index) {
                return find("line \(line.id)", "is followed by a gap")
            }
            for account in [line.debit, line.credit] {
                guard let stored = accounts[account] else {
                    find("line \(line.id)", "names account \(account), which does not exist")
                    continue
                }
                if stored.lastTransfer < line.id {
                    find("account \(account)", "does not know of its line \(line.id)")
                }
            }
        }
    }

    // MARK: Totals

    mutating func check(_ totals: [CurrencyTotal], reserved: Int128) {
        for total in totals where total.posted != 0 {
            // The amount belongs to the subject: who has accepted one difference has not accepted
            // a larger one.
            find("\(total.currency) is off by \(total.posted)", "balances do not sum to zero")
        }
        let held = totals.reduce(0) { $0 + $1.held }
        if held != reserved {
            find(
                "held is off by \(held - reserved)", "accounts hold \(held), open holds \(reserved)"
            )
        }
    }
}

struct StoredHead {
    let lastTransfer: Int64
    let lastAt: Timestamp
    let isStopped: Bool
    /// Where the newest batch ends.
    let lastBatch: Int64
    /// Whether the head's hash is the newest batch's.
    let isChained: Bool
}

struct CurrencyTotal {
    let currency: String
    let posted: Int128
    let held: Int128
}
