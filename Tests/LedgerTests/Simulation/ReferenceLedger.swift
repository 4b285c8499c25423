import Ledger
import Values

/// The ledger once more, as plainly as it can be said: no database, no batches, no speed.
///
/// It shares the words of a command with the real one and not a line of its reasoning. What was
/// spent is kept for every day and month, and a hold is open while nothing has ended it.
struct ReferenceLedger {
    struct Account {
        let currency: Currency
        let floor: Int128?
        var limits: AccountLimits
        var isClosed = false
        var posted: Int128 = 0
        var held: Int128 = 0
        var spent: [Int64: Int128] = [:]
        /// Payments of each hour and day.
        var paid: [String: Int128] = [:]
    }

    struct Line {
        let kind: TransferKind
        let debit: AccountID
        let credit: AccountID
        let amount: Int128
        var ends: Int64?
        var expiresAt: Timestamp?
        /// What both accounts had right after it.
        let debitAfter: Figures
        let creditAfter: Figures
    }

    struct Figures: Equatable {
        let posted: Int128
        let held: Int128
    }

    /// Faults that a test plants, to see that the comparison finds them.
    enum Mistake: CaseIterable {
        case forgetsFloors, spendsHeldMoney, keepsTheRestOfACapture, forgetsKeys, ignoresLimits
        case reversesTwice, losesAUnit, paysWhileStopped, ignoresVelocity, ignoresCeilings
    }

    enum Answer: Equatable {
        case done(first: Int64, lines: Int)
        case replayed(first: Int64, lines: Int)
        case refused(String, [String: Int64] = [:])
    }

    private struct No: Error { let answer: Answer }

    private let mistake: Mistake?
    private var isStopped = false

    private(set) var accounts: [AccountID: Account] = [:]
    private(set) var journal: [Line] = []
    private var ended: Set<Int64> = []
    private var done: [CommandKey: (operations: [Operation], first: Int64, lines: Int)] = [:]

    private static let range = Int128(Int64.min)...Int128(Int64.max)

    init(mistake: Mistake? = nil) { self.mistake = mistake }

    /// It goes well for a while, so that there is something to tell.
    private func makes(_ mistake: Mistake) -> Bool {
        journal.count > 100 && self.mistake == mistake
    }

    mutating func open(
        _ id: AccountID, _ currency: Currency, _ floor: Int64?, _ limits: AccountLimits
    ) {
        accounts[id] = Account(currency: currency, floor: floor.map { Int128($0) }, limits: limits)
    }

    mutating func setLimits(_ limits: AccountLimits, of id: AccountID) {
        accounts[id]?.limits = limits
    }

    mutating func close(_ id: AccountID) { accounts[id]?.isClosed = true }

    mutating func setMoneyOut(isStopped: Bool) { self.isStopped = isStopped }

    mutating func answer(_ command: Command, at now: Timestamp) -> Answer {
        if !makes(.forgetsKeys), let key = command.key, let earlier = done[key] {
            if let field = difference(command.operations, earlier.operations) {
                return .refused("idempotency_mismatch " + field)
            }
            return .replayed(first: earlier.first, lines: earlier.lines)
        }
        let (before, length) = (accounts, journal.count)
        do throws(No) {
            for operation in command.operations { try perform(operation, now) }
        } catch {
            for line in journal[length...] { if let end = line.ends { ended.remove(end) } }
            accounts = before
            journal.removeSubrange(length...)
            return error.answer
        }
        let (first, lines) = (Int64(length) + 1, journal.count - length)
        if let key = command.key { done[key] = (command.operations, first, lines) }
        return .done(first: first, lines: lines)
    }

    // MARK: One operation

