// What a wallet learns of its payments when its device is online.

extension OfflineWallet {
    /// The issuer's word on records: what this wallet sent is settled, and what it received is
    /// known to the server. A payment that was marked as undelivered waits for the word that its
    /// money came back.
    mutating func take(_ receipts: [OfflineReceipt]) {
        for index in received.indices
        where receipts.contains(where: { $0.record == received[index].record.id }) {
            received[index].isSettled = true
        }
        for index in outbox.indices {
            let words = outbox[index].records.map { record in
                receipts.first { $0.record == record.id }?.status
            }
            let isOver = words.allSatisfy { status in
                switch status {
                case nil: false
                case .declined, .refunded: true
                case .settled, .guaranteed, .short: outbox[index].state != .undelivered
                }
            }
            if isOver, outbox[index].state.mayBecome(.settled) { outbox[index].state = .settled }
        }
    }

    /// A record that pays this wallet and reached the server by another hand. Without its
    /// provenance nobody would take it offline, so it may only be deposited.
    mutating func take(_ record: SpendRecord) {
        guard record.payee == id, !received.contains(where: { $0.record.id == record.id })
        else { return }
        var incoming = Received(certificates: [], path: [record], drawn: 0, valueExpiry: 0)
        incoming.isSettled = true
        received.append(incoming)
        outstanding.removeAll { $0.request == record.request }
    }

    /// Keeps the newest of what is over and everything that is not.
    mutating func forget(outgoingMax: Int, receivedMax: Int, outstandingMax: Int, seenMax: Int) {
        var surplus = outbox.count - outgoingMax
        outbox.removeAll { outgoing in
            guard surplus > 0, outgoing.state == .settled else { return false }
            surplus -= 1
            return true
        }
        surplus = received.count - receivedMax
        received.removeAll { each in
            guard surplus > 0, each.drawn == each.record.amount, each.isSettled
            else { return false }
            surplus -= 1
            return true
        }
        outstanding.removeFirst(max(0, outstanding.count - outstandingMax))
        seen.removeFirst(max(0, seen.count - seenMax))
    }
}
