internal import HTTP
internal import Values

/// The state of a simulated Stripe: the operator's account there, and who pays to it.
struct StripeBooks: Sendable {
    /// A Checkout Session with the PaymentIntent and the charge that come of it.
    struct Session: Sendable {
        let id: String
        let number: Int
        /// What the operator calls it.
        let order: String
        let payment: String
        let amount: Int64
        /// In lower case, as everywhere at Stripe.
        let currency: String
        let successURL: String
        let cancelURL: String
        let createdAt: Timestamp
        let endsAt: Timestamp
        let faults: [FaultPlan.Rule]
        var status = "open"
        var paymentStatus = "unpaid"
        var intent: String?
        var isRefunded = false
        var dispute: Dispute?
        /// When a means of payment that takes its time has brought the money.
        var paidLateAt: Timestamp?
        var takenBackAt: Timestamp?

        var charge: String? {
            paymentStatus == "paid" ? intent.map { "ch" + $0.dropFirst(2) } : nil
        }
    }

    struct Dispute: Sendable {
        let id: String
        var status: String
        let at: Timestamp
    }

    /// Money for an account of somebody else's at Stripe.
    struct Transfer: Sendable {
        let id: String
        let number: Int
        let group: String
        let payment: String
        let amount: Int64
        let currency: String
        let destination: String
        let createdAt: Timestamp
        let faults: [FaultPlan.Rule]
        var isReversed = false
        var reversesAt: Timestamp?
    }

    /// What was answered under a key the first time.
    struct Kept: Sendable {
        let request: String
        let status: Int
        let body: [UInt8]
        let endsAt: Timestamp
    }

    /// Minor units of each currency that can be transferred, before anything has moved.
    static let balanceAtFirst: Int64 = 1_000_000_000_000

    var sessions: [String: Session] = [:]
    var transfers: [String: Transfer] = [:]
    var kept: [String: Kept] = [:]
    var entries: [BookEntry] = []
    var names = 0

    mutating func name(_ prefix: String) -> String {
        names += 1
        let digits = String(names, radix: 36)
        return prefix + "_sim" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    func balance(_ currency: String) -> Int64 {
        entries.reduce(Self.balanceAtFirst) { sum, entry in
            guard !entry.isReversed, entry.currency == currency.uppercased() else { return sum }
            return entry.direction == .received ? sum + entry.amount : sum - entry.amount
        }
    }

    mutating func enter(
        _ receipt: String, _ direction: BookEntry.Direction, _ amount: Int64, _ currency: String,
        order: String, party: String, at now: Timestamp
    ) {
        entries.append(
            BookEntry(
                receipt: receipt, direction: direction, amount: amount,
                currency: currency.uppercased(), order: order, party: party, at: now))
    }

    /// False when there is no such entry, or it was taken back before.
    mutating func takeBack(_ receipt: String) -> Bool {
        guard let index = entries.firstIndex(where: { $0.receipt == receipt && !$0.isReversed })
        else { return false }
        entries[index].isReversed = true
        return true
    }

    /// When something becomes due of itself.
    var nextDue: Timestamp? {
        let ends = sessions.values.compactMap { session -> Timestamp? in
            session.status == "open" ? session.endsAt : session.paidLateAt ?? session.takenBackAt
        }
        return (ends + transfers.values.compactMap(\.reversesAt)).min()
    }
}

// MARK: Objects as Stripe shows them

extension StripeBooks.Session {
    func json(isExpanded: Bool = false) -> JSON {
        [
            "id": .string(id), "object": "checkout.session", "amount_subtotal": .integer(amount),
            "amount_total": .integer(amount), "cancel_url": .string(cancelURL),
            "client_reference_id": .string(order), "client_secret": nil,
            "created": .integer(createdAt.unixSeconds), "currency": .string(currency),
            "expires_at": .integer(endsAt.unixSeconds), "livemode": false,
            "metadata": ["payment": .string(payment)], "mode": "payment",
            "payment_intent": isExpanded ? intentJSON : .text(intent),
            "payment_status": .string(paymentStatus), "status": .string(status),
            "success_url": .string(successURL),
        ]
    }

    var intentJSON: JSON {
        guard let intent else { return nil }
        return [
            "id": .string(intent), "object": "payment_intent", "amount": .integer(amount),
            "client_secret": .string(intent + "_secret_hidden-intent"),
            "currency": .string(currency), "latest_charge": chargeJSON,
            "metadata": ["payment": .string(payment)],
            "status": .string(paymentStatus == "paid" ? "succeeded" : "processing"),
        ]
    }

    var chargeJSON: JSON {
        guard let charge else { return nil }
        return [
            "id": .string(charge), "object": "charge", "amount": .integer(amount),
            "amount_refunded": .integer(isRefunded ? amount : 0),
            "currency": .string(currency), "disputed": .bool(dispute != nil),
            "metadata": ["payment": .string(payment)], "paid": true,
            "payment_intent": .text(intent), "refunded": .bool(isRefunded),
            "status": "succeeded",
        ]
    }

    var disputeJSON: JSON? {
        guard let dispute else { return nil }
        return [
            "id": .string(dispute.id), "object": "dispute", "amount": .integer(amount),
            "charge": .text(charge), "created": .integer(dispute.at.unixSeconds),
            "currency": .string(currency), "metadata": [:], "payment_intent": .text(intent),
            "reason": "fraudulent", "status": .string(dispute.status),
        ]
    }
}

extension StripeBooks.Transfer {
    var json: JSON {
        [
            "id": .string(id), "object": "transfer", "amount": .integer(amount),
            "amount_reversed": .integer(isReversed ? amount : 0),
            "created": .integer(createdAt.unixSeconds), "currency": .string(currency),
            "destination": .string(destination), "livemode": false,
            "metadata": ["payment": .string(payment)], "reversed": .bool(isReversed),
            "transfer_group": .string(group),
        ]
    }
}

extension JSON {
    static func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
}

extension Timestamp {
    var unixSeconds: Int64 { microseconds / 1_000_000 }
}
