internal import Cryptography
internal import HTTP
internal import Synchronization
internal import Values

// What happens at PayPal of its own accord or by the payer, and the webhooks about it.

extension PayPalSimulator {
    package func answer(
        _ prompt: String, _ answer: PromptAnswer, in world: SimulatedWorld
    ) -> Bool {
        let answered = state.withLock { state -> PayPalBooks.Order? in
            guard var order = state.orders[prompt], order.status == "PAYER_ACTION_REQUIRED",
                world.now < order.endsAt
            else { return nil }
            switch answer {
            case .approve: order.status = "APPROVED"
            case .approveLate:
                order.status = "APPROVED"
                order.captureStatus = "PENDING"
                order.paidLateAt = world.now.adding(seconds: Self.lateSeconds)
            case .noMoney:
                order.status = "APPROVED"
                order.isCardDeclined = true
            case .refuse, .wrongPin, .ignore: break
            }
            state.orders[prompt] = order
            return order
        }
        guard let answered else { return false }
        world.note("payer", "\(prompt): \(answer.rawValue)", vendor: name, "approval_page")
        if answered.status == "APPROVED" {
            send(
                "CHECKOUT.ORDER.APPROVED", answered.json(page: ""),
                opposite: "CHECKOUT.ORDER.VOIDED",
                answered.faults, in: world)
        }
        return true
    }

    package func tick(in world: SimulatedWorld) {
        let now = world.now
        let (orders, payouts) = state.withLock { state in
            (state.moveOrders(at: now, world), state.movePayouts(at: now, world))
        }
        for order in orders { tell(order, in: world) }
        for payout in payouts {
            let isPaid = payout.status == "SUCCESS"
            send(
                "PAYMENT.PAYOUTS-ITEM." + (isPaid ? "SUCCEEDED" : payout.status), payout.itemJSON,
                opposite: "PAYMENT.PAYOUTS-ITEM." + (isPaid ? "FAILED" : "SUCCEEDED"),
                payout.faults, in: world)
        }
    }

    func tell(_ order: PayPalBooks.Order, in world: SimulatedWorld) {
        guard let capture = order.captureJSON else { return }
        let isPaid = order.captureStatus == "COMPLETED"
        send(
            "PAYMENT.CAPTURE." + order.captureStatus, capture,
            opposite: "PAYMENT.CAPTURE." + (isPaid ? "DENIED" : "COMPLETED"), order.faults,
            in: world)
    }

    // MARK: Webhooks

    private func send(
        _ type: String, _ resource: JSON, opposite: String, _ faults: [FaultPlan.Rule],
        in world: SimulatedWorld
    ) {
        let kinds = Set(faults.map(\.fault))
        if kinds.contains(.contradict) {
            let isFirst = world.draw(below: 2) == 0
            post(event(opposite, resource, world), after: isFirst ? -1 : 1, in: world)
        }
        if kinds.contains(.wrongSignature) {
            post(event(type, resource, world), after: 0, webhook: "SOMEBODY-ELSES", in: world)
        }
        guard !kinds.contains(.dropCallback) else { return }
        let late = faults.first { $0.fault == .reorderCallback }?.seconds ?? 0
        let event = event(type, resource, world)
        post(event, after: late, in: world)
        if kinds.contains(.duplicateCallback) { post(event, after: late + 1, in: world) }
    }

    private func event(_ type: String, _ resource: JSON, _ world: SimulatedWorld) -> JSON {
        [
            "id": .string(state.withLock { $0.name("WH-") }), "event_version": "1.0",
            "create_time": .string("\(world.now)"), "event_type": .string(type),
            "resource": resource,
        ]
    }

    private func post(
        _ event: JSON, after seconds: Int64, webhook: String? = nil, in world: SimulatedWorld
    ) {
        let (id, webhook) = (state.withLock { $0.name("TRANSMISSION-") }, webhook ?? webhookID)
        let time = "\(world.now.adding(seconds: Self.webhookSeconds + seconds))"
        world.post(
            event, to: webhookURL, after: Self.webhookSeconds + seconds, vendor: name,
            event["event_type"]?.string ?? "",
            headers: [
                ("Content-Type", "application/json"), ("PAYPAL-AUTH-ALGO", "SHA256withRSA"),
                ("PAYPAL-CERT-URL", "https://api.paypal.com/v1/notifications/certs/CERT-simulated"),
                ("PAYPAL-TRANSMISSION-ID", id), ("PAYPAL-TRANSMISSION-TIME", time),
                ("PAYPAL-TRANSMISSION-SIG", Self.signature(id, time, webhook, event.encoded())),
            ])
    }

    /// Stands for the signature with PayPal's certificate, which PayPal alone verifies here.
    private static func signature(
        _ id: String, _ time: String, _ webhook: String, _ body: [UInt8]
    ) -> String {
        Base64.encode(
            Hash.hmacSHA256(
                key: Array("paypal".utf8), Array("\(id)|\(time)|\(webhook)|".utf8) + body))
    }

    func verify(_ call: Call) -> SimulatedReply {
        let json = call.request.json
        guard let id = json["transmission_id"]?.string, json["auth_algo"]?.string != nil,
            let time = json["transmission_time"]?.string, json["cert_url"]?.string != nil,
            let signature = json["transmission_sig"]?.string,
            let webhook = json["webhook_id"]?.string, let event = json["webhook_event"]
        else { return .paypal(400, "VALIDATION_ERROR", "Invalid request.") }
        let isGenuine =
            webhook == webhookID && signature == Self.signature(id, time, webhook, event.encoded())
        return SimulatedReply(
            200, ["verification_status": .string(isGenuine ? "SUCCESS" : "FAILURE")])
    }
}

extension PayPalBooks {
    fileprivate mutating func moveOrders(at now: Timestamp, _ world: SimulatedWorld) -> [Order] {
        var told: [Order] = []
        for var order in orders.values.sorted(by: { $0.id < $1.id }) {
            if order.capture == nil {
                guard order.status != "ENDED", order.endsAt <= now else { continue }
                order.status = "ENDED"
            } else if let at = order.paidLateAt, at <= now {
                order.paidLateAt = nil
                pay(&order, world)
                told.append(order)
            } else if let at = order.takenBackAt, at <= now, order.paidLateAt == nil {
                order.takenBackAt = nil
                if takeBack(order.capture) {
                    order.captureStatus = world.draw(below: 2) == 0 ? "REFUNDED" : "REVERSED"
                }
                told.append(order)
            } else {
                continue
            }
            orders[order.id] = order
        }
        return told
    }

    fileprivate mutating func movePayouts(
        at now: Timestamp, _ world: SimulatedWorld
    ) -> [Payout] {
        var told: [Payout] = []
        for var payout in payouts.values.sorted(by: { $0.batch < $1.batch }) {
            if payout.status == "PENDING", payout.actsAt <= now {
                act(&payout, world)
            } else if let at = payout.reversesAt, at <= now {
                payout.reversesAt = nil
                if takeBack(payout.transaction) { payout.status = "REVERSED" }
            } else {
                continue
            }
            payouts[payout.sender] = payout
            told.append(payout)
        }
        return told
    }
}
