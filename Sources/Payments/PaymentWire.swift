internal import HTTP
internal import Identity
internal import Ledger
internal import Values

/// The shapes of this slice on the wire: schemas for requests and answers, and their writers.
enum PaymentWire {
    static let money: [Schema.Field] = [
        .required("amount", .integer(), "Minor units."),
        .required("currency", currency),
    ]
    static let currency = Schema.string(
        min: 3, max: 3,
        pattern: Schema.Pattern("^[A-Z]{3}$") { $0.utf8.allSatisfy { (0x41...0x5A).contains($0) } })
    static let note = Schema.nullable(.string(max: Payments.noteCharactersMax))
    static let recipient = Schema.string(min: 1, max: EmailAddress.charactersMax)

    static let send = Schema.object(
        [.required("to", recipient, "Username, telephone number or e-mail.")] + money
            + [.optional("note", note)])

    static let hold = Schema.object(
        [.required("to", recipient)] + money
            + [
                .required("expires_in", .integer(), "Seconds."), .optional("note", note),
            ])

    static let capture = Schema.object(
        .optional("amount", .nullable(.integer()), "Minor units; left out: all of it."))

    static let request = Schema.object(
        [.required("from", recipient, "Who is asked to pay.")] + money
            + [.optional("note", note)])

    static let topUp = Schema.object(money)

    // MARK: Answers

    static let balance = Schema.named(
        "Balance",
        .object(
            .required("posted", .integer()), .required("held", .integer()),
            .required("available", .integer())))

    static let wallet = Schema.named(
        "Wallet",
        .object(
            .required("id", .uuid), .required("currency", currency),
            .required("posted", .integer()), .required("held", .integer()),
            .required("available", .integer())))

    private static let paymentFields: [Schema.Field] = [
        .required("id", .uuid),
        .required("status", .enumeration(Payment.Status.allCases.map(\.rawValue))),
        .required("kind", .string()), .required("purpose", .string()),
        .required("amount", .integer()), .required("currency", currency),
        .required("fee", .integer()), .required("from", .nullable(.string())),
        .required("to", .nullable(.string())), .required("note", .nullable(.string())),
        .required("expires_at", .nullable(.timestamp)), .required("created_at", .timestamp),
    ]

    static let payment = Schema.named("Payment", .object(paymentFields))

    static let done = Schema.named(
        "PaymentDone", .object(paymentFields + [.required("balance", balance)]))

    static let quote = Schema.named(
        "Quote",
        .object(
            .required("amount", .integer()), .required("fee", .integer()),
            .required("total", .integer()), .required("currency", currency),
            .required("to", .string()), .required("available", .integer()),
            .required("sufficient", .boolean), .required("pin_required", .boolean)))

    static let entry = Schema.named(
        "Entry",
        .object(
            .required("id", .uuid), .required("kind", .string()),
            .required("purpose", .string()), .required("direction", .enumeration(["in", "out"])),
            .required("amount", .integer()), .required("currency", currency),
            .required("counterparty", .nullable(.string())),
            .required("note", .nullable(.string())), .required("created_at", .timestamp),
            .required("balance", balance)))

    static let paymentRequest = Schema.named(
        "PaymentRequest",
        .object(
            .required("id", .uuid),
            .required("status", .enumeration(PaymentRequest.Status.allCases.map(\.rawValue))),
            .required("direction", .enumeration(["asked", "owed"])),
            .required("from", .string(), "Who is asked to pay."),
            .required("to", .string(), "Who asked."), .required("amount", .integer()),
            .required("currency", currency), .required("note", .nullable(.string())),
            .required("created_at", .timestamp)))

    static let acceptance = Schema.object(
        .required("request", paymentRequest), .required("transfer", done))
}

// MARK: Writers

extension PaymentWire {
    static func write(_ balance: Balance, _ writer: inout JSONWriter) {
        writer.field("posted", balance.posted)
        writer.field("held", balance.held)
        writer.field("available", balance.available)
    }

    static func write(_ wallet: Wallet, _ balance: Balance, _ writer: inout JSONWriter) {
        writer.field("id", wallet.id)
        writer.field("currency", wallet.currency.code)
        write(balance, &writer)
    }

    static func write(_ payment: Payment, _ writer: inout JSONWriter) {
        let transfer = payment.transfer
        writer.field("id", transfer.publicID)
        writer.field("status", payment.status.rawValue)
        writer.field("kind", transfer.kind.name)
        writer.field("purpose", transfer.code.name)
        writer.field("amount", transfer.amount)
        writer.field("currency", payment.currency.code)
        writer.field("fee", payment.fee)
        writer.field("from", payment.from)
        writer.field("to", payment.to)
        writer.field("note", payment.note)
        writer.field("expires_at", transfer.expiresAt.map { "\($0)" })
        writer.field("created_at", transfer.at)
    }

