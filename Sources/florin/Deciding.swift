internal import FoundationEssentials
internal import Ledger

/// What commands have in common by which the operator decides something: who, and why.
enum Deciding {
    static func reason(_ arguments: Arguments) throws(Arguments.Misunderstood) -> String {
        let limit = MoneyOut.reasonCharactersMax
        guard let reason = arguments.option("reason"),
            (1...limit).contains(reason.unicodeScalars.count)
        else {
            throw Arguments.Misunderstood(
                reason: "--reason wants a sentence of at most \(limit) characters, which is kept")
        }
        return reason
    }

    /// The user of the operating system, and who became it, where that is known.
    static var actor: String {
        let process = ProcessInfo.processInfo
        let user = process.userName
        let name = process.environment["SUDO_USER"].map { "\($0) as \(user)" } ?? user
        return name.isEmpty ? "unknown" : name
    }
}
