internal import HTTP
internal import Values

/// The state of a simulated M-Pesa.
struct DarajaBooks: Sendable {
    /// An STK push: a question on somebody's telephone.
    struct Push: Sendable {
        let checkout: String
        let merchant: String
        let phone: String
        let shillings: Int64
        let reference: String
        let callback: String
        let endsAt: Timestamp
        let faults: [FaultPlan.Rule]
        /// Nil until it is over; 0 means paid.
        var result: Int64?
        var receipt: String?
        /// When a result changes that was told already.
        var approvedLateAt: Timestamp?
    }

    /// A payment to somebody's telephone.
    struct Payout: Sendable {
        enum Status: String, Sendable {
            case pending, completed = "Completed", failed = "Failed"
            case reversed = "Reversed"
        }

        let originator: String
        let conversation: String
        let phone: String
        let shillings: Int64
        let resultURL: String
        let timeOutURL: String
        let actsAt: Timestamp
        let faults: [FaultPlan.Rule]
        var status = Status.pending
        var receipt: String?
        var finishedAt: Timestamp?
        var reversesAt: Timestamp?
    }

    /// Shillings that can be paid out.
    var float: Int64 = 1_000_000_000
    var received: Int64 = 0
    var pushes: [String: Push] = [:]
    var payouts: [String: Payout] = [:]
    var tokens: [String: Timestamp] = [:]
    var entries: [BookEntry] = []
    var names = 0

    mutating func name(_ prefix: String) -> String {
        names += 1
        return "\(prefix)_\(names)"
    }

    /// When something becomes due of itself.
    var nextDue: Timestamp? {
        let prompts = pushes.values.compactMap { push in
            push.result == nil ? push.endsAt : push.approvedLateAt
        }
        let moves = payouts.values.compactMap { payout in
            payout.status == .pending ? payout.actsAt : payout.reversesAt
        }
        return (prompts + moves).min()
    }

    mutating func enter(
        _ receipt: String, _ direction: BookEntry.Direction, shillings: Int64, order: String,
        party: String, at now: Timestamp
    ) {
        entries.append(
            BookEntry(
                receipt: receipt, direction: direction, amount: shillings * 100, currency: "KES",
                order: order, party: party, at: now))
        switch direction {
        case .received: received += shillings
        case .paid: float -= shillings
        }
    }

    /// Takes an entry back. False when there is none, or it was taken back before.
    mutating func reverse(_ receipt: String) -> Bool {
        guard let index = entries.firstIndex(where: { $0.receipt == receipt }),
            !entries[index].isReversed
        else { return false }
        entries[index].isReversed = true
        let shillings = entries[index].amount / 100
        switch entries[index].direction {
        case .received: received -= shillings
        case .paid: float += shillings
        }
        return true
    }
}
