internal import Values

/// The accounts of one movement, before or after it.
struct Sides: Equatable {
    var debit: Head
    var credit: Head
}

/// Decides whether a movement may happen and what both accounts look like afterwards.
///
/// No database and no clock in here: the writer fetches heads, asks, and writes the answers.
enum Rules {
    static func post(_ leg: Leg, _ sides: Sides, at now: Timestamp) throws(LedgerRefusal) -> Sides {
        try check(leg, sides)
        let amount = leg.amount.minorUnits
        var after = sides
        try change(&after.debit, posted: -Int128(amount))
        if leg.isLimited { try spend(amount, &after.debit, at: now) }
        try change(&after.credit, posted: Int128(amount))
        if !leg.isReturn { try checkCeiling(of: after.credit) }
        return after
    }

    static func hold(_ leg: Leg, _ sides: Sides, at now: Timestamp) throws(LedgerRefusal) -> Sides {
        try check(leg, sides)
        let amount = leg.amount.minorUnits
        var after = sides
        try change(&after.debit, held: Int128(amount))
        if leg.isLimited { try spend(amount, &after.debit, at: now) }
        return after
    }

    static func capture(
        _ hold: Transfer, amount: Int64, _ sides: Sides, at now: Timestamp
    ) throws(LedgerRefusal) -> Sides {
        guard !hasExpired(hold, at: now) else { throw LedgerRefusal(.holdExpired) }
        guard amount <= hold.amount else {
            throw LedgerRefusal(.amountExceedsHold, [Fact("held", hold.amount)])
        }
        try checkOpen(sides)
        var after = sides
        try change(&after.debit, posted: -Int128(amount), held: -Int128(hold.amount))
        try change(&after.credit, posted: Int128(amount))
        try checkCeiling(of: after.credit)
        return after
    }

    /// A void or an expiry: the hold's money becomes available again.
    static func release(_ hold: Transfer, _ sides: Sides) -> Sides {
        var after = sides
        after.debit.held -= hold.amount
        precondition(after.debit.held >= 0, "an account holds at least what its open holds reserve")
        return after
    }

    /// `sides` are those of the reversal: who received is debited.
    static func reverse(_ original: Transfer, _ sides: Sides) throws(LedgerRefusal) -> Sides {
        precondition(sides.debit.id == original.credit.number)
        precondition(sides.credit.id == original.debit.number)
        guard original.kind == .post || original.kind == .capture else {
            throw LedgerRefusal(.transferNotReversible)
        }
        try checkOpen(sides)
        var after = sides
        try change(&after.debit, posted: -Int128(original.amount))
        try change(&after.credit, posted: Int128(original.amount))
        return after
    }

    static func hasExpired(_ hold: Transfer, at now: Timestamp) -> Bool {
        hold.expiresAt.map { $0 <= now } ?? false
    }

    // MARK: What can be refused before anything is looked up

    static func checkShape(_ leg: Leg) throws(LedgerRefusal) {
        try checkAmount(leg.amount.minorUnits)
        guard leg.debit != leg.credit else { throw LedgerRefusal(.accountsMustDiffer) }
    }

    static func checkAmount(_ amount: Int64) throws(LedgerRefusal) {
        guard amount > 0 else { throw LedgerRefusal(.amountMustBePositive) }
    }

    static func checkTime(_ seconds: Int64) throws(LedgerRefusal) {
        guard (1...Command.holdSecondsMax).contains(seconds) else {
            throw LedgerRefusal(
                .holdTimeOutOfRange, [Fact("expires_in_max", Command.holdSecondsMax)])
        }
    }

    // MARK: Steps

    /// While the books are in doubt, what is a customer's stays where it is.
    static func checkMoneyOut(_ sides: Sides, isStopped: Bool) throws(LedgerRefusal) {
        guard !isStopped || sides.debit.floor == nil else { throw LedgerRefusal(.moneyOutStopped) }
    }

