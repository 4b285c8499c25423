internal import Values

/// What the journal gives for one account, so far.
struct AuditAccount {
    let id: Int64
    let currency: Currency
    let closedAt: Timestamp?
    var posted: Int128 = 0
    var held: Int128 = 0
    var lastTransfer: Int64 = 0
    var lastAt = Timestamp(microseconds: 0)
    var spentToday = Head.Spent(period: 0, amount: 0)
    var spentThisMonth = Head.Spent(period: 0, amount: 0)
    var paymentsThisHour = Counted(period: 0, count: 0)
    /// Of the day that `spentToday` is of.
    var paymentsToday = Counted(period: 0, count: 0)

    func holds(_ balance: Balance) -> Bool {
        posted == Int128(balance.posted) && held == Int128(balance.held)
    }
}

/// Payments of one hour or day.
struct Counted: Equatable {
    var period: Int32
    var count: Int32

    /// Counts on within a period and begins again with the next; stops at the largest number there
    /// is.
    mutating func add(in current: Int64) {
        let isSame = Int64(period) == current
        period = Int32(clamping: current)
        count = isSame ? (count == .max ? .max : count + 1) : 1
    }
}

extension Head.Spent {
    /// Counts on within a period and begins again with the next; stops at the largest number there
    /// is.
    mutating func add(_ amount: Int64, in current: Int64) {
        let (sum, overflow) = self.amount(in: current).addingReportingOverflow(amount)
        self = Head.Spent(period: current, amount: overflow ? .max : sum)
    }
}

/// All accounts, found by number at the cost of one look into an array: numbers are given out one
/// after the other, so there are few gaps.
struct AuditAccounts {
    /// How far the array may reach beyond what is in it, in numbers.
    private static let gapMax: Int64 = 1_000_000

    private var states: [AuditAccount] = []
    /// By number, the account's place in `states` plus one; 0 where there is none.
    private var places: [Int32] = []
    /// Places of the numbers that are out of all proportion.
    private var outliers: [Int64: Int32] = [:]

    var count: Int { states.count }

    /// False when there is an account of this number already.
    mutating func append(_ account: AuditAccount) -> Bool {
        guard place(of: account.id) == nil, let place = Int32(exactly: states.count + 1) else {
            return false
        }
        states.append(account)
        guard account.id >= 0, account.id <= 2 * Int64(states.count) + Self.gapMax else {
            outliers[account.id] = place
            return true
        }
        let number = Int(account.id)
        if places.count <= number {
            places.append(contentsOf: repeatElement(0, count: number + 1 - places.count))
        }
        places[number] = place
        return true
    }

    func place(of id: Int64) -> Int? {
        if id >= 0, id < places.count {
            let place = places[Int(id)]
            return place > 0 ? Int(place) - 1 : nil
        }
        return outliers.isEmpty ? nil : outliers[id].map { Int($0) - 1 }
    }

    subscript(place: Int) -> AuditAccount {
        get { states[place] }
        _modify { yield &states[place] }
    }
}