    static func write(_ done: Payments.Done, _ writer: inout JSONWriter) {
        write(done.payment, &writer)
        writer.object("balance") { write(done.balance, &$0) }
    }

    static func write(_ quote: Quote, _ writer: inout JSONWriter) {
        writer.field("amount", quote.amount.minorUnits)
        writer.field("fee", quote.fee.minorUnits)
        writer.field("total", quote.total.minorUnits)
        writer.field("currency", quote.amount.currency.code)
        writer.field("to", quote.recipient)
        writer.field("available", quote.available)
        writer.field("sufficient", quote.available >= quote.total.minorUnits)
        writer.field("pin_required", quote.isPinRequired)
    }

    static func write(_ item: HistoryEntry, _ writer: inout JSONWriter) {
        writer.field("id", item.id)
        writer.field("kind", item.kind.name)
        writer.field("purpose", item.code.name)
        writer.field("direction", item.isCredit ? "in" : "out")
        writer.field("amount", item.amount)
        writer.field("currency", item.currency.code)
        writer.field("counterparty", item.counterparty)
        writer.field("note", item.note)
        writer.field("created_at", item.at)
        writer.object("balance") { write(item.balance, &$0) }
    }

    static func write(
        _ request: PaymentRequest, names: [ID<User>: String], seenBy user: ID<User>,
        _ writer: inout JSONWriter
    ) {
        writer.field("id", request.id)
        writer.field("status", request.status.rawValue)
        writer.field("direction", request.payer == user ? "owed" : "asked")
        writer.field("from", names[request.payer] ?? "")
        writer.field("to", names[request.requester] ?? "")
        writer.field("amount", request.amount.minorUnits)
        writer.field("currency", request.amount.currency.code)
        writer.field("note", request.note)
        writer.field("created_at", request.createdAt)
    }

    /// A command's answer; a replay says so.
    static func created(_ done: Payments.Done) -> Response {
        let response = Response.json(201) { write(done, &$0) }
        return done.isReplay ? response.setting(replayed, "true") : response
    }

    static let replayed = "Idempotent-Replayed"

    // MARK: What may be refused

    static let verified: [Refused] = [Refused(IdentityRejection.phoneNotVerified)]

    static let moving: [Refused] =
        verified + [
            Refused(PaymentRejection.currencyNotSupported),
            Refused(PaymentRejection.recipientNotFound),
            Refused(PaymentRejection.amountMustBePositive),
            Refused(PaymentRejection.accountsMustDiffer), Refused(PaymentRejection.noteTooLong),
            Refused(400, "idempotency_key_required"), Refused(LedgerOverloaded()),
        ]
        + ledger([
            .idempotencyMismatch, .balanceOverflow, .insufficientFunds, .limitExceeded,
            .moneyOutStopped,
        ])

    /// Where money leaves the caller's own wallet.
    static let paying: [Refused] = moving + asking

    /// Where the PIN is asked for.
    static let asking: [Refused] =
        [
            Refused(IdentityRejection.pinRequired(threshold: 0, currency: "", isSet: true)),
            Refused(IdentityRejection.pinIncorrect(triesLeft: 0)),
            Refused(IdentityRejection.tooManyAttempts(retryAfter: 0)),
        ]

    static func ledger(_ rejections: [LedgerRejection]) -> [Refused] {
        rejections.map { Refused(LedgerRefusal($0)) }
    }
}

extension Request {
    func integer(_ name: String) -> Int64 {
        guard let value = json[name]?.integer else {
            preconditionFailure("the route's schema must require the integer \(name)")
        }
        return value
    }

    /// The command of a body with `to`, `amount`, `currency` and perhaps `note`.
    func sendCommand(recipient: String = "to") -> SendCommand {
        SendCommand(
            to: text(recipient), amount: integer("amount"), currency: text("currency"),
            note: json["note"]?.string)
    }

    /// The key that the route has required and checked.
    var idempotencyKey: IdempotencyKey {
        guard let key = header("Idempotency-Key").flatMap({ IdempotencyKey($0) }) else {
            preconditionFailure("the route must require Idempotency-Key")
        }
        return key
    }

    func id<Owner>(_ name: String = "id", else refusal: any Error) throws -> ID<Owner> {
        guard let id = ID<Owner>(parameter(name)) else { throw refusal }
        return id
    }
}
