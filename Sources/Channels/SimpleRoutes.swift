package import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Values

/// The routes of the simple transfer API. They can be mounted together, or as three services:
/// users, transactions and reports.
package struct SimpleRoutes: Sendable {
    private let simple: SimpleTransfers
    private let doors: SimpleDoors

    package init(_ simple: SimpleTransfers) {
        self.simple = simple
        doors = SimpleDoors(simple)
    }

    package var users: [Route] {
        [
            .open(
                .post, "/api/users/register", summary: "Register with e-mail.", tag: "simple",
                body: SimpleWire.register, returns: .created(SimpleWire.user),
                refusals: SimpleWire.registering, rate: .authentication, handler: register),
            .open(
                .post, "/api/users/login", summary: "Log in with e-mail.", tag: "simple",
                body: SimpleWire.login, returns: .ok(SimpleWire.session),
                refusals: [
                    Refused(IdentityRejection.credentialsInvalid),
                    Refused(IdentityRejection.tooManyAttempts(retryAfter: 0)),
                    Refused(IdentityRejection.secondStepRequired(.example)),
                ], rate: .authentication, handler: login),
            doors.looking.route(
                .get, "/api/users/by-email/{email}", summary: "A user, by e-mail.",
                tag: "simple", parameters: [.path("email", .string(min: 1, max: 254))],
                returns: .ok(SimpleWire.user), refusals: SimpleWire.seeing, handler: byEmail),
            doors.looking.route(
                .get, "/api/users/{id}", summary: "A user.", tag: "simple",
                parameters: [.path("id", .uuid)], returns: .ok(SimpleWire.user),
                refusals: SimpleWire.seeing, handler: byID),
            simple.terms.isSandbox ? playMoney : realMoney,
        ]
    }

    /// Where the sandbox makes the money, people top up themselves; elsewhere staff gives it out.
    private var playMoney: Route {
        doors.paying.route(
            .put, "/api/users/{id}/balance",
            summary: "Top up: posts a transfer, never overwrites a number.", tag: "simple",
            parameters: [.path("id", .uuid)], body: Self.topUpBody,
            returns: .ok(SimpleWire.user), refusals: Self.toppingUp, rate: .money, handler: topUp)
    }

    private var realMoney: Route {
        simple.identity.staffRoutes([.finance, .admin]).route(
            .put, "/api/users/{id}/balance",
            summary: "Give out the operator's money: posts a transfer.", tag: "simple",
            parameters: [.path("id", .uuid)], body: Self.topUpBody,
            returns: .ok(SimpleWire.user), refusals: Self.toppingUp, handler: giveOut)
    }

    private static let topUpBody = Schema.object(.required("amount", .number))
    private static let toppingUp =
        SimpleWire.seeing + [Refused(SimpleRejection.amountInvalid)]

    package var transactions: [Route] {
        [
            doors.paying.route(
                .post, "/api/transactions", summary: "Send money by e-mail.", tag: "simple",
                parameters: [SimpleWire.optionalKey, .pin], body: SimpleWire.transaction,
                returns: .created(SimpleWire.line), refusals: SimpleWire.moving, rate: .money,
                handler: send),
            doors.looking.route(
                .get, "/api/transactions/user/{id}", summary: "What a user sent and received.",
                tag: "simple", parameters: [.path("id", .uuid)],
                returns: .ok(.array(SimpleWire.line)), refusals: SimpleWire.seeing,
                handler: ofUser),
        ]
    }

    package var reports: [Route] {
        [
            doors.reporting.route(
                .get, "/api/reports/transactions",
                summary: "Everything that moved between two days.", tag: "simple",
                parameters: [
                    .query("startDate", .string(min: 10, max: 40), required: true),
                    .query("endDate", .string(min: 10, max: 40), required: true),
                ],
                returns: .ok(SimpleWire.report),
                refusals: SimpleWire.seeing + [Refused(SimpleRejection.dateInvalid)],
                handler: report),
            doors.looking.route(
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

    private func byID(_ request: Request, _ caller: Session?) async throws -> Response {
        let user = try await userSeen(request, by: caller)
        let member = try await simple.member(user)
        return .json { SimpleWire.write(member, seenBy: caller, &$0) }
    }

    private func byEmail(_ request: Request, _ caller: Session?) async throws -> Response {
        let user = try await simple.user(email: request.parameter("email"))
        try require(caller, is: user, or: \.seesOthers)
        let member = try await simple.member(user)
        return .json { SimpleWire.write(member, seenBy: caller, &$0) }
    }

    private func topUp(_ request: Request, _ caller: Session?) async throws -> Response {
        let user = try await user(request)
        try require(caller, is: user) { _ in false }
        let topped = try await simple.topUp(user, amount: try amount(request))
        return .json { SimpleWire.write(topped, &$0) }
    }

    private func giveOut(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let topped = try await simple.topUp(
            user(request), amount: try amount(request), by: staff, from: request.origin)
        return .json { SimpleWire.write(topped, seenBy: staff.session, &$0) }
    }

    private func send(_ request: Request, _ caller: Session?) async throws -> Response {
        let sender = try await simple.user(email: request.text("sender_email"))
        try require(caller, is: sender) { _ in false }
        let receiver = try await simple.user(email: request.text("receiver_email"))
        let done = try await simple.transfer(
            from: sender, to: receiver.username.text, amount: try amount(request),
            key: key(request),
            // Without a token nobody is there whose PIN could be asked for.
            by: caller.map { try Payer($0, Presence(request)) } ?? simple.payer(acting: sender))
        let line = SimpleTransfers.Line(
            id: done.payment.transfer.publicID, sender: request.text("sender_email"),
            receiver: request.text("receiver_email"),
            amount: Money(done.payment.transfer.amount, simple.terms.currency),
            status: "completed", createdAt: done.payment.transfer.at)
        let response = Response.json(201) { SimpleWire.write(line, &$0) }
        return done.isReplay ? response.setting("Idempotent-Replayed", "true") : response
    }

    private func ofUser(_ request: Request, _ caller: Session?) async throws -> Response {
        let user = try await userSeen(request, by: caller)
        let lines = try await simple.lines(of: user, seenBy: caller)
        var writer = JSONWriter()
        writer.array { array in
            for line in lines { array.object { SimpleWire.write(line, &$0) } }
        }
        return .bytes(200, writer.bytes, as: "application/json")
    }

    private func report(_ request: Request, _ staff: StaffView?) async throws -> Response {
        guard let start = request.query("startDate").flatMap({ Timestamp($0) }),
            let end = request.query("endDate").flatMap({ Timestamp($0) }), start <= end
        else { throw SimpleRejection.dateInvalid }
        let isDay = request.query("endDate")?.utf8.count == 10
        let lines = try await simple.lines(
            from: start, to: isDay ? end.adding(seconds: 86_400) : end, isMasked: staff != nil)
        return .json { body in
            body.field("start_date", "\(start)")
            body.field("end_date", "\(end)")
            body.field("count", lines.count)
            body.objects("transactions", lines) { SimpleWire.write($0, &$1) }
        }
    }

    private func summary(_ request: Request, _ caller: Session?) async throws -> Response {
        let user = try await userSeen(request, by: caller)
        let summary = try await simple.summary(of: user)
        return .json { body in
            body.object("user") { SimpleWire.write(summary.member, seenBy: caller, &$0) }
            body.literal("total_sent", summary.sent.decimal)
            body.literal("total_received", summary.received.decimal)
            body.field("sent_count", summary.sentCount)
            body.field("received_count", summary.receivedCount)
        }
    }

    // MARK: Who may

    /// The user whom the path names, if the caller may see them: oneself, or anyone for staff.
    private func userSeen(_ request: Request, by caller: Session?) async throws -> User {
        let user = try await user(request)
        try require(caller, is: user, or: \.seesOthers)
        return user
    }

    private func user(_ request: Request) async throws -> User {
        guard let id = ID<User>(request.parameter("id")) else {
            throw SimpleRejection.userNotFound
        }
        return try await simple.user(id)
    }

    /// Without a token only users of this surface, who have no telephone number, can be acted for.
    /// Of others nobody learns whether they exist.
    private func require(
        _ caller: Session?, is user: User, or mayActForOthers: (Session) -> Bool
    ) throws {
        guard let caller else {
            guard user.phone == nil else { throw IdentityRejection.sessionInvalid }
            return
        }
        guard caller.user == user.id || mayActForOthers(caller) else {
            throw SimpleRejection.userNotFound
        }
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
