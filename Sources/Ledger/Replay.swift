internal import Values

/// Compares a command with what its key did before: equal replays the stored outcome, different is
/// refused with the first field that differs.
enum Replay {
    static func compare(
        _ command: Command, with stored: [Transfer], in world: BatchWriter.World
    ) -> BatchWriter.Outcome {
        if let field = firstDifference(command, stored, world) {
            return .failure(
                LedgerRefusal(.idempotencyMismatch, [Fact("first_difference", field)]))
        }
        return .success(Receipt(transfers: stored, isReplay: true))
    }

    private static func firstDifference(
        _ command: Command, _ stored: [Transfer], _ world: BatchWriter.World
    ) -> String? {
        let asked = command.operations.filter { !$0.isDerived }
        let done = stored.filter { !$0.isDerived }
        for (operation, line) in zip(asked, done) {
            if let field = difference(operation, line, world) { return field }
        }
        return asked.count == done.count ? nil : "operation"
    }

    private static func difference(
        _ operation: Operation, _ line: Transfer, _ world: BatchWriter.World
    ) -> String? {
        switch operation {
        case .post(let leg):
            line.kind == .post ? difference(leg, line, world) : "operation"
        case .hold(let leg, let seconds):
            line.kind != .hold
                ? "operation"
                : difference(leg, line, world)
                    ?? (line.expiresAt.map(line.at.seconds(until:)) == seconds ? nil : "expires_in")
        case .capture(let hold, let amount):
            if line.kind != .capture {
                "operation"
            } else if line.settles != hold {
                "hold"
            } else {
                (amount ?? world.referenced[hold.number]?.amount) == line.amount ? nil : "amount"
            }
        case .void(let hold):
            line.kind != .void ? "operation" : line.settles == hold ? nil : "hold"
        case .expire(let hold):
            line.kind != .expiry ? "operation" : line.settles == hold ? nil : "hold"
        case .reverse(let id):
            line.kind != .reversal ? "operation" : line.settles == id ? nil : "transfer"
        }
    }

    private static func difference(
        _ leg: Leg, _ line: Transfer, _ world: BatchWriter.World
    ) -> String? {
        if line.code != leg.code { return "operation" }
        if line.debit != leg.debit { return "from" }
        if line.credit != leg.credit { return "to" }
        if world.heads[leg.debit.number]?.currency != leg.amount.currency { return "currency" }
        return line.amount == leg.amount.minorUnits ? nil : "amount"
    }
}

extension Operation {
    /// Worked out by the server, so that a retry may come to another answer without being another
    /// command.
    var isDerived: Bool {
        switch self {
        case .post(let leg), .hold(let leg, _): leg.isDerived
        case .capture, .void, .expire, .reverse: false
        }
    }
}
