package import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Values

/// Money in and out: for its owners, for providers that call back, and for staff.
package struct RailRoutes: Sendable {
    private let rails: Rails

    package init(_ rails: Rails) { self.rails = rails }

    package var routes: [Route] {
        owners + callbacks + RailStaffRoutes(rails: rails).routes
    }

    private var paying: RouteBuilder<Payer> { rails.identity.payerRoutes(nil) }
    private var looking: RouteBuilder<Caller> { rails.identity.callerRoutes(nil) }

    private var owners: [Route] {
        [
            looking.route(
                .get, "/v1/rails", summary: "How money comes in and goes out here.",
                tag: "payments", returns: .ok(.page(of: RailWire.offer)), handler: offers),
            paying.route(
                .post, "/v1/topups",
                summary: "Ask for money of one's own; it is credited when it has come.",
                tag: "payments", parameters: [.idempotencyKey], body: RailWire.command,
                returns: .created(RailWire.payment), refusals: Self.refused, handler: topUp),
            paying.route(
                .post, "/v1/payouts", summary: "Have money paid out to one's own telephone.",
                tag: "payments", parameters: [.idempotencyKey, .pin], body: RailWire.command,
                returns: .created(RailWire.payment),
                refusals: Self.refused + Self.refusedPayingOut, handler: payOut),
            looking.route(
                .get, "/v1/payments", summary: "One's payments in and out, newest first.",
                tag: "payments", parameters: [.cursor, .limit],
                returns: .ok(.page(of: RailWire.payment)),
                refusals: [Refused(PaymentRejection.cursorInvalid)], handler: list),
            looking.route(
                .get, "/v1/payments/{id}", summary: "One payment and what happened to it.",
                tag: "payments", parameters: [.path("id", .uuid)],
                returns: .ok(RailWire.withTimeline),
                refusals: [Refused(RailRejection.paymentNotFound)], handler: show),
            looking.route(
                .post, "/v1/payments/{id}/cancellations",
                summary: "Take a payment back that nobody outside was asked for yet.",
                tag: "payments", parameters: [.path("id", .uuid)],
                returns: .created(RailWire.payment),
                refusals: [
                    Refused(RailRejection.paymentNotFound),
                    Refused(RailRejection.paymentUnderWay),
                ], handler: cancel),
        ]
    }

    /// Providers repeat what is longer than this in no answer.
    private static let callbackBytesMax = 64 * 1024

    private var callbacks: [Route] {
        [
            .open(
                .post, "/v1/callbacks/{provider}", summary: "What a provider tells, signed.",
                tag: "callbacks", parameters: [.path("provider", RailWire.rail)], body: .any,
                returns: .ok(Self.taken), refusals: [Refused(RailRejection.callbackUnverified)],
                bodyBytesMax: Self.callbackBytesMax, handler: { try await take($0, token: nil) }),
            .open(
                .post, "/v1/callbacks/{provider}/{token}",
                summary: "What a provider tells about one payment, at an address nobody guesses.",
                tag: "callbacks",
                parameters: [.path("provider", RailWire.rail), .path("token", .string(max: 64))],
                body: .any, returns: .ok(Self.taken),
                refusals: [Refused(RailRejection.callbackUnverified)],
                bodyBytesMax: Self.callbackBytesMax,
                handler: { try await take($0, token: $0.parameter("token")) }),
        ]
    }

    private static let taken = Schema.object(
        .required("ResultCode", .integer()), .required("ResultDesc", .string()))

    private static let refused: [Refused] =
        [
            RailRejection.railNotAvailable, .amountBelowMinimum, .amountAboveMaximum,
            .amountNotPayable, .contactMissing, .railDown,
        ].map { Refused($0) }
        + [LedgerRejection.idempotencyMismatch, .limitExceeded].map { Refused(LedgerRefusal($0)) }
        + [
            Refused(PaymentRejection.currencyNotSupported),
            Refused(400, "idempotency_key_required"),
        ]

    private static let refusedPayingOut: [Refused] =
        [LedgerRejection.insufficientFunds, .moneyOutStopped, .balanceOverflow]
        .map { Refused(LedgerRefusal($0)) }
        + [
            Refused(LedgerOverloaded()),
            Refused(IdentityRejection.pinRequired(threshold: 0, currency: "", isSet: true)),
            Refused(IdentityRejection.pinIncorrect(triesLeft: 0)),
            Refused(IdentityRejection.tooManyAttempts(retryAfter: 0)),
        ]
}

