internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct TransferRoutes: Sendable {
    let payments: Payments
    let session: RouteBuilder<Session>

    var routes: [Route] {
        [
            session.route(
                .post, "/v1/transfers",
                summary: "Send money to a username, telephone number or e-mail.",
                tag: "transfers", parameters: [.idempotencyKey, .pin], body: PaymentWire.send,
                returns: .created(PaymentWire.done), refusals: PaymentWire.paying, handler: send),
            session.route(
                .post, "/v1/transfers/preview", summary: "What sending would cost.",
                tag: "transfers", body: PaymentWire.send, returns: .ok(PaymentWire.quote),
                refusals: PaymentWire.moving, handler: preview),
            session.route(
                .get, "/v1/transfers/{id}", summary: "A transfer that one paid or received.",
                tag: "transfers", parameters: [.path("id", .uuid)],
                returns: .ok(PaymentWire.payment),
                refusals: [Refused(PaymentRejection.transferNotFound)], handler: show),
            session.route(
                .post, "/v1/transfers/{id}/reversals",
                summary: "Send a transfer's money back, fee included; once.", tag: "transfers",
                parameters: [.path("id", .uuid), .idempotencyKey, .pin],
                returns: .created(PaymentWire.done),
                refusals: PaymentWire.paying
                    + PaymentWire.ledger([
                        .transferNotFound, .transferNotReversible, .transferAlreadyReversed,
                    ]) + [Refused(IdentityRejection.forbidden)], handler: reverse),
        ]
    }

    private func send(_ request: Request, _ session: Session) async throws -> Response {
        let done = try await payments.send(
            request.sendCommand(), key: request.idempotencyKey, by: session, Presence(request))
        return PaymentWire.created(done)
    }

    private func preview(_ request: Request, _ session: Session) async throws -> Response {
        let quote = try await payments.preview(request.sendCommand(), by: session)
        return .json { PaymentWire.write(quote, &$0) }
    }

    private func show(_ request: Request, _ session: Session) async throws -> Response {
        let payment = try await payments.payment(
            request.id(else: PaymentRejection.transferNotFound), of: session)
        return .json { PaymentWire.write(payment, &$0) }
    }

    private func reverse(_ request: Request, _ session: Session) async throws -> Response {
        let done = try await payments.reverse(
            request.id(else: PaymentRejection.transferNotFound), key: request.idempotencyKey,
            by: session, Presence(request))
        return PaymentWire.created(done)
    }
}
