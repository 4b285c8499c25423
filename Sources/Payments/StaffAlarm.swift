internal import Identity
internal import Ledger
internal import Values

extension Payments {
    /// Who can do something about it.
    static let staffAlarmed: Set<Role> = [.admin, .finance, .support]

    /// Tells staff of a decision about money-out, on every channel that they have. Done again after
    /// a failure: better told twice than never.
    func tellStaff(of decision: String) async throws {
        guard let id = Int64(decision), let stop = try await moneyOut.decision(id) else { return }
        try await identity.tell(Self.staffAlarmed, Self.alarm(stop))
    }

    /// Names no account and no amount: a message leaves the building.
    private static func alarm(_ stop: Stop) -> String {
        let (decided, count) = ("\(stop.actor), \(stop.at)", stop.findings.count)
        let differences = count == 0 ? "" : " Differences found: \(count)."
        return switch stop.kind {
        case .stopped:
            "Florin has stopped payments out of wallets (\(decided)): \(stop.reason)\(differences) "
                + "Money in goes on. Run `florin audit`, then see “When money-out has stopped” "
                + "in docs/operations.md."
        case .resumed:
            "Florin lets payments out of wallets go on (\(decided)): \(stop.reason)\(differences)"
        }
    }
}
