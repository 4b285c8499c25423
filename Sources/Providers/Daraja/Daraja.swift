internal import Cryptography
package import HTTP
package import Rails
internal import Values

/// M-Pesa through Safaricom's Daraja: STK push for money in, B2C for money out.
///
/// Nothing that Daraja sends is signed. Its callbacks come to addresses that nobody guesses, and
/// say no more than "ask now"; what a question is answered decides. The answer about a payout comes
/// by a callback too, to an address that only the question carried.
package struct Daraja: PaymentProvider {
    package let name = "daraja"
    let settings: DarajaSettings
    let tokens = TokenCache()

    static let rail = "mpesa"
    static let shillings = Currency("KES")!
    /// M-Pesa knows no cents.
    static let centsPerShilling: Int64 = 100

    package init(_ settings: DarajaSettings) { self.settings = settings }

    package var services: [RailService] {
        let most = DarajaLore.shillingsMax * Self.centsPerShilling
        return [
            RailService(
                rail: Self.rail, kind: .topUp, currency: Self.shillings,
                unit: Self.centsPerShilling, amounts: Self.centsPerShilling...most,
                usualSeconds: 30, absenceProvesAfterSeconds: nil, asksAgainAfterSeconds: 3_600),
            RailService(
                rail: Self.rail, kind: .payout, currency: Self.shillings,
                unit: Self.centsPerShilling,
                amounts: DarajaLore.payoutShillingsMin * Self.centsPerShilling...most,
                usualSeconds: 30,
                absenceProvesAfterSeconds: DarajaLore.absenceProvesAfterSeconds,
                asksAgainAfterSeconds: 86_400),
        ]
    }

    package func call(
        _ order: RailOrder, over conversation: Conversation
    ) async -> CallAnswer {
        guard let phone = order.phone else { return .refused(.recipientUnknown) }
        do throws(OutboundError) {
            switch order.service.kind {
            case .topUp:
                let response = try await post(
                    "/mpesa/stkpush/v1/processrequest", stkPush(order, phone, conversation.now),
                    as: "stk_push", over: conversation)
                return accepted(response, "CheckoutRequestID", .phonePrompt)
            case .payout:
                let response = try await post(
                    DarajaLore.payoutPath, payout(order, phone), as: "b2c", over: conversation)
                return accepted(response, "ConversationID", .nothing)
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

    /// `ResponseCode` 0 says that the order was taken, and not more.
    private func accepted(
        _ response: OutboundResponse, _ reference: String, _ action: NextAction
    ) -> CallAnswer {
        let json = response.json
        if response.status == 200 {
            guard let code = json?["ResponseCode"]?.string else { return .unknown }
            guard code == "0" else { return .refused(.refused) }
            guard let reference = json?[reference]?.string, !reference.isEmpty else {
                return .unknown
            }
            return .accepted(reference: reference, action)
        }
        // A telephone shows one question at a time. Were it wrong, a callback would tell, and a
        // top-up that was paid late is credited.
        if json?["errorCode"]?.string == Self.stillProcessing { return .refused(.providerBusy) }
        // Only an answer of Daraja's own says that it did not act; a gateway's may come later than
        // the deed.
        let isDarajas = json?["errorCode"]?.string != nil
        return (400..<500).contains(response.status) && isDarajas ? .refused(.refused) : .unknown
    }

    // MARK: Questions

    private func askTopUp(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        // Without its own name for it Daraja can be asked nothing.
        guard let reference = question.reference else { return .silent }
        let response = try await post(
            "/mpesa/stkpushquery/v1/query", stkQuery(reference, conversation.now),
            as: "stk_query", isRepeatable: true, over: conversation)
        guard response.status == 200 else {
            // "The transaction is being processed" comes as an error.
            return response.json?["errorCode"]?.string == Self.stillProcessing ? .pending : .silent
        }
        // A string here, a number in the callback.
        guard let text = response.json?["ResultCode"]?.scalar, let code = Int64(text),
            response.json?["CheckoutRequestID"]?.string ?? reference == reference
        else { return .silent }
        guard code == 0 else { return .failed(Self.failure(code)) }
        return .settled(RailReceipt(question.receipt ?? reference, nil))
    }

    /// Of a question: it is not over. Of a push: another one is not.
    private static let stillProcessing = "500.001.1001"

    /// Daraja says no with a status of 500 too, and then names a code of its own.
    package static func isDown(_ response: OutboundResponse) -> Bool {
        response.status > 500
            || response.status == 500 && response.json?["errorCode"]?.string == nil
    }

    private func askPayout(
        _ question: RailQuestion, over conversation: Conversation
    ) async throws(OutboundError) -> AskAnswer {
        let response = try await post(
            "/mpesa/transactionstatus/v1/query", statusQuery(question), as: "status_query",
            isRepeatable: true, over: conversation)
        // Taken on is all that is said now: the answer comes to an address of the question's own.
        return response.status == 200 && response.json?["ResponseCode"]?.string == "0"
            ? .pending : .silent
    }

    static func failure(_ code: Int64) -> RailFailure {
        switch code {
        case 1: .insufficientFunds
        case 17: .limitReached
        case 26, 1001: .providerBusy
        case 1019, 1025, 1037, 9999: .notAnswered
        case 1032: .declinedByPayer
        case 2001: .wrongPin
        default: .refused
        }
    }

    // MARK: Sending

    private static let hidden: Set = ["Password", "SecurityCredential"]

    private func post(
        _ path: String, _ body: JSON, as operation: String, isRepeatable: Bool = false,
        over conversation: Conversation
    ) async throws(OutboundError) -> OutboundResponse {
        var token = try await token(over: conversation)
        for isLast in [false, true] {
            var request = OutboundRequest(
                .post, settings.baseURL + path,
                headers: [
                    ("Authorization", "Bearer " + token), ("Content-Type", "application/json"),
                ], body: body.encoded())
            request.isRepeatable = isRepeatable
            let response = try await conversation.send(request, as: operation, hiding: Self.hidden)
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
                Array("\(settings.consumerKey):\(settings.consumerSecret)".utf8))
            let response = try await conversation.send(
                OutboundRequest(
                    .get, settings.baseURL + "/oauth/v1/generate?grant_type=client_credentials",
                    headers: [("Authorization", "Basic " + credentials)]),
                as: "token", hiding: ["access_token"])
            guard response.status == 200, let token = response.json?["access_token"]?.string,
                // The seconds are a string.
                let seconds = response.json?["expires_in"]?.scalar.flatMap({ Int64($0) })
            else { return nil }
            return TokenCache.Token(
                text: token, endsAt: conversation.now.adding(seconds: max(0, seconds)))
        }
        // Nothing was asked of anybody yet.
        guard let text else { throw .unreachable(.notSent) }
        return text
    }
}

extension OutboundResponse {
    /// The body as JSON, if that is what it is.
    var json: JSON? {
        do { return try JSON(parsing: body) } catch { return nil }
    }
}

extension JSON {
    /// A string or a number: providers use both for the same.
    var scalar: String? { string ?? decimal }
}