    private mutating func perform(_ operation: Operation, _ now: Timestamp) throws(No) {
        switch operation {
        case .post(let leg):
            try check(leg)
            try pay(leg, Int128(leg.amount.minorUnits), 0, now)
            write(.post, leg.debit, leg.credit, Int128(leg.amount.minorUnits))
        case .hold(let leg, let seconds):
            try refuse("amount_must_be_positive", if: leg.amount.minorUnits <= 0)
            try refuse("accounts_must_differ", if: leg.debit == leg.credit)
            try refuse("hold_time_out_of_range", if: seconds < 1 || seconds > 2_678_400)
            try check(leg)
            try pay(leg, 0, Int128(leg.amount.minorUnits), now)
            write(
                .hold, leg.debit, leg.credit, Int128(leg.amount.minorUnits),
                expiresAt: now.adding(seconds: seconds))
        case .capture(let id, let amount):
            try refuse("amount_must_be_positive", if: amount.map { $0 <= 0 } ?? false)
            let hold = try openHold(id)
            let captured = amount.map { Int128($0) } ?? hold.amount
            try refuseStopped(hold.debit)
            try refuse("hold_expired", if: hold.expiresAt! <= now)
            try refuse("amount_exceeds_hold", if: captured > hold.amount, ["held": hold.amount])
            try refuseClosed(hold.debit, hold.credit)
            let released = makes(.keepsTheRestOfACapture) ? captured : hold.amount
            try add(-captured, -released, to: hold.debit)
            try add(captured, 0, to: hold.credit)
            try refuseAboveCeiling(hold.credit)
            write(.capture, hold.debit, hold.credit, captured, ends: id)
        case .void(let id): try release(id, .void)
        case .expire(let id):
            try refuse("hold_not_yet_expired", if: openHold(id).expiresAt! > now)
            try release(id, .expiry)
        case .reverse(let id): try reverse(id)
        }
    }

    private mutating func release(_ id: TransferID, _ kind: TransferKind) throws(No) {
        let hold = try openHold(id)
        try add(0, -hold.amount, to: hold.debit)
        write(kind, hold.debit, hold.credit, hold.amount, ends: id)
    }

    private mutating func reverse(_ id: TransferID) throws(No) {
        guard let line = line(id) else { throw No(answer: .refused("transfer_not_found")) }
        let isPayment = line.kind == .post || line.kind == .capture
        try refuse("transfer_not_reversible", if: !isPayment)
        try refuse(
            "transfer_already_reversed",
            if: ended.contains(id.number) && !makes(.reversesTwice))
        try refuseStopped(line.credit)
        try refuseClosed(line.credit, line.debit)
        try add(-line.amount, 0, to: line.credit)
        try add(line.amount, 0, to: line.debit)
        write(.reversal, line.credit, line.debit, line.amount, ends: id)
    }

    private mutating func write(
        _ kind: TransferKind, _ debit: AccountID, _ credit: AccountID, _ amount: Int128,
        ends: TransferID? = nil, expiresAt: Timestamp? = nil
    ) {
        journal.append(
            Line(
                kind: kind, debit: debit, credit: credit, amount: amount, ends: ends?.number,
                expiresAt: expiresAt, debitAfter: figures(of: debit),
                creditAfter: figures(of: credit)))
        if let ends { ended.insert(ends.number) }
    }

    private func figures(of id: AccountID) -> Figures {
        Figures(posted: accounts[id]!.posted, held: accounts[id]!.held)
    }

    // MARK: Reasons to say no

    private func refuse(
        _ code: String, if isSo: Bool, _ facts: [String: Int128] = [:]
    ) throws(No) {
        if isSo { throw No(answer: .refused(code, facts.mapValues { Int64($0) })) }
    }

    private func check(_ leg: Leg) throws(No) {
        try refuse("amount_must_be_positive", if: leg.amount.minorUnits <= 0)
        try refuse("accounts_must_differ", if: leg.debit == leg.credit)
        let (debit, credit) = (accounts[leg.debit], accounts[leg.credit])
        try refuse("account_not_found", if: debit == nil || credit == nil)
        try refuseStopped(leg.debit)
        let currencies = Set([debit!.currency, credit!.currency, leg.amount.currency])
        try refuse("currencies_must_match", if: currencies.count > 1)
        try refuseClosed(leg.debit, leg.credit)
    }

    /// Who has a floor is a customer.
    private func refuseStopped(_ debit: AccountID) throws(No) {
        let isCustomer = accounts[debit]!.floor != nil
        try refuse(
            "money_out_stopped", if: isStopped && isCustomer && !makes(.paysWhileStopped))
    }

    private func refuseClosed(_ debit: AccountID, _ credit: AccountID) throws(No) {
        try refuse("debit_account_closed", if: accounts[debit]!.isClosed)
        try refuse("credit_account_closed", if: accounts[credit]!.isClosed)
    }

    private mutating func pay(
        _ leg: Leg, _ moved: Int128, _ reserved: Int128, _ now: Timestamp
    ) throws(No) {
        try add(-moved, reserved, to: leg.debit)
        if leg.isLimited, !makes(.ignoresLimits) {
            try spend(moved + reserved, of: leg.debit, now)
        }
        let isShort = makes(.losesAUnit)
        try add(isShort ? max(0, moved - 1) : moved, 0, to: leg.credit)
        // A hold moves nothing, and what comes back was there before.
        if moved > 0, !leg.isReturn { try refuseAboveCeiling(leg.credit) }
    }

