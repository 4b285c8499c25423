internal import HTTP
internal import Synchronization
internal import Values

// B2C, and what is answered by callbacks only: status, reversal, balance.

extension DarajaSimulator {
    var payOut: Operation.Act {
        { [self] request, faults, world in
            let json = request.json
            guard let originator = json["OriginatorConversationID"]?.string, !originator.isEmpty,
                let phone = json["PartyB"]?.scalar, phone.utf8.count == 12,
                let shillings = json["Amount"]?.shillings, shillings > 0,
                json["InitiatorName"]?.string != nil, json["SecurityCredential"]?.string != nil,
                json["CommandID"]?.string == "BusinessPayment",
                let resultURL = json["ResultURL"]?.string,
                let timeOutURL = json["QueueTimeOutURL"]?.string
            else { return .fault(400, "400.002.02", "Bad Request - Invalid Request Payload") }
            let payout = state.withLock { state -> DarajaBooks.Payout? in
                guard state.payouts[originator] == nil else { return nil }
                let payout = DarajaBooks.Payout(
                    originator: originator, conversation: state.name("AG"), phone: phone,
                    shillings: shillings, resultURL: resultURL, timeOutURL: timeOutURL,
                    actsAt: world.now.adding(seconds: Self.payoutSeconds), faults: faults)
                state.payouts[originator] = payout
                return payout
            }
            guard let payout else {
                return .fault(500, "500.002.1001", "Duplicate OriginatorConversationID")
            }
            return .taken(
                ("ConversationID", payout.conversation),
                ("OriginatorConversationID", payout.originator))
        }
    }

    /// Payouts that are done now, and those that are taken back.
    func tickPayouts(in world: SimulatedWorld) {
        let now = world.now
        let changed = state.withLock { state -> [DarajaBooks.Payout] in
            var changed: [DarajaBooks.Payout] = []
            for var payout in state.payouts.values.sorted(by: { $0.originator < $1.originator }) {
                if payout.status == .pending, payout.actsAt <= now {
                    state.act(&payout, world)
                } else if let at = payout.reversesAt, at <= now, let receipt = payout.receipt {
                    payout.reversesAt = nil
                    if state.reverse(receipt) { payout.status = .reversed }
                } else {
                    continue
                }
                state.payouts[payout.originator] = payout
                changed.append(payout)
            }
            return changed
        }
        for payout in changed {
            send(
                Self.result(payout, isPaid: payout.status == .completed),
                opposite: Self.result(payout, isPaid: payout.status != .completed),
                to: payout.resultURL, "b2c_result", payout.faults, in: world)
        }
    }

    private static func result(_ payout: DarajaBooks.Payout, isPaid: Bool) -> JSON {
        let receipt = payout.receipt ?? "LIE" + payout.conversation
        var result = JSONObject([
            ("ResultType", 0), ("ResultCode", .integer(isPaid ? 0 : 1)),
            (
                "ResultDesc",
                .string(
                    isPaid
                        ? "The service request is processed successfully."
                        : "The balance is insufficient for the transaction.")
            ),
            ("OriginatorConversationID", .string(payout.originator)),
            ("ConversationID", .string(payout.conversation)),
            ("TransactionID", .string(receipt)),
        ])
        if isPaid {
            result.append(
                "ResultParameters",
                [
                    "ResultParameter": [
                        ["Key": "TransactionAmount", "Value": .integer(payout.shillings)],
                        ["Key": "TransactionReceipt", "Value": .string(receipt)],
                        ["Key": "B2CRecipientIsRegisteredCustomer", "Value": "Y"],
                        [
                            "Key": "ReceiverPartyPublicName",
                            "Value": .string(payout.phone + " - Somebody"),
                        ],
                    ]
                ])
        }
        result.append("ReferenceData", ["ReferenceItem": ["Key": "QueueTimeoutURL"]])
        return ["Result": .object(result)]
    }

    // MARK: Questions that are answered later

    var queryStatus: Operation.Act {
        { [self] request, faults, world in
            let json = request.json
            let originator = json["OriginatorConversationID"]?.string ?? ""
            let receipt = json["TransactionID"]?.string ?? ""
            guard json["CommandID"]?.string == "TransactionStatusQuery",
                !originator.isEmpty || !receipt.isEmpty,
                let resultURL = json["ResultURL"]?.string
            else { return .fault(400, "400.002.02", "Bad Request - Invalid Request Payload") }
            let conversation = state.withLock { $0.name("AG") }
            let payout = state.withLock { state in
                state.payouts[originator]
                    ?? state.payouts.values.first { !receipt.isEmpty && $0.receipt == receipt }
            }
            send(
                Self.status(of: payout, conversation), opposite: nil, to: resultURL,
                "status_result", faults, in: world)
            return .taken(
                ("ConversationID", conversation),
                ("OriginatorConversationID", state.withLock { $0.name("query") }))
        }
    }

