internal import HTTP
package import Rails
internal import Values

// What PayPal is sent. Field names are PayPal's.

extension PayPal {
    func checkout(_ order: RailOrder) -> JSON {
        let id = JSON.string("\(order.id)")
        return [
            "intent": "CAPTURE",
            "purchase_units": [
                [
                    // Webhooks about captures carry it; and of an invoice PayPal takes money once.
                    "custom_id": id, "invoice_id": id,
                    "amount": Self.amount(order.amount, "currency_code"),
                ]
            ],
            "payment_source": [
                "paypal": [
                    "experience_context": [
                        "return_url": .string(order.callbacks.returnURL),
                        "cancel_url": .string(order.callbacks.returnURL),
                        "user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING",
                    ]
                ]
            ],
        ]
    }

    func payout(_ order: RailOrder, to email: EmailAddress) -> JSON {
        let id = JSON.string("\(order.id)")
        return [
            "sender_batch_header": ["sender_batch_id": id, "email_subject": "Your payout"],
            "items": [
                [
                    "recipient_type": "EMAIL", "receiver": .string(email.text),
                    "amount": Self.amount(order.amount, "currency"), "sender_item_id": id,
                    "note": "Payout",
                ]
            ],
        ]
    }

    /// Payouts and orders spell the same differently.
    private static func amount(_ money: Money, _ code: String) -> JSON {
        .object(
            JSONObject([
                (code, .string(money.currency.code)), ("value", .string(money.decimal)),
            ]))
    }
}

// MARK: What PayPal sends

extension PayPal {
    /// PayPal itself is asked whether it sent this: the signature is made with a certificate that
    /// would have to be fetched from an address in the same head.
    package func verify(
        _ callback: InboundCallback, over conversation: Conversation
    ) async -> Bool {
        let names = [
            "Auth-Algo", "Cert-Url", "Transmission-Id", "Transmission-Sig", "Transmission-Time",
        ]
        var fields = JSONObject()
        for name in names {
            guard let value = callback.header("PayPal-" + name),
                value.utf8.count <= Self.fieldBytesMax
            else { return false }
            fields.append(
                name.lowercased().replacing("-", with: "_"), .string(value))
        }
        guard callback.token == nil, callback.json.object != nil else { return false }
        fields.append("webhook_id", .string(settings.webhookID))
        // The event goes back byte for byte: in another spelling its signature is another.
        let head = JSON.object(fields).encoded().dropLast()
        let body = head + Array(#","webhook_event":"#.utf8) + callback.body + [UInt8(ascii: "}")]
        do throws(OutboundError) {
            let response = try await send(
                .post, "/v1/notifications/verify-webhook-signature", Array(body), nil,
                "webhook_verify", conversation)
            return response.status == 200
                && response.json?["verification_status"]?.string == "SUCCESS"
        } catch {
            return false
        }
    }

    private static let fieldBytesMax = 2_048
    private static let idBytesMax = 255

    package func read(
        _ callback: InboundCallback
    ) throws(CallbackUnverified) -> CallbackReading {
        let (event, resource) = (callback.json, callback.json["resource"])
        guard callback.token == nil, let id = event["id"]?.string,
            (1...Self.idBytesMax).contains(id.utf8.count), let type = event["event_type"]?.string
        else { throw CallbackUnverified() }
        let isOrder = type.hasPrefix("CHECKOUT.ORDER.")
        return CallbackReading(
            event: id, subject: Self.subject(resource),
            meaning: .ask(
                reference: isOrder
                    ? resource?["id"]?.string
                    : resource?["payout_batch_id"]?.string
                        ?? resource?["batch_header"]?["payout_batch_id"]?.string,
                receipt: nil))
    }

    private static func subject(_ resource: JSON?) -> CallbackReading.Subject {
        let named =
            resource?["custom_id"]?.string ?? resource?["purchase_units"]?[0]?["custom_id"]?.string
            ?? resource?["payout_item"]?["sender_item_id"]?.string
            ?? resource?["batch_header"]?["sender_batch_header"]?["sender_batch_id"]?.string
        return named.flatMap { ID<RailPayment>($0) }.map { .payment($0) } ?? .nothing
    }
}
