package import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Values

/// The routes of the simple transfer API. They can be mounted together, or as three services:
/// users, transactions and reports.
package struct SimpleRoutes: Sendable {
    private let simple: SimpleTransfers

    package init(_ simple: SimpleTransfers) {
        self.simple = simple
    }

    package var users: [Route] {
        [
            .open(
                .post, "/api/users/register", summary: "Register with e-mail.", tag: "simple",
                body: SimpleWire.register, returns: .created(SimpleWire.user),
                refusals: SimpleWire.registering, handler: register),
            .open(
                .post, "/api/users/login", summary: "Log in with e-mail.", tag: "simple",
                body: SimpleWire.login, returns: .ok(SimpleWire.session),
                refusals: [
                    Refused(IdentityRejection.credentialsInvalid),
                    Refused(IdentityRejection.tooManyAttempts(retryAfter: 0)),
                    Refused(
                        IdentityRejection.secondStepRequired(
                            challenge: "", methods: [], sentTo: nil, expiresIn: 0)),
                ], handler: login),
            .open(
                .get, "/api/users/by-email/{email}", summary: "A user, by e-mail.",
                tag: "simple", parameters: [.path("email", .string(min: 1, max: 254))],
                returns: .ok(SimpleWire.user), refusals: SimpleWire.seeing, handler: byEmail),
            .open(
                .get, "/api/users/{id}", summary: "A user.", tag: "simple",
                parameters: [.path("id", .uuid)], returns: .ok(SimpleWire.user),
                refusals: SimpleWire.seeing, handler: byID),
            .open(
                .put, "/api/users/{id}/balance",
                summary: "Top up: posts a transfer, never overwrites a number.", tag: "simple",
                parameters: [.path("id", .uuid)],
                body: .object(.required("amount", .number)), returns: .ok(SimpleWire.user),
                refusals: SimpleWire.seeing + [Refused(SimpleRejection.amountInvalid)],
                handler: topUp),
        ]
    }

    package var transactions: [Route] {
        [
            .open(
                .post, "/api/transactions", summary: "Send money by e-mail.", tag: "simple",
                parameters: [SimpleWire.optionalKey], body: SimpleWire.transaction,
                returns: .created(SimpleWire.line), refusals: SimpleWire.moving, handler: send),
            .open(
                .get, "/api/transactions/user/{id}", summary: "What a user sent and received.",
                tag: "simple", parameters: [.path("id", .uuid)],
                returns: .ok(.array(SimpleWire.line)), refusals: SimpleWire.seeing,
                handler: ofUser),
        ]
    }

    package var reports: [Route] {
        [
            .open(
                .get, "/api/reports/transactions",
                summary: "Everything that moved between two days.", tag: "simple",
                parameters: [
                    .query("startDate", .string(min: 10, max: 40), required: true),
                    .query("endDate", .string(min: 10, max: 40), required: true),
                ],
                returns: .ok(SimpleWire.report),
                refusals: SimpleWire.seeing + [Refused(SimpleRejection.dateInvalid)],
                handler: report),
            .open(
                .get, "/api/reports/users/{id}", summary: "A user's totals.", tag: "simple",
                parameters: [.path("id", .uuid)], returns: .ok(SimpleWire.summary),
                refusals: SimpleWire.seeing, handler: summary),
        ]
    }

    // MARK: Handlers

    private func register(_ request: Request) async throws -> Response {
        let member = try await simple.register(
            username: request.text("username"), email: request.text("email"),
            password: request.text("password"), from: request.origin)
        return .json(201) { SimpleWire.write(member, &$0) }
    }

    private func login(_ request: Request) async throws -> Response {
        let opened = try await simple.identity.logIn(
            login: request.text("email"), password: request.text("password"),
            LogInWish(request), from: request.origin)
        let (tokens, member) = (opened.tokens, try await simple.member(opened.user))
        return .json { body in
            body.field("access_token", tokens.accessToken)
            body.field("token", tokens.accessToken)
            body.field("token_type", "bearer")
            body.field("expires_in", tokens.expiresIn)
            body.object("user") { SimpleWire.write(member, &$0) }
        }
    }

    private func byID(_ request: Request) async throws -> Response {
        let user = try await userSeen(request, by: caller(request))
        let member = try await simple.member(user)
        return .json { SimpleWire.write(member, &$0) }
    }

    private func byEmail(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        let user = try await simple.user(email: request.parameter("email"))
        try require(caller, is: user, or: \.isStaff)
        let member = try await simple.member(user)
        return .json { SimpleWire.write(member, &$0) }
    }

    private func topUp(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        if !simple.terms.isSandbox, caller?.role.mayTopUp != true {
            throw IdentityRejection.forbidden
        }
        let user = try await userSeen(request, by: caller)
        let topped = try await simple.topUp(user, amount: try amount(request))
        return .json { SimpleWire.write(topped, &$0) }
    }

    private func send(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        let sender = try await simple.user(email: request.text("sender_email"))
        try require(caller, is: sender) { _ in false }
        let receiver = try await simple.user(email: request.text("receiver_email"))
        let done = try await simple.transfer(
            from: sender, to: receiver.username.text, amount: try amount(request),
            key: key(request))
        let line = SimpleTransfers.Line(
            id: done.payment.transfer.publicID, sender: request.text("sender_email"),
            receiver: request.text("receiver_email"),
            amount: Money(done.payment.transfer.amount, simple.terms.currency),
            status: "completed", createdAt: done.payment.transfer.at)
        let response = Response.json(201) { SimpleWire.write(line, &$0) }
        return done.isReplay ? response.setting("Idempotent-Replayed", "true") : response
    }

    private func ofUser(_ request: Request) async throws -> Response {
        let user = try await userSeen(request, by: caller(request))
        let lines = try await simple.lines(of: user)
        var writer = JSONWriter()
        writer.array { array in
            for line in lines { array.object { SimpleWire.write(line, &$0) } }
        }
        return .bytes(200, writer.bytes, as: "application/json")
    }

    private func report(_ request: Request) async throws -> Response {
        let caller = try await caller(request)
        guard simple.terms.access == .open || caller?.role.isStaff == true else {
            throw IdentityRejection.forbidden
        }
        guard let start = request.query("startDate").flatMap({ Timestamp($0) }),
            let end = request.query("endDate").flatMap({ Timestamp($0) }), start <= end
        else { throw SimpleRejection.dateInvalid }
        let isDay = request.query("endDate")?.utf8.count == 10
        let lines = try await simple.lines(
            from: start, to: isDay ? end.adding(seconds: 86_400) : end)
        return .json { body in
            body.field("start_date", "\(start)")
            body.field("end_date", "\(end)")
            body.field("count", lines.count)
            body.objects("transactions", lines) { SimpleWire.write($0, &$1) }
        }
    }

    private func summary(_ request: Request) async throws -> Response {
        let user = try await userSeen(request, by: caller(request))
        let summary = try await simple.summary(of: user)
        return .json { body in
            body.object("user") { SimpleWire.write(summary.member, &$0) }
            body.literal("total_sent", summary.sent.decimal)
            body.literal("total_received", summary.received.decimal)
            body.field("sent_count", summary.sentCount)
            body.field("received_count", summary.receivedCount)
        }
    }

    // MARK: Who may

    /// Who calls, which is settled before anything is looked up. Nil without a token, which only an
    /// open surface allows.
    private func caller(_ request: Request) async throws -> Session? {
        guard let token = request.bearerToken else {
            guard simple.terms.access == .open else { throw IdentityRejection.sessionInvalid }
            return nil
        }
        return try await simple.identity.authenticate(token)
    }

    /// The user whom the path names, if the caller may see them: oneself, or anyone for staff.
    private func userSeen(_ request: Request, by caller: Session?) async throws -> User {
        guard let id = ID<User>(request.parameter("id")) else {
            throw SimpleRejection.userNotFound
        }
        let user = try await simple.user(id)
        try require(caller, is: user, or: \.isStaff)
        return user
    }

    /// Without a token only users of this surface, who have no telephone number, can be acted for.
    private func require(
        _ caller: Session?, is user: User, or mayActForOthers: (Role) -> Bool
    ) throws(IdentityRejection) {
        guard let caller else {
            guard user.phone == nil else { throw .sessionInvalid }
            return
        }
        guard caller.user == user.id || mayActForOthers(caller.role) else { throw .forbidden }
    }

    // MARK: Reading

    private func amount(_ request: Request) throws -> Int64 {
        guard let text = request.json["amount"]?.decimal,
            let money = Money(decimal: text, simple.terms.currency), money.minorUnits > 0
        else { throw SimpleRejection.amountInvalid }
        return money.minorUnits
    }

    /// Clients of this surface send no key; each request is then a command of its own.
    private func key(_ request: Request) -> IdempotencyKey? {
        request.header("Idempotency-Key").flatMap { IdempotencyKey($0) }
    }
}

extension Role {
    /// Giving out the operator's own money.
    fileprivate var mayTopUp: Bool { self == .finance || self == .admin }
}
