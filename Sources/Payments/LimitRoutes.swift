internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct LimitRoutes: Sendable {
    let payments: Payments

    var routes: [Route] {
        [
            payments.identity.callerRoutes(.walletsRead).route(
                .get, "/v1/limits",
                summary: "What limits each wallet, what is left of it, and when it begins again.",
                tag: "wallets", returns: .ok(.page(of: Self.walletLimits)), handler: list)
        ]
    }

    private static let walletLimits = Schema.named(
        "WalletLimits",
        .object(
            .required("wallet", .uuid), .required("currency", PaymentWire.currency),
            .required("limits", .array(limit))))

    private static let limit = Schema.named(
        "Limit",
        .object(
            .required("limit", .enumeration(LimitUse.Kind.allCases.map(\.rawValue))),
            .required(
                "unit", .enumeration(["amount", "payments"]), "An amount is in minor units."),
            .required("max", .integer(min: 0)), .required("used", .integer()),
            .required("remaining", .integer(min: 0)),
            .required("resets_at", .nullable(.timestamp))))

    private func list(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallets = try await payments.limits(of: caller)
        return .json(capacity: (1 + wallets.count) * 1024) { body in
            body.objects("data", wallets) { wallet, row in
                row.field("wallet", wallet.wallet.id)
                row.field("currency", wallet.wallet.currency.code)
                row.objects("limits", wallet.uses) { Self.write($0, &$1) }
            }
            body.null("next_cursor")
        }
    }

    static func write(_ use: LimitUse, _ row: inout JSONWriter) {
        row.field("limit", use.kind.rawValue)
        row.field("unit", use.kind.isCount ? "payments" : "amount")
        row.field("max", use.limit)
        row.field("used", use.used)
        row.field("remaining", use.remaining)
        row.field("resets_at", use.resetsAt.map { "\($0)" })
    }
}
