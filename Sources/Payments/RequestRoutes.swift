internal import HTTP
internal import Identity
internal import Values

struct RequestRoutes: Sendable {
    let payments: Payments

    private var reading: RouteBuilder<Caller> { payments.identity.callerRoutes(.requestsRead) }
    private var asking: RouteBuilder<Payer> { payments.identity.payerRoutes(.requestsWrite) }
    private var paying: RouteBuilder<Payer> { payments.identity.payerRoutes(.transfersWrite) }
    private var deciding: RouteBuilder<Caller> { payments.identity.callerRoutes(.requestsWrite) }

    var routes: [Route] {
        [
            asking.route(
                .post, "/v1/requests", summary: "Ask someone for money.", tag: "requests",
                body: PaymentWire.request, returns: .created(PaymentWire.paymentRequest),
                refusals: PaymentWire.moving, handler: create),
            reading.route(
                .get, "/v1/requests", summary: "Requests made and requests to answer.",
                tag: "requests", parameters: [.cursor, .limit],
                returns: .ok(.page(of: PaymentWire.paymentRequest)),
                refusals: [Refused(PaymentRejection.cursorInvalid)], handler: list),
            reading.route(
                .get, "/v1/requests/{id}", summary: "One request.", tag: "requests",
                parameters: [.path("id", .uuid)], returns: .ok(PaymentWire.paymentRequest),
                refusals: [Refused(PaymentRejection.requestNotFound)], handler: show),
            paying.route(
                .post, "/v1/requests/{id}/acceptances", summary: "Pay a request.",
                tag: "requests", parameters: [.path("id", .uuid), .idempotencyKey, .pin],
                returns: .created(PaymentWire.acceptance),
                refusals: PaymentWire.paying + Self.refusedDeciding, handler: accept),
            deciding.route(
                .post, "/v1/requests/{id}/declines", summary: "Say no to a request.",
                tag: "requests", parameters: [.path("id", .uuid)],
                returns: .created(PaymentWire.paymentRequest), refusals: Self.refusedDeciding,
                handler: decline),
            deciding.route(
                .post, "/v1/requests/{id}/cancellations", summary: "Take a request back.",
                tag: "requests", parameters: [.path("id", .uuid)],
                returns: .created(PaymentWire.paymentRequest), refusals: Self.refusedDeciding,
                handler: cancel),
        ]
    }

    private static let refusedDeciding: [Refused] = [
        Refused(PaymentRejection.requestNotFound),
        Refused(PaymentRejection.requestAlreadyDecided), Refused(IdentityRejection.forbidden),
    ]

    private func create(_ request: Request, _ requester: Payer) async throws -> Response {
        let created = try await payments.request(
            request.sendCommand(recipient: "from"), by: requester)
        return try await answer(201, created, requester.caller)
    }

    private func list(_ request: Request, _ caller: Caller) async throws -> Response {
        let cursor = request.query("cursor").map { ID<PaymentRequest>($0) }
        if let cursor, cursor == nil { throw PaymentRejection.cursorInvalid }
        let page = try await payments.requests(
            of: caller, before: cursor ?? nil, limit: request.pageLimit)
        let names = try await payments.usernames(
            of: Set(page.elements.flatMap { [$0.requester, $0.payer] }))
        return .json { body in
            body.objects("data", page.elements) {
                PaymentWire.write($0, names: names, seenBy: caller.user, &$1)
            }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        try await answer(200, try await payments.request(id(request), of: caller), caller)
    }

    private func accept(_ request: Request, _ payer: Payer) async throws -> Response {
        let (accepted, done) = try await payments.accept(
            id(request), key: request.idempotencyKey, by: payer)
        let names = try await payments.usernames(of: [accepted.requester, accepted.payer])
        let response = Response.json(201) { body in
            body.object("request") {
                PaymentWire.write(accepted, names: names, seenBy: payer.user, &$0)
            }
            body.object("transfer") { PaymentWire.write(done, &$0) }
        }
        return done.isReplay ? response.setting(PaymentWire.replayed, "true") : response
    }

    private func decline(_ request: Request, _ caller: Caller) async throws -> Response {
        try await answer(201, try await payments.decline(id(request), by: caller), caller)
    }

    private func cancel(_ request: Request, _ caller: Caller) async throws -> Response {
        try await answer(201, try await payments.cancel(id(request), by: caller), caller)
    }

    private func id(_ request: Request) throws -> ID<PaymentRequest> {
        try request.id(else: PaymentRejection.requestNotFound)
    }

    private func answer(
        _ status: Int, _ request: PaymentRequest, _ caller: Caller
    ) async throws -> Response {
        let names = try await payments.usernames(of: [request.requester, request.payer])
        return .json(status) {
            PaymentWire.write(request, names: names, seenBy: caller.user, &$0)
        }
    }
}
