internal import HTTP
internal import Values

/// The state of a simulated PayPal: the operator's business account, and who pays to it.
struct PayPalBooks: Sendable {
    /// An order, which the payer approves and the operator captures.
    struct Order: Sendable {
        let id: String
        let custom: String
        let invoice: String
        let value: String
        let currency: String
        let minorUnits: Int64
        let returnURL: String
        let endsAt: Timestamp
        let faults: [FaultPlan.Rule]
        var status = "PAYER_ACTION_REQUIRED"
        var isCardDeclined = false
        var capture: String?
        var captureStatus = "COMPLETED"
        /// When the payer's bank has brought the money.
        var paidLateAt: Timestamp?
        var takenBackAt: Timestamp?
    }

    /// A batch of one.
    struct Payout: Sendable {
        let batch: String
        let item: String
        let sender: String
        let senderItem: String
        let receiver: String
        let value: String
        let currency: String
        let minorUnits: Int64
        let actsAt: Timestamp
        let faults: [FaultPlan.Rule]
        var status = "PENDING"
        var transaction: String?
        var reversesAt: Timestamp?
    }

    struct Kept: Sendable {
        let status: Int
        let body: [UInt8]
        let endsAt: Timestamp
    }

    static let balanceAtFirst: Int64 = 1_000_000_000_000

    var orders: [String: Order] = [:]
    /// By the operator's own name.
    var payouts: [String: Payout] = [:]
    var tokens: [String: Timestamp] = [:]
    var kept: [String: Kept] = [:]
    var entries: [BookEntry] = []
    var names = 0

    /// PayPal's ids are of capital letters and digits.
    mutating func name(_ prefix: String) -> String {
        names += 1
        let digits = String(names, radix: 36).uppercased()
        return prefix + String(repeating: "0", count: max(0, 14 - digits.count)) + digits
    }

    mutating func enter(
        _ receipt: String, _ direction: BookEntry.Direction, _ amount: Int64, _ currency: String,
        order: String, party: String, at now: Timestamp
    ) {
        entries.append(
            BookEntry(
                receipt: receipt, direction: direction, amount: amount, currency: currency,
                order: order, party: party, at: now))
    }

    /// False when there is no such entry, or it was taken back before.
    mutating func takeBack(_ receipt: String?) -> Bool {
        guard let index = entries.firstIndex(where: { $0.receipt == receipt && !$0.isReversed })
        else { return false }
        entries[index].isReversed = true
        return true
    }

    var nextDue: Timestamp? {
        let ends = orders.values.compactMap { order -> Timestamp? in
            order.capture == nil
                ? (order.status == "ENDED" ? nil : order.endsAt)
                : order.paidLateAt ?? order.takenBackAt
        }
        let moves = payouts.values.compactMap { payout in
            payout.status == "PENDING" ? payout.actsAt : payout.reversesAt
        }
        return (ends + moves).min()
    }
}

// MARK: Objects as PayPal shows them

extension PayPalBooks.Order {
    func json(page: String) -> JSON {
        var unit = JSONObject([
            ("reference_id", "default"), ("custom_id", .string(custom)),
            ("invoice_id", .string(invoice)),
            ("amount", ["currency_code": .string(currency), "value": .string(value)]),
        ])
        if let captureJSON { unit.append("payments", ["captures": [captureJSON]]) }
        return [
            "id": .string(id), "intent": "CAPTURE", "status": .string(status),
            "purchase_units": [.object(unit)],
            "links": [
                ["href": .string(page + id), "rel": "payer-action", "method": "GET"]
            ],
        ]
    }

    var captureJSON: JSON? {
        guard let capture else { return nil }
        return [
            "id": .string(capture), "status": .string(captureStatus),
            "amount": ["currency_code": .string(currency), "value": .string(value)],
            "custom_id": .string(custom), "invoice_id": .string(invoice), "final_capture": true,
        ]
    }
}

extension PayPalBooks.Payout {
    var headerJSON: JSON {
        [
            "payout_batch_id": .string(batch),
            "batch_status": .string(status == "PENDING" ? "PENDING" : "SUCCESS"),
            "sender_batch_header": ["sender_batch_id": .string(sender)],
        ]
    }

    var itemJSON: JSON {
        var item = JSONObject([
            ("payout_item_id", .string(item)), ("payout_batch_id", .string(batch)),
            ("transaction_status", .string(status)),
            (
                "payout_item",
                [
                    "recipient_type": "EMAIL", "receiver": .string(receiver),
                    "amount": ["currency": .string(currency), "value": .string(value)],
                    "sender_item_id": .string(senderItem),
                ]
            ),
        ])
        if let transaction { item.append("transaction_id", .string(transaction)) }
        return .object(item)
    }
}
