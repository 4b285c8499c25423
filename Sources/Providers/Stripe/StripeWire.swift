internal import Cryptography
internal import HTTP
package import Rails
package import Values

// What Stripe is sent. Names of fields are Stripe's.

extension Stripe {
    func checkout(_ order: RailOrder) -> [(String, String)] {
        let (id, currency) = ("\(order.id)", order.amount.currency.code.lowercased())
        // Of the payment and not of the hour: the same order has the same fields.
        let endsAt = Int64(order.id.high >> 16) / 1000 + StripeLore.pageSeconds
        return [
            ("mode", "payment"), ("client_reference_id", id),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", currency),
            ("line_items[0][price_data][unit_amount]", "\(order.amount.minorUnits)"),
            ("line_items[0][price_data][product_data][name]", "Top-up of \(order.username)"),
            ("success_url", order.callbacks.returnURL),
            ("cancel_url", order.callbacks.returnURL), ("expires_at", "\(endsAt)"),
            ("metadata[payment]", id),
            // The charge gets them too, and with it the webhooks about refunds.
            ("payment_intent_data[metadata][payment]", id),
        ]
    }

    func transfer(_ order: RailOrder, to account: String) -> [(String, String)] {
        [
            ("amount", "\(order.amount.minorUnits)"),
            ("currency", order.amount.currency.code.lowercased()), ("destination", account),
            // What transfers can be listed by.
            ("transfer_group", "\(order.id)"), ("metadata[payment]", "\(order.id)"),
        ]
    }
}

// MARK: What Stripe sends

extension Stripe {
    package func read(
        _ callback: InboundCallback
    ) throws(CallbackUnverified) -> CallbackReading {
        guard callback.token == nil, let header = callback.header("Stripe-Signature"),
            StripeSignature.isValid(
                header, of: callback.body, at: callback.now, under: settings.webhookSecrets)
        else { throw CallbackUnverified() }
        return try reread(callback)
    }

    package func reread(
        _ callback: InboundCallback
    ) throws(CallbackUnverified) -> CallbackReading {
        let event = callback.json
        guard let id = event["id"]?.string, (1...Self.idBytesMax).contains(id.utf8.count),
            let type = event["type"]?.string, let object = event["data"]?["object"]
        else { throw CallbackUnverified() }
        return CallbackReading(
            event: id, subject: Self.subject(type, object),
            meaning: .ask(
                reference: type.hasPrefix("checkout.session.") ? object["id"]?.string : nil,
                receipt: nil))
    }

    private static let idBytesMax = 255

    private static func subject(_ type: String, _ object: JSON) -> CallbackReading.Subject {
        let named = object["client_reference_id"]?.string ?? object["metadata"]?["payment"]?.string
        if let id = named.flatMap({ ID<RailPayment>($0) }) { return .payment(id) }
        // A dispute names what was paid, and has no words of ours.
        guard type.hasPrefix("charge."), let intent = object["payment_intent"]?.string else {
            return .nothing
        }
        return .receipt(intent)
    }
}

/// The header `Stripe-Signature`: `t=1700000000,v1=…,v1=…`. Each `v1` is HMAC-SHA256 of the moment,
/// a point and the body under one of the endpoint's secrets.
package enum StripeSignature {
    /// How old a signature may be, or how far ahead: a later one was kept for later by somebody.
    package static let toleranceSeconds: Int64 = 300
    private static let headerBytesMax = 4_096

    package static func isValid(
        _ header: String, of body: [UInt8], at now: Timestamp, under secrets: [String]
    ) -> Bool {
        guard header.utf8.count <= headerBytesMax else { return false }
        var (moments, signatures): ([Int64?], [[UInt8]]) = ([], [])
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            switch pair[0] {
            case "t": moments.append(Int64(pair[1]))
            case "v1": if let bytes = Hex.decode(pair[1]) { signatures.append(bytes) }
            // Other schemes prove nothing, and are no reason to refuse.
            default: continue
            }
        }
        guard moments.count == 1, let moment = moments[0],
            (0...Self.momentMax).contains(moment),
            abs(moment - now.microseconds / 1_000_000) <= toleranceSeconds
        else { return false }
        let signed = Array("\(moment).".utf8) + body
        let expected = secrets.map { Hash.hmacSHA256(key: Array($0.utf8), signed) }
        // All are compared, so that the duration does not tell which fits.
        return signatures.reduce(false) { isValid, signature in
            expected.reduce(isValid) { constantTimeEquals($1, signature) || $0 }
        }
    }

    /// The year 9999.
    private static let momentMax: Int64 = 253_402_300_799
}
