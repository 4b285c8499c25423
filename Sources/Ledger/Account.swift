internal import Values

/// An account of the ledger. Small integers given by the database: they are keys of every hot
/// index.
package struct AccountID: Sendable, Hashable {
    package let number: Int64

    package init(_ number: Int64) {
        self.number = number
    }
}

/// The chart of accounts: what an account is for.
///
/// A person's wallet owes money to the person, so its balance is credits less debits; the same sign
/// holds for every account, which makes the balances of one currency sum to zero.
package struct AccountKind: Sendable, Hashable, RawRepresentable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Money owed to a person or a business.
    package static let wallet = AccountKind(rawValue: "wallet")
    /// What the operator has earned.
    package static let fees = AccountKind(rawValue: "fees")
    /// What the operator keeps at banks and providers for its customers.
    package static let operatorFloat = AccountKind(rawValue: "operator_float")
    /// Where play money of a sandbox comes from.
    package static let sandboxFloat = AccountKind(rawValue: "sandbox_float")
}

/// What an account holds at one moment, in minor units of its currency.
package struct Balance: Sendable, Hashable {
    /// Credits less debits.
    package let posted: Int64
    /// Reserved by open holds, not yet moved.
    package let held: Int64

    package init(posted: Int64, held: Int64) {
        self.posted = posted
        self.held = held
    }

    /// What may be spent now.
    package var available: Int64 { posted - held }
}

/// An account as the rules see it: everything that must be consistent with the money in it.
struct Head: Sendable, Equatable {
    let id: Int64
    let currency: Currency
    /// The least that `available` may be; nil for accounts that may go below zero without bound.
    let floor: Int64?
    let limits: AccountLimits
    let isClosed: Bool
    var posted: Int64
    var held: Int64
    /// The latest transfer that touched this account; 0 before the first.
    var lastTransfer: Int64
    var lastAt: Timestamp
    var spentToday: Spent
    var spentThisMonth: Spent
    var paymentsThisHour: Payments
    var paymentsToday: Payments

    /// What has left the account in one day or month, numbered from 1970.
    struct Spent: Sendable, Equatable {
        var period: Int64
        var amount: Int64

        func amount(in current: Int64) -> Int64 { period == current ? amount : 0 }

        /// With one more amount; the count stops at the largest number there is.
        func adding(_ more: Int64, in current: Int64) -> (after: Spent, isFull: Bool) {
            let (sum, overflow) = amount(in: current).addingReportingOverflow(more)
            return (Spent(period: current, amount: overflow ? .max : sum), overflow)
        }
    }

    /// How many payments have left the account in one hour or day, numbered from 1970. Half the
    /// width of an amount: there is a pair for each account in the writer's cache.
    struct Payments: Sendable, Equatable {
        var period: Int32
        var count: Int32

        func count(in current: Int64) -> Int64 { Int64(period) == current ? Int64(count) : 0 }

        /// With one more payment; the count stops at the largest number there is.
        func counting(in current: Int64) -> (after: Payments, isFull: Bool) {
            let (sum, overflow) = Int32(count(in: current)).addingReportingOverflow(1)
            let period = Int32(clamping: current)
            return (Payments(period: period, count: overflow ? .max : sum), overflow)
        }
    }

    var balance: Balance { Balance(posted: posted, held: held) }

    /// As it is after a line of its history that another process wrote.
    func following(_ line: Transfer) -> Head {
        var head = self
        let after = line.balance(of: AccountID(id))
        head.posted = after.posted
        head.held = after.held
        head.lastTransfer = line.id.number
        head.lastAt = line.at
        if line.isLimited, line.debit.number == id {
            let (day, month) = (line.at.day, Rules.month(of: line.at))
            head.paymentsThisHour = paymentsThisHour.counting(in: line.at.hour).after
            head.paymentsToday = paymentsToday.counting(in: day).after
            head.spentToday = spentToday.adding(line.amount, in: day).after
            head.spentThisMonth = spentThisMonth.adding(line.amount, in: month).after
        }
        return head
    }
}
