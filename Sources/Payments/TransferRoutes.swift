internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct TransferRoutes: Sendable {
    let payments: Payments

    private var reading: RouteBuilder<Caller> { payments.identity.callerRoutes(.transfersRead) }
    private var moving: RouteBuilder<Payer> { payments.identity.payerRoutes(.transfersWrite) }
    private var correcting: RouteBuilder<StaffSession> {
        payments.identity.staffRoutes([.finance, .admin])
    }

    private var asking: RouteBuilder<StaffSession> {
        payments.identity.staffRoutes([.support, .finance, .admin])
    }

    var routes: [Route] {
        [
            moving.route(
                .post, "/v1/transfers",
                summary: "Send money to a username, telephone number or e-mail.",
                tag: "transfers", parameters: [.idempotencyKey, .pin], body: PaymentWire.send,
                returns: .created(PaymentWire.done), refusals: PaymentWire.paying, handler: send),
            moving.route(
                .post, "/v1/transfers/preview", summary: "What sending would cost.",
                tag: "transfers", body: PaymentWire.send, returns: .ok(PaymentWire.quote),
                refusals: PaymentWire.moving, handler: preview),
            reading.route(
                .get, "/v1/transfers/{id}", summary: "A transfer that one paid or received.",
                tag: "transfers", parameters: [.path("id", .uuid)],
                returns: .ok(PaymentWire.payment),
                refusals: [Refused(PaymentRejection.transferNotFound)], handler: show),
            moving.route(
                .post, "/v1/transfers/{id}/reversals",
                summary: "Send a transfer's money back, fee included; once.", tag: "transfers",
                parameters: [.path("id", .uuid), .idempotencyKey, .pin],
                returns: .created(PaymentWire.done), refusals: Self.reversing + PaymentWire.asking,
                handler: reverse),
            correcting.route(
                .post, "/v1/staff/transfers/{id}/reversals",
                summary: "Send a transfer's money back on behalf of who received it; once.",
                tag: "staff", parameters: [.path("id", .uuid), .idempotencyKey],
                body: .object(.required("reason", .reason)),
                returns: .created(PaymentWire.done), refusals: Self.reversing, handler: correct),
            asking.route(
                .post, "/v1/staff/transfers/{id}/disclosures",
                summary: "The note of a transfer, for a reason; its writer sees that it was read.",
                tag: "staff", parameters: [.path("id", .uuid), .pin],
                body: .object(.required("reason", .reason)),
                returns: .created(
                    .object(.required("id", .uuid), .required("note", .nullable(.string()))),
                    "It was written down that you looked."),
                refusals: Self.disclosing, handler: disclose),
        ]
    }

    private static let reversing =
        PaymentWire.moving + [Refused(IdentityRejection.forbidden)]
        + PaymentWire.ledger([
            .transferNotFound, .transferNotReversible, .transferAlreadyReversed,
        ])

    private static let disclosing: [Refused] =
        [Refused(PaymentRejection.transferNotFound)] + Identity.disclosureRefusals

    private func send(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.send(
            request.sendCommand(), key: request.idempotencyKey, by: payer)
        return PaymentWire.created(done)
    }

    private func preview(_ request: Request, _ payer: Payer) async throws -> Response {
        let quote = try await payments.preview(request.sendCommand(), by: payer)
        return .json { PaymentWire.write(quote, &$0) }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        let payment = try await payments.payment(
            request.id(else: PaymentRejection.transferNotFound), of: caller)
        return .json { PaymentWire.write(payment, &$0) }
    }

    private func reverse(_ request: Request, _ payer: Payer) async throws -> Response {
        let done = try await payments.reverse(
            request.id(else: PaymentRejection.transferNotFound), key: request.idempotencyKey,
            by: payer)
        return PaymentWire.created(done)
    }

    private func correct(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let done = try await payments.reverse(
            request.id(else: PaymentRejection.transferNotFound), key: request.idempotencyKey,
            by: staff, because: request.text("reason"), from: request.origin)
        return PaymentWire.created(done)
    }

    private func disclose(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let id: ID<Transfer> = try request.id(else: PaymentRejection.transferNotFound)
        let note = try await payments.discloseNote(
            of: id, because: request.text("reason"), to: staff, Presence(request))
        return .json(201) { body in
            body.field("id", id)
            body.field("note", note)
        }
    }
}
