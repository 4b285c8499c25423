internal import HTTP
package import Rails
internal import Values

/// Cards and whatever else a Checkout page of Stripe's takes for money in; Connect transfers to a
/// person's own account at Stripe for money out.
///
/// Its webhooks are signed, and say no more than "ask now" all the same: they come late, twice and
/// in any order, while the object that is fetched is as things are.
package struct Stripe: PaymentProvider {
    package let name = "stripe"
    let settings: StripeSettings

    static let rail = "card"

    package init(_ settings: StripeSettings) { self.settings = settings }

    package var services: [RailService] {
        settings.currencies.flatMap { currency in
            let unit = currency.exponent == 3 ? StripeLore.thousandths : 1
            return [
                RailService(
                    rail: Self.rail, kind: .topUp, currency: currency, unit: unit,
                    amounts: StripeLore.amounts, contact: .none, usualSeconds: 1_200,
                    absenceProvesAfterSeconds: StripeLore.absenceProvesAfterSeconds,
                    asksAgainAfterSeconds: 86_400),
                RailService(
                    rail: Self.rail, kind: .payout, currency: currency, unit: unit,
                    amounts: StripeLore.amounts, contact: .account, usualSeconds: 30,
                    absenceProvesAfterSeconds: StripeLore.absenceProvesAfterSeconds,
                    asksAgainAfterSeconds: 86_400),
            ]
        }
    }

    package func call(
        _ order: RailOrder, over conversation: Conversation
    ) async -> CallAnswer {
        switch order.service.kind {
        case .topUp:
            let answer = await post(
                "/v1/checkout/sessions", checkout(order), key: "\(order.id)", as: "checkout_create",
                over: conversation)
            return answer { Self.opened($0) }
        case .payout:
            guard let account = order.account else { return .refused(.recipientUnknown) }
            let answer = await post(
                "/v1/transfers", transfer(order, to: account), key: "\(order.id)",
                as: "transfer_create", over: conversation)
            return answer { Self.receipt(ofTransfer: $0).map { .settled($0) } }
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

    package var givesBack: Bool { true }

    package func giveBack(
        _ question: RailQuestion, over conversation: Conversation
    ) async -> CallAnswer {
        guard let intent = question.receipt else { return .refused(.refused) }
        let id = question.order.id
        let answer = await post(
            "/v1/refunds", [("payment_intent", intent), ("metadata[payment]", "\(id)")],
            key: "refund-\(id)", as: "refund_create", over: conversation)
        return answer { refund in
            refund["id"]?.string.map { .accepted(reference: $0, .nothing) }
        }
    }

    // MARK: Calls

    private static func opened(_ session: JSON) -> CallAnswer? {
        guard let id = session["id"]?.string, !id.isEmpty, let url = session["url"]?.string,
            !url.isEmpty
        else { return nil }
        return .accepted(reference: id, .redirect(url))
    }

    private static func receipt(ofTransfer transfer: JSON) -> RailReceipt? {
        guard let id = transfer["id"]?.string, !id.isEmpty else { return nil }
        return RailReceipt(id, money(transfer, "amount"))
    }

    private static func money(_ object: JSON, _ name: String) -> Money? {
        guard let amount = object[name]?.integer, amount >= 0,
            let currency = object["currency"]?.string.flatMap({ Currency($0.uppercased()) })
        else { return nil }
        return Money(amount, currency)
    }

    /// What came of a POST: an object, or what its absence says.
    private enum Posted {
        case object(JSON)
        case other(CallAnswer)

        func callAsFunction(_ read: (JSON) -> CallAnswer?) -> CallAnswer {
            switch self {
            case .object(let json): read(json) ?? .unknown
            case .other(let answer): answer
            }
        }
    }

    /// Twice at most: longer than that the payment is not this process's alone.
    private static let attemptsMax = 2

    /// Sends an order under its key. What got no answer, and what met another request with the same
    /// key, is sent again: Stripe then answers with what it did the first time. A 5xx is kept under
    /// the key too, so that repeating it teaches nothing.
    private func post(
        _ path: String, _ fields: [(String, String)], key: String,
        as operation: String, over conversation: Conversation
    ) async -> Posted {
        let request = OutboundRequest(
            .post, settings.baseURL + path,
            headers: head + [
                ("Content-Type", FormBody.mediaType), ("Idempotency-Key", key),
            ], body: Array(FormBody.text(fields).utf8))
        var mayHaveActed = false
        for attempt in 1...Self.attemptsMax {
            do throws(OutboundError) {
                let response = try await conversation.send(
                    request, as: operation, hiding: Self.hidden)
                let isBusy = response.status == 409 && response.json?["error"] != nil
                guard isBusy else { return Self.posted(response, mayHaveActed) }
                mayHaveActed = true
            } catch {
                if error.delivery == .unknown { mayHaveActed = true }
                guard attempt < Self.attemptsMax, error.isWorthRepeating else { break }
            }
        }
        return .other(mayHaveActed ? .unknown : .refused(.providerUnreachable))
    }

    private static func posted(_ response: OutboundResponse, _ mayHaveActed: Bool) -> Posted {
        let json = response.json
        if response.status == 200, let json { return .object(json) }
        // Only an answer of Stripe's own says that it did not act. What it refused before it began
        // it does not remember, so after an unanswered attempt the refusal is of both.
        guard (400..<500).contains(response.status), let error = json?["error"],
            let type = error["type"]?.string, type != "idempotency_error"
        else { return .other(.unknown) }
        // Too much at once is said before anything is looked up, the earlier attempt included.
        if response.status == 429 {
            return .other(mayHaveActed ? .unknown : .refused(.providerBusy))
        }
        return .other(.refused(failure(error["code"]?.string ?? type)))
    }

    private static func failure(_ code: String) -> RailFailure {
        if StripeLore.floatCodes.contains(code) { return .floatEmpty }
        return StripeLore.recipientCodes.contains(code) ? .recipientUnknown : .refused
    }

    private static let hidden: Set = ["client_secret"]

    private var head: [(String, String)] { [("Authorization", "Bearer " + settings.secretKey)] }

    // MARK: Questions

    private func askTopUp(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        let reference: String
        if let known = question.reference {
            reference = known
        } else {
            switch try await find(question.order.id, over: conversation) {
            case .found(let id): reference = id
            case .absent: return .absent
            case .unread: return .silent
            }
        }
        let session = try await get(
            "/v1/checkout/sessions/" + reference, [("expand[]", "payment_intent.latest_charge")],
            as: "checkout_get", over: conversation)
        guard let session, session["id"]?.string == reference else { return .silent }
        switch (session["status"]?.string, session["payment_status"]?.string) {
        case ("complete", "paid"): return try await paid(session, over: conversation)
        // Paid by a means that takes its time.
        case ("complete", "unpaid"): return Self.awaited(session)
        case ("open", _): return .pending
        case ("expired", _): return .failed(.notAnswered)
        default: return .silent
        }
    }

    private func paid(
        _ session: JSON, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        let intent = session["payment_intent"]
        guard let id = intent?["id"]?.string, !id.isEmpty, let charge = intent?["latest_charge"],
            charge.object != nil
        else { return .silent }
        let receipt = RailReceipt(id, Self.money(session, "amount_total"))
        if charge["disputed"]?.bool == true {
            let disputes = try await get(
                "/v1/disputes", [("payment_intent", id), ("limit", "\(Self.pageMax)")],
                as: "dispute_list", over: conversation)
            guard let list = disputes?["data"]?.array else { return .silent }
            let isTaken = list.contains { dispute in
                !StripeLore.harmlessDisputes.contains(dispute["status"]?.string ?? "")
            }
            if isTaken { return .chargedBack(receipt) }
        }
        return charge["refunded"]?.bool == true ? .reversed(receipt) : .settled(receipt)
    }

    private static func awaited(_ session: JSON) -> AskAnswer {
        switch session["payment_intent"]?["status"]?.string {
        case "canceled", "requires_payment_method": .failed(.declinedByPayer)
        default: .pending
        }
    }

    private func askPayout(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        let found = try await get(
            "/v1/transfers",
            [("transfer_group", "\(question.order.id)"), ("limit", "\(Self.pageMax)")],
            as: "transfer_list", over: conversation)
        guard let list = found?["data"]?.array else { return .silent }
        guard let transfer = list.first else { return .absent }
        guard list.count == 1, let receipt = Self.receipt(ofTransfer: transfer) else {
            return .silent
        }
        return transfer["reversed"]?.bool == true ? .reversed(receipt) : .settled(receipt)
    }

    // MARK: Looking for what was never told

    private enum Found { case found(String), absent, unread }

    private static let pageMax = 100
    /// Pages that are read before somebody else has to look: 2,000 sessions.
    private static let pagesMax = 20
    /// How far Stripe's clock may be behind ours.
    private static let clockSeconds: Int64 = 300

    /// Stripe finds no session by what we call it, so the list is read, newest first, back to when
    /// the order was made.
    private func find(
        _ id: ID<RailPayment>, over conversation: Conversation
    ) async throws(OutboundError) -> Found {
        // An id begins with the milliseconds at which it was made.
        let since = Int64(id.high >> 16) / 1000 - Self.clockSeconds
        var last: String?
        for _ in 0..<Self.pagesMax {
            let page = try await get(
                "/v1/checkout/sessions",
                [("created[gte]", "\(since)"), ("limit", "\(Self.pageMax)")]
                    + (last.map { [("starting_after", $0)] } ?? []),
                as: "checkout_list", over: conversation)
            guard let list = page?["data"]?.array, let more = page?["has_more"]?.bool else {
                return .unread
            }
            let ours = list.first { $0["client_reference_id"]?.string == "\(id)" }
            if let ours { return ours["id"]?.string.map { .found($0) } ?? .unread }
            guard more else { return .absent }
            last = list.last?["id"]?.string
            if last == nil { return .unread }
        }
        return .unread
    }

    /// Nil when Stripe says anything but 200.
    private func get(
        _ path: String, _ query: [(String, String)], as operation: String,
        over conversation: Conversation
    ) async throws(OutboundError) -> JSON? {
        let response = try await conversation.send(
            OutboundRequest(
                .get, settings.baseURL + path + "?" + FormBody.text(query), headers: head),
            as: operation, hiding: Self.hidden)
        return response.status == 200 ? response.json : nil
    }
}

extension OutboundError {
    /// Whether the same request may fare better at once.
    fileprivate var isWorthRepeating: Bool {
        switch self {
        case .unreachable, .timedOut, .broken: true
        default: false
        }
    }
}
