package import HTTP
package import Identity

/// Every route of this slice, by noun.
package struct PaymentRoutes: Sendable {
    package let routes: [Route]
    /// Mounted only where the operator runs a sandbox.
    package let sandboxRoutes: [Route]

    package init(_ payments: Payments, session: RouteBuilder<Session>) {
        routes =
            WalletRoutes(payments: payments, session: session).routes
            + LimitRoutes(payments: payments, session: session).routes
            + TransferRoutes(payments: payments, session: session).routes
            + TransferBatchRoutes(payments: payments, session: session).routes
            + HoldRoutes(payments: payments, session: session).routes
            + RequestRoutes(payments: payments, session: session).routes
            + LiveRoutes(payments: payments, session: session).routes
        sandboxRoutes = SandboxRoutes(payments: payments, session: session).routes
    }
}
