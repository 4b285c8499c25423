// The steps of a device that are those of its wallet, for programs that hold the key themselves.

extension OfflineDevice {
    /// P11 and P12: takes the signatures of exactly the reserved bodies, in their order.
    package mutating func sign(
        _ request: ObjectID, _ signatures: [[UInt8]], _ verify: Verify
    ) throws(StepRefusal) {
        try wallet.sign(request, signatures, verify)
    }

    /// P13: what is shown, once its state is stored.
    package mutating func show(_ request: ObjectID) throws(StepRefusal) -> OfflinePayment {
        try wallet.show(request)
    }

    package mutating func giveUp(_ request: ObjectID) throws(StepRefusal) {
        try wallet.giveUp(request)
    }

    /// Reserves the way of a received record to the wallet online.
    package mutating func deposit(
        _ record: ObjectID, request: ObjectID, clock: UInt32
    ) throws(SpendRefusal) -> OfflineWallet.Outgoing {
        try wallet.deposit(record, request: request, clock: clock)
    }

    /// Reserves the way of own money to the wallet online.
    package mutating func unlock(
        _ amount: UInt32, request: ObjectID, clock: UInt32
    ) throws(SpendRefusal) -> OfflineWallet.Outgoing {
        try wallet.unlock(amount, request: request, clock: clock)
    }
}
