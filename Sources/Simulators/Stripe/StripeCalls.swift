internal import HTTP
internal import Synchronization
internal import Values

// What programs ask of Stripe.

extension StripeSimulator {
    /// Parameters that are understood here, of those that Stripe documents; `#` is a number.
    private static let sessionParameters: Set = [
        "mode", "client_reference_id", "success_url", "cancel_url", "expires_at", "customer_email",
        "payment_method_types[#]", "metadata[payment]", "payment_intent_data[metadata][payment]",
        "line_items[#][quantity]", "line_items[#][price_data][currency]",
        "line_items[#][price_data][unit_amount]",
        "line_items[#][price_data][product_data][name]",
    ]
    private static let transferParameters: Set = [
        "amount", "currency", "destination", "transfer_group", "metadata[payment]", "description",
    ]
    /// Seconds from the making of a page to its end.
    private static let pageSeconds: ClosedRange<Int64> = 30 * 60...86_400
    private static let amounts: ClosedRange<Int64> = 1...99_999_999

    func open(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let form = call.request.form
        if let refusal = Self.unknown(in: form, Self.sessionParameters) { return refusal }
        let now = world.now
        let item = "line_items[0][price_data]"
        guard form["mode"] == "payment", let success = form["success_url"],
            let currency = form[item + "[currency]"], currency.utf8.count == 3,
            currency == currency.lowercased(), form["line_items[0][quantity]"] == "1",
            form[item + "[product_data][name]"]?.isEmpty == false,
            let amount = form[item + "[unit_amount]"].flatMap({ Int64($0) }),
            Self.amounts.contains(amount)
        else { return .stripe(400, "invalid_request_error", "parameter_missing", "Bad session.") }
        let end =
            form["expires_at"].map { Int64($0) ?? 0 } ?? now.unixSeconds
            + Self.pageSeconds.upperBound
        guard Self.pageSeconds.contains(end - now.unixSeconds) else {
            return .stripe(
                400, "invalid_request_error", nil,
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.")
        }
        let session = state.withLock { state in
            let id = state.name("cs_test")
            let session = StripeBooks.Session(
                id: id, number: state.names, order: form["client_reference_id"] ?? "",
                payment: form["payment_intent_data[metadata][payment]"] ?? "", amount: amount,
                currency: currency, successURL: success, cancelURL: form["cancel_url"] ?? "",
                createdAt: now, endsAt: Timestamp(microseconds: end * 1_000_000),
                faults: call.faults)
            state.sessions[id] = session
            return session
        }
        if let answer = habit(world) { _ = self.answer(session.id, answer, in: world) }
        return SimulatedReply(200, withURL(session.json(), call))
    }

    /// The address of the page, as long as it can be paid there.
    private func withURL(_ session: JSON, _ call: Call) -> JSON {
        guard var object = session.object else { return session }
        let isOpen = session["status"]?.string == "open"
        object.append(
            "url", isOpen ? .string(call.pages + (session["id"]?.string ?? "")) : nil)
        return .object(object)
    }

    private static func unknown(
        in form: [String: String], _ known: Set<String>
    ) -> SimulatedReply? {
        let names = form.keys.map { name in
            name.split(separator: "[", omittingEmptySubsequences: false).map { part in
                part.dropLast().allSatisfy(\.isNumber) && part.count > 1 && part.hasSuffix("]")
                    ? "#]" : String(part)
            }.joined(separator: "[")
        }
        guard let stranger = names.first(where: { !known.contains($0) }) else { return nil }
        return .stripe(
            400, "invalid_request_error", "parameter_unknown",
            "Received unknown parameter: \(stranger)")
    }

    func session(_ call: Call) -> SimulatedReply {
        guard let session = state.withLock({ $0.sessions[call.id] }) else {
            return .missing("checkout.session", call.id)
        }
        return SimulatedReply(200, withURL(session.json(isExpanded: call.isExpanded), call))
    }

    func listSessions(_ call: Call) -> SimulatedReply {
        let sessions = state.withLock { Array($0.sessions.values) }
        return Self.list(
            sessions.sorted { $0.number > $1.number }.map {
                ($0.id, $0.createdAt, withURL($0.json(), call))
            }, call)
    }

    func listDisputes(_ call: Call) -> SimulatedReply {
        let sessions = state.withLock { Array($0.sessions.values) }
        let intent = call.fields["payment_intent"]
        return Self.list(
            sessions.filter { intent == nil || $0.intent == intent }
                .sorted { $0.number > $1.number }.compactMap { session in
                    session.disputeJSON.map { ($0["id"]?.string ?? "", session.createdAt, $0) }
                }, call)
    }

    /// Newest first, a page of it.
    private static func list(
        _ objects: [(id: String, at: Timestamp, json: JSON)], _ call: Call
    ) -> SimulatedReply {
        let fields = call.fields
        let since = fields["created[gte]"].flatMap { Int64($0) } ?? 0
        var rest = objects.filter { $0.at.unixSeconds >= since }
        if let last = fields["starting_after"] {
            guard let index = rest.firstIndex(where: { $0.id == last }) else {
                return .missing("object", last)
            }
            rest.removeFirst(index + 1)
        }
        let limit = fields["limit"].flatMap { Int64($0) } ?? 10
        guard (1...pageMax).contains(limit) else {
            return .stripe(400, "invalid_request_error", nil, "`limit` is 1 to 100.")
        }
        return SimulatedReply(
            200,
            [
                "object": "list", "data": .array(rest.prefix(Int(limit)).map(\.json)),
                "has_more": .bool(rest.count > limit), "url": .string(call.request.path),
            ])
    }

    // MARK: Money out

    func transfer(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let form = call.request.form
        if let refusal = Self.unknown(in: form, Self.transferParameters) { return refusal }
        guard let amount = form["amount"].flatMap({ Int64($0) }), Self.amounts.contains(amount),
            let currency = form["currency"], currency.utf8.count == 3,
            let destination = form["destination"]
        else { return .stripe(400, "invalid_request_error", "parameter_missing", "Bad transfer.") }
        guard destination.hasPrefix("acct_") else {
            return .stripe(
                400, "invalid_request_error", "resource_missing",
                "No such destination: '\(destination)'")
        }
        let isEmpty = call.faults.contains { $0.fault == .emptyFloat }
        let isTakenBack = call.faults.contains { $0.fault == .paidThenFailed }
        let made = state.withLock { state -> StripeBooks.Transfer? in
            guard !isEmpty, state.balance(currency) >= amount else { return nil }
            let id = state.name("tr")
            let transfer = StripeBooks.Transfer(
                id: id, number: state.names, group: form["transfer_group"] ?? "",
                payment: form["metadata[payment]"] ?? "", amount: amount, currency: currency,
                destination: destination, createdAt: world.now, faults: call.faults,
                reversesAt: isTakenBack ? world.now.adding(seconds: takenBackSeconds) : nil)
            state.transfers[id] = transfer
            state.enter(
                id, .paid, amount, currency, order: transfer.payment, party: destination,
                at: world.now)
            return transfer
        }
        guard let made else {
            return .stripe(
                400, "invalid_request_error", "balance_insufficient",
                "You have insufficient available funds in your Stripe account.")
        }
        send("transfer.created", made.json, opposite: "transfer.reversed", made.faults, in: world)
        return SimulatedReply(200, made.json)
    }

    func transfer(_ call: Call) -> SimulatedReply {
        guard let transfer = state.withLock({ $0.transfers[call.id] }) else {
            return .missing("transfer", call.id)
        }
        return SimulatedReply(200, transfer.json)
    }

    func listTransfers(_ call: Call) -> SimulatedReply {
        let transfers = state.withLock { Array($0.transfers.values) }
        let group = call.fields["transfer_group"]
        return Self.list(
            transfers.filter { group == nil || $0.group == group }
                .sorted { $0.number > $1.number }.map { ($0.id, $0.createdAt, $0.json) }, call)
    }

    // MARK: Taking back

    func reverse(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        guard let transfer = takeBack(transfer: call.id, in: world) else {
            return .missing("transfer", call.id)
        }
        return SimulatedReply(
            200,
            [
                "id": .string("trr_" + transfer.id), "object": "transfer_reversal",
                "amount": .integer(transfer.amount), "transfer": .string(transfer.id),
            ])
    }

    func refund(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let intent = call.request.form["payment_intent"]
        let refunded = state.withLock { state -> StripeBooks.Session? in
            guard var session = state.sessions.values.first(where: { $0.intent == intent }),
                session.paymentStatus == "paid", !session.isRefunded, session.dispute == nil,
                state.takeBack(session.intent ?? "")
            else { return nil }
            session.isRefunded = true
            state.sessions[session.id] = session
            return session
        }
        guard let refunded else {
            return .stripe(
                400, "invalid_request_error", "charge_already_refunded", "Nothing to refund.")
        }
        send("charge.refunded", refunded.chargeJSON, opposite: nil, refunded.faults, in: world)
        return SimulatedReply(
            200,
            [
                "id": .string("re_" + refunded.id), "object": "refund",
                "amount": .integer(refunded.amount), "charge": .text(refunded.charge),
                "currency": .string(refunded.currency), "payment_intent": .text(refunded.intent),
                "status": "succeeded",
            ])
    }
}

extension SimulatedReply {
    fileprivate static func missing(_ kind: String, _ id: String) -> SimulatedReply {
        .stripe(404, "invalid_request_error", "resource_missing", "No such \(kind): '\(id)'")
    }
}
