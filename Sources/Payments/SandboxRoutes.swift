internal import HTTP
internal import Identity
internal import Ledger
internal import Values

struct SandboxRoutes: Sendable {
    let payments: Payments

    var routes: [Route] {
        [
            payments.identity.payerRoutes(nil).route(
                .post, "/sandbox/topups", summary: "Play money for oneself.", tag: "sandbox",
                parameters: [Self.optionalKey], body: PaymentWire.topUp,
                returns: .created(PaymentWire.done),
                refusals: PaymentWire.moving, handler: topUp)
        ]
    }

    private static let optionalKey = Parameter.header(
        "Idempotency-Key", .string(min: 1, max: IdempotencyKey.charactersMax))

    private func topUp(_ request: Request, _ payer: Payer) async throws -> Response {
        let text = request.header("Idempotency-Key")
        let key = text.flatMap { IdempotencyKey($0) }
        if text != nil, key == nil {
            throw Problem.invalidRequest("Idempotency-Key has visible ASCII characters only.")
        }
        let done = try await payments.topUp(
            amount: request.integer("amount"), currency: request.text("currency"),
            from: .sandboxFloat, key: key, by: payer)
        return PaymentWire.created(done)
    }
}
