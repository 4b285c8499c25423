internal import Values

/// A batch being decided, in memory and in order: heads as they will be, lines as they will be
/// written.
struct Workbench {
    let now: Timestamp
    private let lastTransfer: Int64
    private let isMoneyOutStopped: Bool
    private var heads: [Int64: Head]
    private var referenced: [Int64: Transfer]
    private var settled: Set<Int64>
    private(set) var lines: [Transfer] = []
    private var undo: [(head: Head, isFirstChange: Bool)] = []
    /// The heads that changed, as they were before the batch.
    private(set) var before: [Int64: Head] = [:]

    init(
        now: Timestamp, fence: LedgerStore.Fence, heads: [Int64: Head],
        referenced: [Int64: Transfer], settled: Set<Int64>
    ) {
        self.now = now
        lastTransfer = fence.lastTransfer
        isMoneyOutStopped = fence.isMoneyOutStopped
        self.heads = heads
        self.referenced = referenced
        self.settled = settled
    }

    /// The heads that the batch changed, as they are now.
    var changed: [Head] { before.keys.sorted().compactMap { heads[$0] } }

    /// All of the command's operations, or none: a refusal leaves the bench as it was.
    mutating func decide(_ command: Command) throws(LedgerRefusal) -> Range<Int> {
        let start = lines.count
        undo.removeAll(keepingCapacity: true)
        do {
            for operation in command.operations {
                let isFirst = lines.count == start
                let legs = isFirst ? command.operations.count : operation.isDerived ? -1 : 0
                try decide(operation, key: isFirst ? command.key : nil, legs: Int16(legs))
            }
        } catch {
            var refusal = error
            refusal.operation = lines.count - start
            takeBack(from: start)
            throw refusal
        }
        return start..<lines.count
    }

    private mutating func takeBack(from start: Int) {
        for line in lines[start...] {
            if let settles = line.settles { settled.remove(settles.number) }
        }
        lines.removeSubrange(start...)
        for (head, isFirstChange) in undo.reversed() {
            heads[head.id] = head
            if isFirstChange { before[head.id] = nil }
        }
    }

    // MARK: One operation

    private mutating func decide(
        _ operation: Operation, key: CommandKey?, legs: Int16
    ) throws(LedgerRefusal) {
        switch operation {
        case .post(let leg):
            try Rules.checkShape(leg)
            let sides = try movable(debit: leg.debit, credit: leg.credit)
            let after = try Rules.post(leg, sides, at: now)
            write(
                .post, leg.code, leg.amount.minorUnits, sides, after, key, legs,
                isLimited: leg.isLimited)
        case .hold(let leg, let seconds):
            try Rules.checkShape(leg)
            try Rules.checkTime(seconds)
            let sides = try movable(debit: leg.debit, credit: leg.credit)
            let after = try Rules.hold(leg, sides, at: now)
            write(
                .hold, leg.code, leg.amount.minorUnits, sides, after, key, legs,
                isLimited: leg.isLimited, expiresAt: now.adding(seconds: seconds))
        case .capture(let id, let amount):
            if let amount { try Rules.checkAmount(amount) }
            let hold = try openHold(id)
            let sides = try movable(debit: hold.debit, credit: hold.credit)
            let captured = amount ?? hold.amount
            let after = try Rules.capture(hold, amount: captured, sides, at: now)
            write(.capture, hold.code, captured, sides, after, key, legs, settles: id)
        case .void(let id):
            let hold = try openHold(id)
            let sides = try sides(debit: hold.debit, credit: hold.credit)
            let after = Rules.release(hold, sides)
            write(.void, hold.code, hold.amount, sides, after, key, legs, settles: id)
        case .expire(let id):
            let hold = try openHold(id)
            guard Rules.hasExpired(hold, at: now) else { throw LedgerRefusal(.holdNotYetExpired) }
            let sides = try sides(debit: hold.debit, credit: hold.credit)
            let after = Rules.release(hold, sides)
            write(.expiry, hold.code, hold.amount, sides, after, key, legs, settles: id)
        case .reverse(let id):
            let original = try reversible(id)
            let sides = try movable(debit: original.credit, credit: original.debit)
            let after = try Rules.reverse(original, sides)
            write(.reversal, original.code, original.amount, sides, after, key, legs, settles: id)
        }
    }

    private func sides(
        debit: AccountID, credit: AccountID
    ) throws(LedgerRefusal) -> Sides {
        guard let debitHead = heads[debit.number], let creditHead = heads[credit.number]
        else { throw LedgerRefusal(.accountNotFound) }
        return Sides(debit: debitHead, credit: creditHead)
    }

    /// The sides of a movement that takes posted or available money from the debit account.
    private func movable(debit: AccountID, credit: AccountID) throws(LedgerRefusal) -> Sides {
        let sides = try sides(debit: debit, credit: credit)
        try Rules.checkMoneyOut(sides, isStopped: isMoneyOutStopped)
        return sides
    }

    private func openHold(_ id: TransferID) throws(LedgerRefusal) -> Transfer {
        guard let hold = referenced[id.number], hold.kind == .hold else {
            throw LedgerRefusal(.holdNotFound)
        }
        guard !settled.contains(id.number) else { throw LedgerRefusal(.holdAlreadyEnded) }
        return hold
    }

    private func reversible(_ id: TransferID) throws(LedgerRefusal) -> Transfer {
        guard let original = referenced[id.number] else {
            throw LedgerRefusal(.transferNotFound)
        }
        guard original.kind == .post || original.kind == .capture else {
            throw LedgerRefusal(.transferNotReversible)
        }
        guard !settled.contains(id.number) else {
            throw LedgerRefusal(.transferAlreadyReversed)
        }
        return original
    }

    /// After the rules have said yes, nothing may fail.
    private mutating func write(
        _ kind: TransferKind, _ code: TransferCode, _ amount: Int64, _ sides: Sides,
        _ after: Sides, _ key: CommandKey?, _ legs: Int16,
        isLimited: Bool = false, settles: TransferID? = nil, expiresAt: Timestamp? = nil
    ) {
        let id = TransferID(lastTransfer + Int64(lines.count) + 1)
        lines.append(
            Transfer(
                id: id, at: now, kind: kind, code: code,
                debit: AccountID(sides.debit.id), credit: AccountID(sides.credit.id),
                amount: amount, debitAfter: after.debit.balance,
                creditAfter: after.credit.balance,
                debitPrevious: sides.debit.lastTransfer, creditPrevious: sides.credit.lastTransfer,
                key: key, legs: legs, isLimited: isLimited, settles: settles,
                expiresAt: expiresAt))
        if let settles { settled.insert(settles.number) }
        keep(after.debit, insteadOf: sides.debit, line: id)
        keep(after.credit, insteadOf: sides.credit, line: id)
    }

    private mutating func keep(_ head: Head, insteadOf old: Head, line: TransferID) {
        let isFirstChange = before[old.id] == nil
        if isFirstChange { before[old.id] = old }
        undo.append((old, isFirstChange))
        var head = head
        head.lastTransfer = line.number
        head.lastAt = now
        heads[head.id] = head
    }
}
