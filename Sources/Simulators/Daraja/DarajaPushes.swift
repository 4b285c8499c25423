internal import HTTP
internal import Synchronization
internal import Values

// STK push: a question on a telephone, and what becomes of it.

extension DarajaSimulator {
    var push: Operation.Act {
        { [self] request, faults, world in
            let json = request.json
            guard let phone = json["PhoneNumber"]?.scalar, phone.utf8.count == 12,
                let shillings = json["Amount"]?.shillings, shillings > 0,
                let code = json["BusinessShortCode"]?.scalar, json["Password"]?.string != nil,
                json["Timestamp"]?.scalar?.utf8.count == 14,
                let callback = json["CallBackURL"]?.string,
                let reference = json["AccountReference"]?.string, reference.utf8.count <= 12,
                (json["TransactionDesc"]?.string ?? "").utf8.count <= 13
            else { return .fault(400, "400.002.02", "Bad Request - Invalid PhoneNumber") }
            let push = state.withLock { state -> DarajaBooks.Push? in
                // One question at a time on one telephone.
                let others = state.pushes.values.filter { $0.phone == phone }
                guard others.allSatisfy({ $0.result != nil }) else { return nil }
                let push = DarajaBooks.Push(
                    checkout: state.name("ws_CO"), merchant: state.name("merchant"), phone: phone,
                    shillings: shillings, reference: reference + " (\(code))",
                    callback: callback, endsAt: world.now.adding(seconds: Self.promptSeconds),
                    faults: faults)
                state.pushes[push.checkout] = push
                return push
            }
            guard let push else {
                return .fault(
                    500, "500.001.1001",
                    "Unable to lock subscriber, a transaction is already in process for the "
                        + "current subscriber")
            }
            if let answer = habit(world) { _ = self.answer(push.checkout, answer, in: world) }
            return .taken(
                ("MerchantRequestID", push.merchant), ("CheckoutRequestID", push.checkout),
                ("CustomerMessage", "Success. Request accepted for processing"))
        }
    }

    var queryPush: Operation.Act {
        { [self] request, _, world in
            guard let checkout = request.json["CheckoutRequestID"]?.string,
                let push = state.withLock({ $0.pushes[checkout] })
            else { return .fault(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID") }
            guard let result = push.result else {
                return .fault(500, "500.001.1001", "The transaction is being processed")
            }
            return .taken(
                ("MerchantRequestID", push.merchant), ("CheckoutRequestID", push.checkout),
                ("ResultCode", "\(result)"), ("ResultDesc", Self.words(result)))
        }
    }

    package func answer(
        _ prompt: String, _ answer: PromptAnswer, in world: SimulatedWorld
    ) -> Bool {
        let ended = state.withLock { state -> DarajaBooks.Push? in
            guard var push = state.pushes[prompt], push.result == nil else { return nil }
            switch answer {
            case .approve: state.pay(&push, world)
            case .refuse: push.result = 1032
            case .wrongPin: push.result = 2001
            case .noMoney: push.result = 1
            case .ignore: return push
            case .approveLate:
                push.approvedLateAt = push.endsAt.adding(seconds: Self.lateSeconds)
            }
            state.pushes[prompt] = push
            return push
        }
        guard let ended else { return false }
        world.note("telephone", "\(ended.phone): \(answer.rawValue)", vendor: name, "stk_push")
        if ended.result != nil { tell(ended, in: world) }
        return true
    }

    /// Prompts that end by themselves, and those approved too late.
    func tickPushes(in world: SimulatedWorld) {
        let now = world.now
        let changed = state.withLock { state -> [DarajaBooks.Push] in
            var changed: [DarajaBooks.Push] = []
            for var push in state.pushes.values.sorted(by: { $0.checkout < $1.checkout }) {
                if push.result == nil, push.endsAt <= now {
                    push.result = 1037
                } else if let at = push.approvedLateAt, at <= now, push.receipt == nil {
                    push.approvedLateAt = nil
                    state.pay(&push, world)
                } else {
                    continue
                }
                state.pushes[push.checkout] = push
                changed.append(push)
            }
            return changed
        }
        for push in changed { tell(push, in: world) }
    }

    private func tell(_ push: DarajaBooks.Push, in world: SimulatedWorld) {
        send(
            Self.callback(push), opposite: Self.contradiction(of: push), to: push.callback,
            "stk_callback", push.faults, in: world)
    }

    private static func callback(_ push: DarajaBooks.Push) -> JSON {
        callback(push, push.result ?? 1037, push.receipt)
    }

    private static func callback(
        _ push: DarajaBooks.Push, _ result: Int64, _ receipt: String?
    ) -> JSON {
        var body = JSONObject([
            ("MerchantRequestID", .string(push.merchant)),
            ("CheckoutRequestID", .string(push.checkout)), ("ResultCode", .integer(result)),
            ("ResultDesc", .string(words(result))),
        ])
        if let receipt {
            body.append(
                "CallbackMetadata",
                [
                    "Item": [
                        ["Name": "Amount", "Value": .integer(push.shillings)],
                        ["Name": "MpesaReceiptNumber", "Value": .string(receipt)],
                        // Without a value, as it comes.
                        ["Name": "Balance"],
                        ["Name": "PhoneNumber", "Value": .integer(Int64(push.phone) ?? 0)],
                    ]
                ])
        }
        return ["Body": ["stkCallback": .object(body)]]
    }

    private static func contradiction(of push: DarajaBooks.Push) -> JSON {
        push.result == 0
            ? callback(push, 1032, nil) : callback(push, 0, "LIE" + push.checkout.suffix(6))
    }

    static func words(_ result: Int64) -> String {
        switch result {
        case 0: "The service request is processed successfully."
        case 1: "The balance is insufficient for the transaction."
        case 1032: "Request cancelled by user"
        case 1037: "DS timeout user cannot be reached"
        case 2001: "The initiator information is invalid."
        default: "Failed"
        }
    }
}

extension DarajaBooks {
    fileprivate mutating func pay(_ push: inout Push, _ world: SimulatedWorld) {
        let receipt = world.receipt("STK")
        push.result = 0
        push.receipt = receipt
        enter(
            receipt, .received, shillings: push.shillings, order: push.checkout,
            party: push.phone, at: world.now)
    }
}
