internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct TransferBatchRoutes: Sendable {
    let payments: Payments

    /// A full batch of the longest names and notes in ASCII.
    private static let bodyBytesMax = 8 * 1024 * 1024
    /// About what the result of a payment that was made takes on the wire.
    private static let resultBytes = 96

    private var moving: RouteBuilder<Payer> { payments.identity.payerRoutes(.transfersWrite) }

    var routes: [Route] {
        [
            moving.route(
                .post, "/v1/transfer_batches",
                summary: "Send up to 10,000 payments at once: each for itself, or all or none.",
                tag: "transfers", parameters: [.idempotencyKey, .pin], body: BatchWire.batch,
                returns: .ok(
                    BatchWire.done, "What became of each, in the order in which they were sent."),
                refusals: PaymentWire.paying, bodyBytesMax: Self.bodyBytesMax, handler: send)
        ]
    }

    private func send(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.send(
            request.transferBatch(currencyDefault: payments.terms.currencyDefault),
            key: request.idempotencyKey, by: payer)
        let bytes = (4 + done.outcomes.count) * Self.resultBytes
        let response = Response.json(capacity: bytes) { BatchWire.write(done, &$0) }
        return done.isReplay ? response.setting(PaymentWire.replayed, "true") : response
    }
}

// MARK: Wire

private enum BatchWire {
    static let batch = Schema.object(
        .required(
            "mode", .enumeration(TransferBatch.Mode.allCases.map(\.rawValue)),
            "`independent`: each for itself. `linked`: all of them or none."),
        .required(
            "transfers",
            .array(
                .object(
                    .required(
                        "to", PaymentWire.recipient, "Username, telephone number or e-mail."),
                    .required("amount", .integer(), "Minor units."),
                    .optional(
                        "currency", PaymentWire.currency, "Left out: the operator's first one."),
                    .optional("note", PaymentWire.note)),
                min: 1, max: TransferBatch.transfersMax)))

    private static let result = Schema.named(
        "TransferResult",
        .object(
            [
                .required("status", .enumeration(["posted", "refused"])),
                .optional("id", .uuid, "Of the payment, if it was posted."),
                .optional("fee", .integer()),
                .optional("replayed", .boolean, "Whether an earlier request had posted it."),
                .optional("code", .string(), "Why it was refused; its facts stand beside it."),
                .optional("detail", .string()),
            ], additional: true))

    static let done = Schema.named(
        "TransferBatchDone",
        .object(
            .required("posted", .integer(), "How many were, replays included."),
            .required("replayed", .integer()), .required("refused", .integer()),
            .required(
                "balances",
                .array(
                    .object(
                        .required("currency", PaymentWire.currency),
                        .required("balance", PaymentWire.balance))),
                "Of one's own wallets, afterwards."),
            .required("results", .array(result, max: TransferBatch.transfersMax))))

    static func write(_ done: TransferBatch.Done, _ writer: inout JSONWriter) {
        writer.field("posted", done.posted)
        writer.field("replayed", done.replayed)
        writer.field("refused", done.outcomes.count - done.posted)
        writer.objects("balances", done.balances) { item, writer in
            writer.field("currency", item.currency.code)
            writer.object("balance") { PaymentWire.write(item.balance, &$0) }
        }
        writer.objects("results", done.outcomes) { write($0, &$1) }
    }

    private static func write(
        _ outcome: Decided<TransferBatch.Posted>, _ writer: inout JSONWriter
    ) {
        switch outcome {
        case .yes(let posted):
            writer.field("status", "posted")
            writer.field("id", posted.id)
            writer.field("fee", posted.fee)
            writer.field("replayed", posted.isReplay)
        case .no(let refusal):
            writer.field("status", "refused")
            writer.field("code", refusal.code)
            writer.field("detail", refusal.detail)
            for fact in refusal.facts { writer.field(fact) }
        }
    }
}

extension TransferBatch.Done {
    fileprivate var posted: Int { outcomes.count { $0.value != nil } }
    fileprivate var replayed: Int { outcomes.count { $0.value?.isReplay == true } }
    fileprivate var isReplay: Bool { replayed == outcomes.count }
}

extension Request {
    /// The body, which the route's schema has already checked.
    fileprivate func transferBatch(currencyDefault: Currency) -> TransferBatch {
        guard let mode = TransferBatch.Mode(rawValue: text("mode")),
            let transfers = json["transfers"]?.array
        else { preconditionFailure("the route's schema must require mode and transfers") }
        return TransferBatch(
            mode: mode,
            transfers: transfers.map { item in
                guard let to = item["to"]?.string, let amount = item["amount"]?.integer else {
                    preconditionFailure("the route's schema must require to and amount")
                }
                return SendCommand(
                    to: to, amount: amount,
                    currency: item["currency"]?.string ?? currencyDefault.code,
                    note: item["note"]?.string)
            })
    }
}
