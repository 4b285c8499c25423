internal import HTTP
internal import Identity
internal import Values

struct WalletRoutes: Sendable {
    let payments: Payments

    /// About what one entry takes on the wire.
    private static let entryBytes = 384

    private var reading: RouteBuilder<Caller> { payments.identity.callerRoutes(.walletsRead) }

    var routes: [Route] {
        [
            reading.route(
                .get, "/v1/wallets", summary: "One's wallets with their balances.", tag: "wallets",
                returns: .ok(.page(of: PaymentWire.wallet)), handler: list),
            payments.identity.callerRoutes(nil).route(
                .post, "/v1/wallets", summary: "Open a wallet, or find the one there is.",
                tag: "wallets", body: .object(.required("currency", PaymentWire.currency)),
                returns: .created(PaymentWire.wallet),
                refusals: [Refused(PaymentRejection.currencyNotSupported)], handler: open),
            reading.route(
                .get, "/v1/wallets/{id}", summary: "One wallet.", tag: "wallets",
                parameters: [.path("id", .uuid)], returns: .ok(PaymentWire.wallet),
                refusals: [Refused(PaymentRejection.walletNotFound)], handler: show),
            reading.route(
                .get, "/v1/wallets/{id}/entries",
                summary: "History, newest first, in pages; optionally between two moments.",
                tag: "wallets",
                parameters: [
                    .path("id", .uuid), .cursor, .limit,
                    .query("from", .timestamp, "Not older than this moment."),
                    .query("to", .timestamp, "Older than this moment."),
                ],
                returns: .ok(.page(of: PaymentWire.entry)),
                refusals: [
                    Refused(PaymentRejection.walletNotFound),
                    Refused(PaymentRejection.cursorInvalid),
                ], handler: entries),
        ]
    }

    private func list(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallets = try await payments.wallets(of: caller.user)
        return .json { body in
            body.objects("data", wallets) { PaymentWire.write($0.wallet, $0.balance, &$1) }
            body.null("next_cursor")
        }
    }

    private func open(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallet = try await payments.openWallet(
            for: caller.user, currency: request.text("currency"))
        let balance = try await payments.balance(of: wallet)
        return .json(201) { PaymentWire.write(wallet, balance, &$0) }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallet = try await payments.wallet(
            request.id(else: PaymentRejection.walletNotFound), of: caller)
        let balance = try await payments.balance(of: wallet)
        return .json { PaymentWire.write(wallet, balance, &$0) }
    }

    private func entries(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallet = try await payments.wallet(
            request.id(else: PaymentRejection.walletNotFound), of: caller)
        let page = try await payments.history(
            of: wallet, cursor: request.query("cursor"),
            from: request.query("from").flatMap { Timestamp($0) },
            to: request.query("to").flatMap { Timestamp($0) }, limit: request.pageLimit)
        return .json(capacity: (1 + page.elements.count) * Self.entryBytes) { body in
            body.objects("data", page.elements) { PaymentWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }
}
