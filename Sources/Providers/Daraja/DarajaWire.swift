internal import Cryptography
internal import HTTP
package import Rails
internal import Values

// What Daraja is sent. Field names are Safaricom's.

extension Daraja {
    func stkPush(_ order: RailOrder, _ phone: PhoneNumber, _ now: Timestamp) -> JSON {
        let (timestamp, number) = (Self.timestamp(now), Self.number(phone))
        return [
            "BusinessShortCode": .string(settings.shortCode),
            "Password": .string(password(timestamp)), "Timestamp": .string(timestamp),
            "TransactionType": "CustomerPayBillOnline",
            "Amount": .integer(order.amount.minorUnits / Self.centsPerShilling),
            "PartyA": .string(number), "PartyB": .string(settings.shortCode),
            "PhoneNumber": .string(number), "CallBackURL": .string(order.callbacks.url(.outcome)),
            "AccountReference": .string(String(order.username.prefix(12))),
            "TransactionDesc": "Top-up",
        ]
    }

    func stkQuery(_ reference: String, _ now: Timestamp) -> JSON {
        let timestamp = Self.timestamp(now)
        return [
            "BusinessShortCode": .string(settings.shortCode),
            "Password": .string(password(timestamp)), "Timestamp": .string(timestamp),
            "CheckoutRequestID": .string(reference),
        ]
    }

    func payout(_ order: RailOrder, _ phone: PhoneNumber) -> JSON {
        [
            // The payment's own id: the same order twice is one payment.
            "OriginatorConversationID": .string("\(order.id)"),
            "InitiatorName": .string(settings.initiator),
            "SecurityCredential": .string(settings.securityCredential),
            "CommandID": "BusinessPayment",
            "Amount": .integer(order.amount.minorUnits / Self.centsPerShilling),
            "PartyA": .string(settings.payoutShortCode), "PartyB": .string(Self.number(phone)),
            "Remarks": "Payout", "QueueTimeOutURL": .string(order.callbacks.url(.timeOut)),
            "ResultURL": .string(order.callbacks.url(.outcome)), "Occasion": "",
        ]
    }

    func statusQuery(_ question: RailQuestion) -> JSON {
        let callbacks = question.order.callbacks
        return [
            "Initiator": .string(settings.initiator),
            "SecurityCredential": .string(settings.securityCredential),
            "CommandID": "TransactionStatusQuery",
            "TransactionID": .string(question.receipt ?? ""),
            "OriginatorConversationID": .string("\(question.order.id)"),
            "PartyA": .string(settings.payoutShortCode), "IdentifierType": "4",
            "ResultURL": .string(callbacks.url(.answer)),
            "QueueTimeOutURL": .string(callbacks.url(.timeOut)), "Remarks": "Status",
            "Occasion": "",
        ]
    }

    private func password(_ timestamp: String) -> String {
        Base64.encode(Array((settings.shortCode + settings.passkey + timestamp).utf8))
    }

    /// `254712345678`.
    static func number(_ phone: PhoneNumber) -> String { String(phone.e164.dropFirst()) }

    /// Nairobi is three hours ahead of UTC all the year.
    private static let nairobiSeconds: Int64 = 3 * 3600

    /// `yyyyMMddHHmmss`.
    static func timestamp(_ moment: Timestamp) -> String {
        String(moment.adding(seconds: nairobiSeconds).description.prefix(19).filter(\.isNumber))
    }
}

// MARK: What Daraja sends

extension Daraja {
    package func read(
        _ callback: InboundCallback
    ) throws(CallbackUnverified) -> CallbackReading {
        guard let token = callback.token else { throw CallbackUnverified() }
        return CallbackReading(
            event: Hex.encode(
                Hash.sha256(Array("\(token.payment) \(token.purpose)".utf8) + callback.body)),
            subject: .payment(token.payment), meaning: meaning(callback.json, token.purpose))
    }

    private func meaning(
        _ json: JSON, _ purpose: CallbackToken.Purpose
    ) -> CallbackReading.Meaning {
        switch purpose {
        case .outcome:
            if let push = json["Body"]?["stkCallback"] { return .ask(push: push) }
            let result = json["Result"]
            return .ask(
                reference: result?["ConversationID"]?.string,
                receipt: result?["ResultCode"]?.scalar == "0"
                    ? result?["TransactionID"]?.string : nil)
        case .timeOut: return .ask(reference: nil, receipt: nil)
        case .answer: return .answer(answer(json["Result"]))
        }
    }

    /// What M-Pesa says about a payout that it was asked about.
    private func answer(_ result: JSON?) -> AskAnswer {
        guard let code = result?["ResultCode"]?.scalar.flatMap({ Int64($0) }) else {
            return .silent
        }
        if DarajaLore.absentCodes.contains(code) { return .absent }
        guard code == 0 else { return .silent }
        let facts = Self.parameters(of: result)
        switch facts["TransactionStatus"]?.scalar {
        case "Completed":
            guard let receipt = facts["ReceiptNo"]?.scalar, !receipt.isEmpty else { return .silent }
            let amount = facts["Amount"]?.scalar.flatMap { Money(decimal: $0, Self.shillings) }
            return .settled(RailReceipt(receipt, amount))
        case "Failed", "Cancelled", "Declined", "Expired": return .failed(.refused)
        case "Reversed": return .reversed(nil)
        case nil: return .silent
        default: return .pending
        }
    }

    /// The list of keys and values, in whatever order; one alone stands without a list.
    private static func parameters(of result: JSON?) -> [String: JSON] {
        let list = result?["ResultParameters"]?["ResultParameter"]
        let entries = list?.array ?? (list.map { [$0] } ?? [])
        var facts: [String: JSON] = [:]
        for entry in entries {
            if let key = entry["Key"]?.string { facts[key] = entry["Value"] ?? .null }
        }
        return facts
    }
}

extension CallbackReading.Meaning {
    /// Of an STK push. Its metadata comes in any order, and only when it was paid.
    fileprivate static func ask(push: JSON) -> CallbackReading.Meaning {
        let items = push["CallbackMetadata"]?["Item"]?.array ?? []
        let receipt = items.first { $0["Name"]?.string == "MpesaReceiptNumber" }?["Value"]?.string
        return .ask(
            reference: push["CheckoutRequestID"]?.string,
            receipt: push["ResultCode"]?.scalar == "0" ? receipt : nil)
    }
}
