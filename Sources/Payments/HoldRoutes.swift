internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct HoldRoutes: Sendable {
    let payments: Payments

    private var reading: RouteBuilder<Caller> { payments.identity.callerRoutes(.holdsRead) }
    private var moving: RouteBuilder<Payer> { payments.identity.payerRoutes(.holdsWrite) }

    var routes: [Route] {
        [
            moving.route(
                .post, "/v1/holds", summary: "Reserve money for someone.", tag: "holds",
                parameters: [.idempotencyKey, .pin], body: PaymentWire.hold,
                returns: .created(PaymentWire.done),
                refusals: PaymentWire.paying + PaymentWire.ledger([.holdTimeOutOfRange]),
                handler: hold),
            reading.route(
                .get, "/v1/holds/{id}", summary: "A hold that one gave or received.",
                tag: "holds", parameters: [.path("id", .uuid)],
                returns: .ok(PaymentWire.payment),
                refusals: [Refused(PaymentRejection.holdNotFound)], handler: show),
            moving.route(
                .post, "/v1/holds/{id}/captures",
                summary: "Move all or part of a hold; the rest is released.", tag: "holds",
                parameters: [.path("id", .uuid), .idempotencyKey], body: PaymentWire.capture,
                returns: .created(PaymentWire.done),
                refusals: Self.ending + PaymentWire.ledger([.amountExceedsHold]),
                handler: capture),
            moving.route(
                .post, "/v1/holds/{id}/voids", summary: "Let a hold go.", tag: "holds",
                parameters: [.path("id", .uuid), .idempotencyKey],
                returns: .created(PaymentWire.done), refusals: Self.ending, handler: void),
        ]
    }

    private static let ending =
        PaymentWire.moving + [Refused(IdentityRejection.forbidden)]
        + PaymentWire.ledger([.holdNotFound, .holdAlreadyEnded, .holdExpired])

    private func hold(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.hold(
            request.sendCommand(), seconds: request.integer("expires_in"),
            key: request.idempotencyKey, by: payer)
        return PaymentWire.created(done)
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        let hold = try await payments.hold(
            request.id(else: PaymentRejection.holdNotFound), of: caller)
        return .json { PaymentWire.write(hold, &$0) }
    }

    private func capture(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.capture(
            request.id(else: PaymentRejection.holdNotFound),
            amount: request.json["amount"]?.integer, key: request.idempotencyKey, by: payer)
        return PaymentWire.created(done)
    }

    private func void(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.void(
            request.id(else: PaymentRejection.holdNotFound), key: request.idempotencyKey,
            by: payer)
        return PaymentWire.created(done)
    }
}
