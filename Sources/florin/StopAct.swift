internal import HTTP
internal import Identity
internal import Ledger

extension Stop {
    /// The decision as the audit log tells it. Who decides at the operating system is known by a
    /// name there, which is nobody's wallet.
    var act: Act {
        let (before, after) = kind == .stopped ? ("open", "stopped") : ("stopped", "open")
        let decided: JSON = [
            "money_out": .string(after), "decided_by": .string(actor),
            "differences": .integer(Int64(findings.count)),
        ]
        return Act(
            kind == .stopped ? .moneyOutStopped : .moneyOutResumed, by: nil, of: nil,
            from: .program, reason: reason, before: (["money_out": .string(before)] as JSON).text,
            after: decided.text)
    }
}

extension Act.Kind {
    fileprivate static let moneyOutStopped = Act.Kind("money_out_stopped")
    fileprivate static let moneyOutResumed = Act.Kind("money_out_resumed")
}
