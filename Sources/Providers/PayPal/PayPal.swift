internal import Cryptography
internal import HTTP
package import Rails
internal import Values

/// Orders of PayPal's for money in, which the payer approves there and we capture; batches of one
/// payout for money out, to the person's proven address.
package struct PayPal: PaymentProvider {
    package let name = "paypal"
    let settings: PayPalSettings
    let tokens = TokenCache()

    static let rail = "paypal"

    package init(_ settings: PayPalSettings) { self.settings = settings }

    package var services: [RailService] {
        settings.currencies.flatMap { currency in
            [
                RailService(
                    rail: Self.rail, kind: .topUp, currency: currency,
                    amounts: PayPalLore.amounts, contact: .none, usualSeconds: 600,
                    absenceProvesAfterSeconds: PayPalLore.absenceProvesAfterSeconds,
                    asksAgainAfterSeconds: 86_400),
                RailService(
                    rail: Self.rail, kind: .payout, currency: currency,
                    amounts: PayPalLore.amounts, contact: .email, usualSeconds: 60,
                    absenceProvesAfterSeconds: nil, asksAgainAfterSeconds: 86_400),
            ]
        }
    }

    package func call(
        _ order: RailOrder, over conversation: Conversation
    ) async -> CallAnswer {
        do throws(OutboundError) {
            switch order.service.kind {
            case .topUp:
                let response = try await post(
                    "/v2/checkout/orders", checkout(order), key: "\(order.id)",
                    as: "order_create", over: conversation)
                return Self.answer(to: response) { Self.opened($0) }
            case .payout:
                guard let email = order.email else { return .refused(.recipientUnknown) }
                let response = try await post(
                    Self.payoutPath, payout(order, to: email), key: "\(order.id)",
                    as: "payout_create", over: conversation)
                return Self.answer(to: response) { json in
                    Self.batch(json).map { .accepted(reference: $0, .nothing) }
                }
            }
        } catch {
            return CallAnswer(error)
        }
    }

    package func ask(
        _ question: RailQuestion, over conversation: Conversation
    ) async -> AskAnswer {
        do throws(OutboundError) {
            switch question.order.service.kind {
            case .topUp: return try await askTopUp(question, over: conversation)
            case .payout: return try await askPayout(question, over: conversation)
            }
        } catch {
            return .silent
        }
    }

    // MARK: Calls

    static let payoutPath = "/v1/payments/payouts"

    private static func answer(
        to response: OutboundResponse, _ read: (JSON) -> CallAnswer?
    ) -> CallAnswer {
        let json = response.json
        if (200...201).contains(response.status) { return json.flatMap(read) ?? .unknown }
        // Only an answer of PayPal's own says that it did not act.
        guard (400..<500).contains(response.status), let name = json?["name"]?.string else {
            return .unknown
        }
        // Another order has this key or this batch: what became of that one is asked.
        if PayPalLore.duplicateNames.contains(name) || response.status == 409 { return .unknown }
        if response.status == 429 { return .refused(.providerBusy) }
        if PayPalLore.floatNames.contains(name) { return .refused(.floatEmpty) }
        return .refused(PayPalLore.recipientNames.contains(name) ? .recipientUnknown : .refused)
    }

    private static func opened(_ order: JSON) -> CallAnswer? {
        let links = order["links"]?.array ?? []
        let link = links.first { ["payer-action", "approve"].contains($0["rel"]?.string ?? "") }
        guard let id = order["id"]?.string, !id.isEmpty, let url = link?["href"]?.string else {
            return nil
        }
        return .accepted(reference: id, .redirect(url))
    }

    private static func batch(_ json: JSON) -> String? {
        let id = json["batch_header"]?["payout_batch_id"]?.string
        return id == "" ? nil : id
    }

    // MARK: Questions about money in

    private func askTopUp(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        // Nobody was sent to approve what we have not heard of, and nothing moves until we capture.
        guard let reference = question.reference else { return .failed(.neverReceived) }
        let response = try await get(
            "/v2/checkout/orders/" + reference, as: "order_get", over: conversation)
        if response.status == 404, response.json?["name"]?.string != nil { return .absent }
        guard response.status == 200, let order = response.json else { return .silent }
        switch order["status"]?.string {
        case "CREATED", "SAVED", "PAYER_ACTION_REQUIRED": return .pending
        case "APPROVED": return try await capture(reference, question, over: conversation)
        case "COMPLETED": return Self.captured(order)
        case "VOIDED": return .failed(.declinedByPayer)
        default: return .silent
        }
    }

    /// What the payer has approved moves now. Under this key, and of this order, it moves once.
    private func capture(
        _ reference: String, _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        let response = try await post(
            "/v2/checkout/orders/\(reference)/capture", [:], key: "capture-\(question.order.id)",
            as: "order_capture", over: conversation)
        if (200...201).contains(response.status), let order = response.json {
            return Self.captured(order)
        }
        // The payer may choose another card on the same page.
        let issue = response.json?["details"]?[0]?["issue"]?.string
        return issue == "INSTRUMENT_DECLINED" ? .pending : .silent
    }

    private static func captured(_ order: JSON) -> AskAnswer {
        let captures = order["purchase_units"]?[0]?["payments"]?["captures"]?.array ?? []
        guard captures.count == 1, let id = captures[0]["id"]?.string, !id.isEmpty else {
            return .silent
        }
        let receipt = RailReceipt(id, money(captures[0]["amount"], "currency_code"))
        switch captures[0]["status"]?.string {
        case "COMPLETED", "PARTIALLY_REFUNDED": return .settled(receipt)
        case "PENDING": return .pending
        case "DECLINED", "FAILED": return .failed(.declinedByPayer)
        case "REFUNDED": return .reversed(receipt)
        case "REVERSED": return .chargedBack(receipt)
        default: return .silent
        }
    }

    private static func money(_ amount: JSON?, _ code: String) -> Money? {
        guard let currency = amount?[code]?.string.flatMap({ Currency($0) }) else { return nil }
        return amount?["value"]?.string.flatMap { Money(decimal: $0, currency) }
    }

    // MARK: Questions about money out

    private func askPayout(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        guard let batch = try await batch(of: question, over: conversation) else { return .silent }
        let response = try await get(
            Self.payoutPath + "/" + batch, as: "payout_get", over: conversation)
        guard response.status == 200, let items = response.json?["items"]?.array,
            items.count == 1,
            items[0]["payout_item"]?["sender_item_id"]?.string
                ?? "\(question.order.id)" == "\(question.order.id)"
        else { return .silent }
        let amount = Self.money(items[0]["payout_item"]?["amount"], "currency")
        let receipt = items[0]["transaction_id"]?.string.map { RailReceipt($0, amount) }
        switch items[0]["transaction_status"]?.string {
        case "SUCCESS": return receipt.map { .settled($0) } ?? .silent
        case "FAILED", "DENIED", "BLOCKED": return .failed(.refused)
        case "RETURNED", "REFUNDED", "REVERSED": return .reversed(receipt)
        case "UNCLAIMED": return try await takeBack(items[0], over: conversation)
        default: return .pending
        }
    }

    /// Nobody has an account with this address; PayPal would keep the money for thirty days.
    private func takeBack(
        _ item: JSON, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        guard let id = item["payout_item_id"]?.string, !id.isEmpty else { return .silent }
        let response = try await post(
            "/v1/payments/payouts-item/\(id)/cancel", [:], key: "cancel-\(id)",
            as: "payout_cancel", over: conversation)
        let isReturned =
            response.status == 200 && response.json?["transaction_status"]?.string == "RETURNED"
        return isReturned ? .failed(.recipientUnknown) : .pending
    }

    /// PayPal finds no batch by what we call it. It takes each `sender_batch_id` once in thirty
    /// days, far longer than anybody asks, and names the batch that has it: so the order itself is
    /// the question.
    private func batch(
        of question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> String? {
        if let reference = question.reference { return reference }
        guard let email = question.order.email else { return nil }
        let response = try await post(
            Self.payoutPath, payout(question.order, to: email), key: "\(question.order.id)",
            as: "payout_create", over: conversation)
        if (200...201).contains(response.status) { return response.json.flatMap(Self.batch) }
        guard let json = response.json,
            PayPalLore.duplicateNames.contains(json["name"]?.string ?? "")
        else { return nil }
        let links = json["links"]?.array ?? []
        return links.compactMap { $0["href"]?.string }
            .first { $0.contains(Self.payoutPath + "/") }?
            .split(separator: "/").last.map { String($0) }
    }

    // MARK: Sending

    func post(
        _ path: String, _ body: JSON, key: String?, as operation: String,
        over conversation: Conversation
    ) async throws(OutboundError) -> OutboundResponse {
        try await send(.post, path, body.encoded(), key, operation, conversation)
    }

    private func get(
        _ path: String, as operation: String, over conversation: Conversation
    ) async throws(OutboundError) -> OutboundResponse {
        try await send(.get, path, [], nil, operation, conversation)
    }

    func send(
        _ method: Method, _ path: String, _ body: [UInt8], _ key: String?, _ operation: String,
        _ conversation: Conversation
    ) async throws(OutboundError) -> OutboundResponse {
        var token = try await token(over: conversation)
        for isLast in [false, true] {
            var headers = [
                ("Authorization", "Bearer " + token), ("Content-Type", "application/json"),
                ("Prefer", "return=representation"),
            ]
            if let key { headers.append(("PayPal-Request-Id", key)) }
            let response = try await conversation.send(
                OutboundRequest(method, settings.baseURL + path, headers: headers, body: body),
                as: operation)
            // Who is not let in was not heard, so that the same may be asked with a new token.
            guard response.status == 401, !isLast else { return response }
            tokens.forget(token)
            token = try await self.token(over: conversation)
        }
        preconditionFailure("the last attempt returns")
    }

    private func token(over conversation: Conversation) async throws(OutboundError) -> String {
        let text = try await tokens.token(at: conversation.now) {
            () async throws(OutboundError) -> TokenCache.Token? in
            let credentials = Base64.encode(
                Array("\(settings.clientID):\(settings.clientSecret)".utf8))
            let response = try await conversation.send(
                OutboundRequest(
                    .post, settings.baseURL + "/v1/oauth2/token",
                    headers: [
                        ("Authorization", "Basic " + credentials),
                        ("Content-Type", FormBody.mediaType),
                    ], body: Array("grant_type=client_credentials".utf8)),
                as: "token", hiding: ["access_token"])
            guard response.status == 200, let token = response.json?["access_token"]?.string,
                let seconds = response.json?["expires_in"]?.integer
            else { return nil }
            return TokenCache.Token(
                text: token, endsAt: conversation.now.adding(seconds: max(0, seconds)))
        }
        // Nothing was asked of anybody yet.
        guard let text else { throw .unreachable(.notSent) }
        return text
    }
}