    private static func status(of payout: DarajaBooks.Payout?, _ conversation: String) -> JSON {
        guard let payout else {
            return outcome(2032, "The transaction does not exist.", conversation, [])
        }
        var facts: [(String, JSON)] = [
            ("Conversation ID", .string(payout.conversation)),
            ("Originator Conversation ID", .string(payout.originator)),
            ("Amount", .string("\(payout.shillings).00")),
            ("CreditPartyName", .string(payout.phone + " - Somebody")),
            (
                "TransactionStatus",
                .string(payout.status == .pending ? "Pending" : payout.status.rawValue)
            ),
        ]
        if let receipt = payout.receipt { facts.append(("ReceiptNo", .string(receipt))) }
        return outcome(
            0, "The service request is processed successfully.", conversation, facts)
    }

    static func outcome(
        _ code: Int64, _ words: String, _ conversation: String, _ facts: [(String, JSON)]
    ) -> JSON {
        [
            "Result": [
                "ResultType": 0, "ResultCode": .integer(code), "ResultDesc": .string(words),
                "OriginatorConversationID": .string("o" + conversation),
                "ConversationID": .string(conversation), "TransactionID": .string(conversation),
                "ResultParameters": [
                    "ResultParameter": .array(
                        facts.map { ["Key": .string($0.0), "Value": $0.1] })
                ],
            ]
        ]
    }

    var reverse: Operation.Act {
        { [self] request, faults, world in
            let json = request.json
            guard json["CommandID"]?.string == "TransactionReversal",
                let receipt = json["TransactionID"]?.string,
                let resultURL = json["ResultURL"]?.string
            else { return .fault(400, "400.002.02", "Bad Request - Invalid Request Payload") }
            let (conversation, isDone) = state.withLock { state in
                let isDone = state.reverse(receipt)
                let reversed = state.payouts.first { $0.value.receipt == receipt }?.key
                if isDone, let reversed { state.payouts[reversed]?.status = .reversed }
                return (state.name("AG"), isDone)
            }
            send(
                Self.outcome(
                    isDone ? 0 : 2032,
                    isDone ? "Reversed" : "The transaction does not exist or is reversed already.",
                    conversation, [("OriginalTransactionID", .string(receipt))]),
                opposite: nil, to: resultURL, "reversal_result", faults, in: world)
            return .taken(
                ("ConversationID", conversation), ("OriginatorConversationID", "o" + conversation))
        }
    }

    var balance: Operation.Act {
        { [self] request, faults, world in
            guard request.json["CommandID"]?.string == "AccountBalance",
                let resultURL = request.json["ResultURL"]?.string
            else { return .fault(400, "400.002.02", "Bad Request - Invalid Request Payload") }
            let (conversation, received, float) = state.withLock { state in
                (state.name("AG"), state.received, state.float)
            }
            let text =
                "Working Account|KES|\(received).00|\(received).00|0.00|0.00&"
                + "Utility Account|KES|\(float).00|\(float).00|0.00|0.00"
            send(
                Self.outcome(
                    0, "The service request is processed successfully.", conversation,
                    [("AccountBalance", .string(text))]),
                opposite: nil, to: resultURL, "balance_result", faults, in: world)
            return .taken(
                ("ConversationID", conversation), ("OriginatorConversationID", "o" + conversation))
        }
    }
}

extension DarajaBooks {
    fileprivate mutating func act(_ payout: inout Payout, _ world: SimulatedWorld) {
        let kinds = Set(payout.faults.map(\.fault))
        payout.finishedAt = world.now
        guard payout.shillings <= float, !kinds.contains(.emptyFloat) else {
            payout.status = .failed
            return
        }
        let receipt = world.receipt("B2C")
        payout.status = .completed
        payout.receipt = receipt
        enter(
            receipt, .paid, shillings: payout.shillings, order: payout.originator,
            party: payout.phone, at: world.now)
        if kinds.contains(.paidThenFailed) {
            payout.reversesAt = world.now.adding(seconds: DarajaSimulator.reversalSeconds)
        }
    }
}
