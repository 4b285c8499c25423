internal import HTTP
internal import Synchronization
internal import Values

// What programs ask of PayPal.

extension PayPalSimulator {
    func open(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let json = call.request.json
        let unit = json["purchase_units"]?[0]
        let (amount, context) = (
            unit?["amount"], json["payment_source"]?["paypal"]?["experience_context"]
        )
        guard json["intent"]?.string == "CAPTURE",
            let money = Self.money(amount, "currency_code"),
            let back = context?["return_url"]?.string
        else { return .paypal(400, "INVALID_REQUEST", "Request is not well-formed.") }
        let order = state.withLock { state in
            let order = PayPalBooks.Order(
                id: state.name("ORD"), custom: unit?["custom_id"]?.string ?? "",
                invoice: unit?["invoice_id"]?.string ?? "",
                value: amount?["value"]?.string ?? "", currency: money.currency.code,
                minorUnits: money.minorUnits, returnURL: back,
                endsAt: world.now.adding(seconds: Self.orderSeconds), faults: call.faults)
            state.orders[order.id] = order
            return order
        }
        if let answer = habit(world) { _ = self.answer(order.id, answer, in: world) }
        return SimulatedReply(201, order.json(page: call.pages))
    }

    private static func money(_ amount: JSON?, _ code: String) -> Money? {
        guard let currency = amount?[code]?.string.flatMap({ Currency($0) }),
            let money = amount?["value"]?.string.flatMap({ Money(decimal: $0, currency) }),
            money.minorUnits > 0
        else { return nil }
        return money
    }

    func order(_ call: Call) -> SimulatedReply {
        guard let order = state.withLock({ $0.orders[call.id] }), order.status != "ENDED" else {
            return .paypal(
                404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.",
                issue: "INVALID_RESOURCE_ID")
        }
        return SimulatedReply(200, order.json(page: call.pages))
    }

    func capture(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let outcome = state.withLock { state -> (PayPalBooks.Order?, String?) in
            guard var order = state.orders[call.id], order.status != "ENDED" else {
                return (nil, nil)
            }
            guard order.capture == nil else { return (nil, "ORDER_ALREADY_CAPTURED") }
            guard order.status == "APPROVED" else { return (nil, "ORDER_NOT_APPROVED") }
            // An invoice is paid once.
            let isPaid = state.orders.values.contains {
                $0.capture != nil && $0.invoice == order.invoice && !order.invoice.isEmpty
            }
            guard !isPaid else { return (nil, "DUPLICATE_INVOICE_ID") }
            if order.isCardDeclined {
                order.status = "PAYER_ACTION_REQUIRED"
                order.isCardDeclined = false
                state.orders[order.id] = order
                return (nil, "INSTRUMENT_DECLINED")
            }
            order.status = "COMPLETED"
            order.capture = state.name("CAP")
            if order.paidLateAt == nil { state.pay(&order, world) }
            state.orders[order.id] = order
            return (order, nil)
        }
        switch outcome {
        case (let order?, _):
            tell(order, in: world)
            return SimulatedReply(201, order.json(page: call.pages))
        case (nil, let issue?):
            return .paypal(
                422, "UNPROCESSABLE_ENTITY", "The requested action could not be performed.",
                issue: issue)
        case (nil, nil): return order(call)
        }
    }

    // MARK: Money out

    func payOut(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let json = call.request.json
        let item = json["items"]?[0]
        guard let sender = json["sender_batch_header"]?["sender_batch_id"]?.string,
            json["items"]?.array?.count == 1, item?["recipient_type"]?.string == "EMAIL",
            let receiver = item?["receiver"]?.string,
            let money = Self.money(item?["amount"], "currency")
        else { return .paypal(400, "VALIDATION_ERROR", "Invalid request.") }
        let (made, earlier) = state.withLock {
            state -> (PayPalBooks.Payout?, PayPalBooks.Payout?) in
            if let earlier = state.payouts[sender] { return (nil, earlier) }
            let payout = PayPalBooks.Payout(
                batch: state.name("BAT"), item: state.name("ITM"), sender: sender,
                senderItem: item?["sender_item_id"]?.string ?? "", receiver: receiver,
                value: item?["amount"]?["value"]?.string ?? "", currency: money.currency.code,
                minorUnits: money.minorUnits,
                actsAt: world.now.adding(seconds: Self.payoutSeconds), faults: call.faults)
            state.payouts[sender] = payout
            return (payout, nil)
        }
        if let earlier {
            return .paypal(
                400, "USER_BUSINESS_ERROR", "Batch with given sender_batch_id already exists",
                link: "https://api-m.paypal.com/v1/payments/payouts/" + earlier.batch)
        }
        guard let made else { return .paypalBroken }
        return SimulatedReply(201, ["batch_header": made.headerJSON])
    }

    func payout(_ call: Call) -> SimulatedReply {
        let found = state.withLock { $0.payouts.values.first { $0.batch == call.id } }
        guard let found else {
            return .paypal(404, "RESOURCE_NOT_FOUND", "The batch does not exist.")
        }
        return SimulatedReply(
            200, ["batch_header": found.headerJSON, "items": [found.itemJSON]])
    }

    func cancel(_ call: Call) -> SimulatedReply {
        let returned = state.withLock { state -> PayPalBooks.Payout? in
            guard var payout = state.payouts.values.first(where: { $0.item == call.id }),
                payout.status == "UNCLAIMED", state.takeBack(payout.transaction)
            else { return nil }
            payout.status = "RETURNED"
            state.payouts[payout.sender] = payout
            return payout
        }
        guard let returned else {
            return .paypal(400, "ITEM_ALREADY_COMPLETED", "The item cannot be cancelled.")
        }
        return SimulatedReply(200, returned.itemJSON)
    }
}

extension PayPalBooks {
    mutating func pay(_ order: inout Order, _ world: SimulatedWorld) {
        order.captureStatus = "COMPLETED"
        enter(
            order.capture ?? "", .received, order.minorUnits, order.currency, order: order.custom,
            party: "payer", at: world.now)
        if order.faults.contains(where: { $0.fault == .paidThenFailed }) {
            order.takenBackAt = world.now.adding(seconds: PayPalSimulator.takenBackSeconds)
        }
    }

    mutating func act(_ payout: inout Payout, _ world: SimulatedWorld) {
        let kinds = Set(payout.faults.map(\.fault))
        guard !kinds.contains(.emptyFloat) else {
            payout.status = "FAILED"
            return
        }
        let isClaimed = payout.receiver != PayPalSimulator.strangersAddress
        payout.status = isClaimed ? "SUCCESS" : "UNCLAIMED"
        payout.transaction = name("TXN")
        enter(
            payout.transaction ?? "", .paid, payout.minorUnits, payout.currency,
            order: payout.senderItem, party: payout.receiver, at: world.now)
        if isClaimed, kinds.contains(.paidThenFailed) {
            payout.reversesAt = world.now.adding(seconds: PayPalSimulator.takenBackSeconds)
        }
    }
}