    private func refuseAboveCeiling(_ id: AccountID) throws(No) {
        guard let ceiling = accounts[id]!.limits.ceiling, !makes(.ignoresCeilings) else { return }
        try refuse("recipient_cannot_receive", if: accounts[id]!.posted > ceiling)
    }

    private mutating func add(_ posted: Int128, _ held: Int128, to id: AccountID) throws(No) {
        let before = accounts[id]!
        var after = before
        after.posted += posted
        after.held += held
        let isBlind = makes(.spendsHeldMoney)
        let left = after.posted - (isBlind ? 0 : after.held)
        let floor = makes(.forgetsFloors) ? nil : before.floor
        try refuse(
            "insufficient_funds", if: floor.map { left < $0 } ?? false,
            ["available": before.posted - before.held - (floor ?? 0)])
        let figures = [after.posted, after.held, left]
        try refuse("balance_overflow", if: !figures.allSatisfy(Self.range.contains))
        accounts[id] = after
    }

    /// Days since 1970 name days; months are counted in numbers that no day reaches.
    private mutating func spend(_ amount: Int128, of id: AccountID, _ now: Timestamp) throws(No) {
        let limits = accounts[id]!.limits
        if let limit = limits.perTransfer {
            try refuse("limit_exceeded", if: amount > limit, ["remaining": Int128(limit)])
        }
        try count("hour \(now.microseconds / 3_600_000_000)", limits.paymentsPerHour, id)
        try count("day \(now.day)", limits.paymentsPerDay, id)
        let date = CalendarDay(daysSince1970: now.day)
        let month = 1_000_000_000 + date.year * 100 + date.month
        for (limit, period) in [(limits.perDay, now.day), (limits.perMonth, month)] {
            let before = accounts[id]!.spent[period] ?? 0
            if let limit {
                try refuse(
                    "limit_exceeded", if: before + amount > limit,
                    ["remaining": max(0, Int128(limit) - before)])
            }
            accounts[id]!.spent[period] = before + amount
        }
    }

    private mutating func count(
        _ period: String, _ limit: Int32?, _ id: AccountID
    ) throws(No) {
        let before = accounts[id]!.paid[period] ?? 0
        if let limit, !makes(.ignoresVelocity) {
            try refuse(
                "limit_exceeded", if: before + 1 > limit,
                ["remaining": max(0, Int128(limit) - before)])
        }
        accounts[id]!.paid[period] = before + 1
    }

    // MARK: Looking things up

    private func line(_ id: TransferID) -> Line? {
        id.number > 0 && id.number <= journal.count ? journal[Int(id.number) - 1] : nil
    }

    private func openHold(_ id: TransferID) throws(No) -> Line {
        guard let hold = line(id), hold.kind == .hold else {
            throw No(answer: .refused("hold_not_found"))
        }
        try refuse("hold_already_ended", if: ended.contains(id.number))
        return hold
    }

    private func difference(_ now: [Operation], _ then: [Operation]) -> String? {
        let (now, then) = (now.filter { !$0.isFee }, then.filter { !$0.isFee })
        for (now, then) in zip(now, then) {
            if let field = difference(now, then) { return field }
        }
        return now.count == then.count ? nil : "operation"
    }

    private func difference(_ now: Operation, _ then: Operation) -> String? {
        switch (now, then) {
        case (.post(let now), .post(let then)): difference(now, then)
        case (.hold(let now, let long), .hold(let then, let short)):
            difference(now, then) ?? (long == short ? nil : "expires_in")
        case (.capture(let now, let amount), .capture(let then, let before)):
            if now != then {
                "hold"
            } else {
                size(amount, now) == size(before, then) ? nil : "amount"
            }
        case (.void(let now), .void(let then)), (.expire(let now), .expire(let then)):
            now == then ? nil : "hold"
        case (.reverse(let now), .reverse(let then)): now == then ? nil : "transfer"
        default: "operation"
        }
    }

    private func size(_ amount: Int64?, _ hold: TransferID) -> Int128? {
        amount.map { Int128($0) } ?? line(hold)?.amount
    }

    private func difference(_ now: Leg, _ then: Leg) -> String? {
        if now.code != then.code { return "operation" }
        if now.debit != then.debit { return "from" }
        if now.credit != then.credit { return "to" }
        if now.amount.currency != then.amount.currency { return "currency" }
        return now.amount == then.amount ? nil : "amount"
    }
}

extension Operation {
    fileprivate var isFee: Bool {
        switch self {
        case .post(let leg), .hold(let leg, _): leg.isDerived
        case .capture, .void, .expire, .reverse: false
        }
    }
}
