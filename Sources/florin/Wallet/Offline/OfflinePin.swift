/// The PIN under which an offline wallet's key lies. It is this terminal's alone: no server knows
/// it, and none can give a new one.
enum OfflinePin {
    static let charactersMin = 6
    static let variable = "FLORIN_OFFLINE_PIN"
}

extension WalletSession {
    /// Whether there is somebody to ask for it, or the environment has it.
    var canGiveOfflinePin: Bool { terminal.isInteractive || offlinePinGiven != nil }

    private var offlinePinGiven: String? {
        environment[OfflinePin.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    func offlinePin() throws -> String {
        if let offlinePinGiven { return offlinePinGiven }
        return try askForOfflinePin("PIN of the offline wallet: ")
    }

    func newOfflinePin() throws -> String {
        let pin = try offlinePinGiven ?? askForOfflinePin("A PIN for the offline wallet: ")
        guard pin.count >= OfflinePin.charactersMin else {
            throw WalletFailure.refused(
                "The PIN is all that stands between a thief of this machine's disk and the money: "
                    + "take \(OfflinePin.charactersMin) characters at least.")
        }
        guard try offlinePinGiven != nil || askForOfflinePin("Once more: ") == pin else {
            throw WalletFailure.refused("The two PINs differ.")
        }
        return pin
    }

    private func askForOfflinePin(_ question: String) throws -> String {
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(
                reason: "nobody can be asked: set \(OfflinePin.variable)")
        }
        guard let pin = terminal.askSecretly(question) else { throw CancellationError() }
        return pin
    }
}
