internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct LiveRoutes: Sendable {
    let payments: Payments

    var routes: [Route] {
        [
            payments.identity.sessionRoutes.route(
                .get, "/v1/events",
                summary: "What happens to one's wallets and requests, as server-sent events.",
                tag: "events",
                parameters: [
                    .header(
                        "Last-Event-ID", .string(max: 64),
                        "Entries after this one are told first.")
                ],
                returns: .events(
                    """
                    `ready`, then `entry`, `request` and `wallet` as they happen. After \
                    Last-Event-ID first the entries since then; `gap` before them if older ones \
                    are in the history alone.
                    """),
                handler: listen)
        ]
    }

    private func listen(_ request: Request, _ session: Session) async throws -> Response {
        let last = request.header("Last-Event-ID").flatMap { ID<Transfer>($0) }
        return .events(try await payments.listen(session, missedSince: last))
    }
}