    private static func check(_ leg: Leg, _ sides: Sides) throws(LedgerRefusal) {
        precondition(sides.debit.id == leg.debit.number)
        precondition(sides.credit.id == leg.credit.number)
        guard sides.debit.currency == leg.amount.currency,
            sides.credit.currency == leg.amount.currency
        else { throw LedgerRefusal(.currenciesMustMatch) }
        try checkOpen(sides)
    }

    private static func checkOpen(_ sides: Sides) throws(LedgerRefusal) {
        guard !sides.debit.isClosed else { throw LedgerRefusal(.debitAccountClosed) }
        guard !sides.credit.isClosed else { throw LedgerRefusal(.creditAccountClosed) }
    }

    /// Changes what an account has and reserves, if its floor and the range of its figures allow
    /// it.
    ///
    /// The payer's side is changed before the recipient's is looked at: the other order would tell
    /// anyone, by the reason of the refusal, how much the recipient has.
    private static func change(
        _ head: inout Head, posted: Int128 = 0, held: Int128 = 0
    ) throws(LedgerRefusal) {
        let (posted, held) = (Int128(head.posted) + posted, Int128(head.held) + held)
        if let floor = head.floor, posted - held < floor {
            // Less than the amount that was asked for, so it fits.
            throw LedgerRefusal(
                .insufficientFunds, [Fact("available", head.balance.available - floor)])
        }
        guard let posted64 = Int64(exactly: posted), let held64 = Int64(exactly: held),
            Int64(exactly: posted - held) != nil
        else { throw LedgerRefusal(.balanceOverflow) }
        head.posted = posted64
        head.held = held64
    }

    // MARK: Limits

    /// Each is asked from the narrowest to the widest. Counted whether or not there is a limit
    /// today, so that the journal alone says what was counted; without one a count stops at the
    /// largest number there is.
    private static func spend(
        _ amount: Int64, _ head: inout Head, at now: Timestamp
    ) throws(LedgerRefusal) {
        let (before, limits) = (head, head.limits)
        if let limit = limits.perTransfer, amount > limit {
            throw exceeded(.perTransfer, before, now)
        }
        let hour = before.paymentsThisHour.counting(in: now.hour)
        if let limit = limits.paymentsPerHour, hour.isFull || hour.after.count > limit {
            throw exceeded(.paymentsPerHour, before, now)
        }
        let today = before.paymentsToday.counting(in: now.day)
        if let limit = limits.paymentsPerDay, today.isFull || today.after.count > limit {
            throw exceeded(.paymentsPerDay, before, now)
        }
        let day = before.spentToday.adding(amount, in: now.day)
        if let limit = limits.perDay, day.isFull || day.after.amount > limit {
            throw exceeded(.perDay, before, now)
        }
        let month = before.spentThisMonth.adding(amount, in: month(of: now))
        if let limit = limits.perMonth, month.isFull || month.after.amount > limit {
            throw exceeded(.perMonth, before, now)
        }
        head.paymentsThisHour = hour.after
        head.paymentsToday = today.after
        head.spentToday = day.after
        head.spentThisMonth = month.after
    }

    /// The number of a month, so that each has its own.
    static func month(of moment: Timestamp) -> Int64 {
        let calendar = CalendarDay(daysSince1970: moment.day)
        return calendar.year * 12 + calendar.month
    }

    private static func exceeded(
        _ kind: LimitUse.Kind, _ head: Head, _ now: Timestamp
    ) -> LedgerRefusal {
        LedgerRefusal(.limitExceeded, head.use(of: kind, at: now)?.facts ?? [])
    }

    /// How much room there is stays untold: who pays learns only that this much cannot be received.
    private static func checkCeiling(of head: Head) throws(LedgerRefusal) {
        if let ceiling = head.limits.ceiling, head.posted > ceiling {
            throw LedgerRefusal(.recipientCannotReceive)
        }
    }
}
