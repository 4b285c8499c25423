internal import Cryptography
internal import HTTP
internal import Synchronization
package import Values

// What happens at Stripe of its own accord or by the payer, and the webhooks about it.

extension StripeSimulator {
    /// A payer at the Checkout page. A card that is declined leaves the page open.
    package func answer(
        _ prompt: String, _ answer: PromptAnswer, in world: SimulatedWorld
    ) -> Bool {
        let answered = state.withLock { state -> StripeBooks.Session? in
            guard var session = state.sessions[prompt], session.status == "open",
                world.now < session.endsAt
            else { return nil }
            switch answer {
            case .approve: state.pay(&session, world, takenBackAfter: takenBackSeconds)
            case .approveLate:
                session.status = "complete"
                session.intent = state.name("pi")
                session.paidLateAt = world.now.adding(seconds: Self.lateSeconds)
            case .refuse, .wrongPin, .noMoney, .ignore: break
            }
            state.sessions[prompt] = session
            return session
        }
        guard let answered else { return false }
        world.note("payer", "\(prompt): \(answer.rawValue)", vendor: name, "checkout_page")
        if answered.status == "complete" { tellCompletion(of: answered, in: world) }
        return true
    }

    private func tellCompletion(of session: StripeBooks.Session, in world: SimulatedWorld) {
        if session.paymentStatus == "paid" {
            send("payment_intent.succeeded", session.intentJSON, opposite: nil, [], in: world)
        }
        send(
            "checkout.session.completed", session.json(), opposite: "checkout.session.expired",
            session.faults, in: world)
    }

    package func tick(in world: SimulatedWorld) {
        tickSessions(in: world)
        let due = state.withLock { state in
            state.transfers.values.filter { ($0.reversesAt ?? world.now.tomorrow) <= world.now }
                .map(\.id).sorted()
        }
        for id in due { _ = takeBack(transfer: id, in: world) }
    }

    private func tickSessions(in world: SimulatedWorld) {
        let now = world.now
        let changed = state.withLock { state -> [(String, StripeBooks.Session)] in
            var changed: [(String, StripeBooks.Session)] = []
            for var session in state.sessions.values.sorted(by: { $0.number < $1.number }) {
                let event: String
                if session.status == "open", session.endsAt <= now {
                    session.status = "expired"
                    event = "checkout.session.expired"
                } else if let at = session.paidLateAt, at <= now {
                    session.paidLateAt = nil
                    state.pay(&session, world, takenBackAfter: takenBackSeconds)
                    event = "checkout.session.async_payment_succeeded"
                } else if let at = session.takenBackAt, at <= now {
                    session.takenBackAt = nil
                    event = state.takeBack(&session, world)
                } else {
                    continue
                }
                state.sessions[session.id] = session
                changed.append((event, session))
            }
            return changed
        }
        for (event, session) in changed { tell(event, session, in: world) }
    }

    private func tell(
        _ event: String, _ session: StripeBooks.Session, in world: SimulatedWorld
    ) {
        switch event {
        case "charge.refunded":
            send(event, session.chargeJSON, opposite: nil, session.faults, in: world)
        case "charge.dispute.created":
            send(event, session.disputeJSON ?? nil, opposite: nil, session.faults, in: world)
        case "checkout.session.expired":
            send(
                event, session.json(), opposite: "checkout.session.completed", session.faults,
                in: world)
        default: send(event, session.json(), opposite: nil, session.faults, in: world)
        }
    }

    func takeBack(
        transfer id: String, in world: SimulatedWorld
    ) -> StripeBooks.Transfer? {
        let reversed = state.withLock { state -> StripeBooks.Transfer? in
            guard var transfer = state.transfers[id], !transfer.isReversed else { return nil }
            transfer.isReversed = true
            transfer.reversesAt = nil
            state.transfers[id] = transfer
            return state.takeBack(id) ? transfer : nil
        }
        if let reversed {
            send("transfer.reversed", reversed.json, opposite: nil, reversed.faults, in: world)
        }
        return reversed
    }

    // MARK: Webhooks

    /// One event, as faithfully as the faults allow.
    func send(
        _ type: String, _ object: JSON, opposite: String?, _ faults: [FaultPlan.Rule],
        in world: SimulatedWorld
    ) {
        let kinds = Set(faults.map(\.fault))
        if kinds.contains(.contradict), let opposite {
            let isFirst = world.draw(below: 2) == 0
            post(event(opposite, object, world), after: isFirst ? -1 : 1, in: world)
        }
        if kinds.contains(.wrongSignature) {
            post(event(type, object, world), after: 0, secret: "whsec_somebody_elses", in: world)
        }
        guard !kinds.contains(.dropCallback) else { return }
        let late = faults.first { $0.fault == .reorderCallback }?.seconds ?? 0
        let event = event(type, object, world)
        post(event, after: late, in: world)
        if kinds.contains(.duplicateCallback) { post(event, after: late + 1, in: world) }
    }

    private func event(_ type: String, _ object: JSON, _ world: SimulatedWorld) -> JSON {
        [
            "id": .string(state.withLock { $0.name("evt") }), "object": "event",
            "api_version": "2025-01-27.acacia", "created": .integer(world.now.unixSeconds),
            "data": ["object": object], "livemode": false, "pending_webhooks": 1,
            "type": .string(type),
        ]
    }

    private func post(
        _ event: JSON, after seconds: Int64, secret: String? = nil, in world: SimulatedWorld
    ) {
        let (secret, body) = (secret ?? webhookSecret, event.encoded())
        world.post(
            event, to: webhookURL, after: Self.webhookSeconds + seconds, vendor: name,
            event["type"]?.string ?? "", headers: [("Content-Type", "application/json")]
        ) { now in
            [("Stripe-Signature", Self.signature(of: body, under: secret, at: now))]
        }
    }

    /// As it is made anew for each delivery. The first `v1` is of a secret that was rolled away.
    package static func signature(
        of body: [UInt8], under secret: String, at now: Timestamp
    ) -> String {
        let signed = Array("\(now.unixSeconds).".utf8) + body
        func tag(_ secret: String) -> String {
            Hex.encode(Hash.hmacSHA256(key: Array(secret.utf8), signed))
        }
        return "t=\(now.unixSeconds),v1=\(tag("whsec_rolled_away")),v1=\(tag(secret)),v0=00"
    }
}

extension StripeBooks {
    fileprivate mutating func pay(
        _ session: inout Session, _ world: SimulatedWorld, takenBackAfter seconds: Int64
    ) {
        let intent = session.intent ?? name("pi")
        session.intent = intent
        session.status = "complete"
        session.paymentStatus = "paid"
        enter(
            intent, .received, session.amount, session.currency, order: session.order,
            party: "card", at: world.now)
        if session.faults.contains(where: { $0.fault == .paidThenFailed }) {
            session.takenBackAt = world.now.adding(seconds: seconds)
        }
    }

    /// By a refund, or by the payer's bank. Returns the event's name.
    fileprivate mutating func takeBack(
        _ session: inout Session, _ world: SimulatedWorld
    ) -> String {
        guard takeBack(session.intent ?? "") else { return "charge.updated" }
        guard world.draw(below: 2) == 0 else {
            session.isRefunded = true
            return "charge.refunded"
        }
        session.dispute = Dispute(id: name("dp"), status: "needs_response", at: world.now)
        return "charge.dispute.created"
    }
}

extension Timestamp {
    fileprivate var tomorrow: Timestamp { adding(seconds: 86_400) }
}