// MARK: Handlers

extension RailRoutes {
    private func offers(_ request: Request, _ caller: Caller) async throws -> Response {
        .json { body in
            body.objects("data", rails.offers) { offer, writer in
                writer.field("rail", offer.service.rail)
                writer.field("kind", offer.service.kind.rawValue)
                writer.field("currency", offer.service.currency.code)
                writer.field("amount_min", offer.service.amountMin)
                writer.field("amount_max", offer.service.amountMax)
                writer.field("amount_unit", offer.service.unit)
                writer.field("up", offer.isUp)
            }
            body.null("next_cursor")
        }
    }

    private func topUp(_ request: Request, _ payer: Payer) async throws -> Response {
        Self.answer(
            try await rails.topUp(request.railCommand, key: request.railKey, by: payer))
    }

    private func payOut(_ request: Request, _ payer: Payer) async throws -> Response {
        Self.answer(
            try await rails.payOut(request.railCommand, key: request.railKey, by: payer))
    }

    private static func answer(_ done: Rails.Done) -> Response {
        let response = Response.json(201) { RailWire.write(done.payment, &$0) }
        return done.isReplay ? response.setting("Idempotent-Replayed", "true") : response
    }

    private func list(_ request: Request, _ caller: Caller) async throws -> Response {
        let page = try await rails.payments(
            of: caller, before: request.railCursor(), limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { RailWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        let payment = try await rails.payment(request.railPayment(), of: caller)
        let steps = try await rails.steps(of: payment.id)
        return .json { RailWire.write(payment, steps, &$0) }
    }

    private func cancel(_ request: Request, _ caller: Caller) async throws -> Response {
        let payment = try await rails.cancel(request.railPayment(), by: caller)
        return .json(201) { RailWire.write(payment, &$0) }
    }

    /// The words that Daraja wants; the others look at the status alone.
    private func take(_ request: Request, token: String?) async throws -> Response {
        try await rails.receive(
            from: request.parameter("provider"), token: token, body: request.body,
            json: request.json, header: { request.header($0) })
        return .json { body in
            body.field("ResultCode", Int64(0))
            body.field("ResultDesc", "Accepted")
        }
    }
}

/// What the operator's people see of payments in and out, and what they decide.
struct RailStaffRoutes: Sendable {
    let rails: Rails

    private var looking: RouteBuilder<StaffView> {
        rails.identity.staffViewRoutes([.support, .finance, .admin])
    }

    var routes: [Route] {
        [
            looking.route(
                .get, "/v1/staff/payments",
                summary: "Payments in and out that wait for a person, oldest first.",
                tag: "staff", parameters: [.cursor, .limit],
                returns: .ok(.page(of: RailWire.payment)),
                refusals: [Refused(PaymentRejection.cursorInvalid)], handler: review),
            looking.route(
                .get, "/v1/staff/payments/{id}",
                summary: "One payment in or out with everything that was said about it.",
                tag: "staff", parameters: [.path("id", .uuid)], returns: .ok(RailWire.whole),
                refusals: [Refused(RailRejection.paymentNotFound)], handler: show),
            rails.identity.staffRoutes([.finance, .admin]).route(
                .post, "/v1/staff/payments/{id}/decisions",
                summary: "Decide a payment whose provider gives no clear answer.", tag: "staff",
                parameters: [.path("id", .uuid)], body: RailWire.decision,
                returns: .created(RailWire.whole),
                refusals: [
                    Refused(RailRejection.paymentNotFound),
                    Refused(RailRejection.paymentNotInReview),
                    Refused(LedgerRefusal(.moneyOutStopped)),
                ], handler: decide),
            rails.identity.staffRoutes([.finance, .admin]).route(
                .post, "/v1/staff/payments/{id}/refunds",
                summary: "Have a provider give a top-up back the way it came.", tag: "staff",
                parameters: [.path("id", .uuid)], body: .object(.required("reason", .reason)),
                returns: .created(RailWire.whole, "The provider was told; what it does is asked."),
                refusals: [
                    RailRejection.paymentNotFound, .paymentNotRefundable, .refundRefused, .railDown,
                ].map { Refused($0) } + [Refused(LedgerRefusal(.insufficientFunds))],
                handler: refund),
            rails.identity.staffRoutes([.finance, .admin]).route(
                .put, "/v1/staff/people/{id}/destinations/{provider}",
                summary: "Enter a person's own account at a provider of payouts.", tag: "staff",
                parameters: [.path("id", .uuid), .path("provider", RailWire.rail)],
                body: RailWire.entry, returns: .ok(RailWire.destination),
                refusals: [
                    Refused(IdentityRejection.userNotFound),
                    Refused(RailRejection.destinationTaken),
                ], handler: enter),
        ]
    }

    private func refund(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let id = try request.railPayment()
        try await rails.refund(
            id, because: request.text("reason"), by: staff, from: request.origin)
        let whole = try await rails.whole(id)
        return .json(201) { RailWire.write(whole, &$0) }
    }

    private func enter(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let person = ID<User>(request.parameter("id")) else {
            throw IdentityRejection.userNotFound
        }
        let (provider, account) = (request.parameter("provider"), request.text("account"))
        try await rails.enter(
            account: account, of: person, at: provider, because: request.text("reason"),
            by: staff, from: request.origin)
        return .json { body in
            body.field("provider", provider)
            body.field("account", account)
        }
    }

    private func review(_ request: Request, _ staff: StaffView) async throws -> Response {
        let page = try await rails.inReview(
            after: request.railCursor(), limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { RailWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ staff: StaffView) async throws -> Response {
        let whole = try await rails.whole(request.railPayment())
        return .json { RailWire.write(whole, &$0) }
    }

    private func decide(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let decision = Rails.Decision(rawValue: request.text("outcome")) else {
            preconditionFailure("the route's schema lists the decisions")
        }
        let decided = try await rails.decide(
            request.railPayment(), decision, receipt: request.json["receipt"]?.string,
            because: request.text("reason"), by: staff, from: request.origin)
        let whole = try await rails.whole(decided.id)
        return .json(201) { RailWire.write(whole, &$0) }
    }
}

extension Rails {
    /// What each provider offers, and whether it answers.
    var offers: [(service: RailService, isUp: Bool)] {
        providers.flatMap { connected in
            connected.provider.services.map { ($0, connected.wire.isUp()) }
        }
    }
}

extension Request {
    fileprivate var railCommand: RailCommand {
        RailCommand(
            rail: text("rail"), amount: json["amount"]?.integer ?? 0, currency: text("currency"))
    }

    fileprivate var railKey: IdempotencyKey {
        guard let key = header("Idempotency-Key").flatMap({ IdempotencyKey($0) }) else {
            preconditionFailure("the route must require Idempotency-Key")
        }
        return key
    }

    fileprivate func railPayment() throws -> ID<RailPayment> {
        guard let id = ID<RailPayment>(parameter("id")) else {
            throw RailRejection.paymentNotFound
        }
        return id
    }

    fileprivate func railCursor() throws -> ID<RailPayment>? {
        guard let text = query("cursor") else { return nil }
        guard let cursor = ID<RailPayment>(text) else { throw PaymentRejection.cursorInvalid }
        return cursor
    }
}
