package import HTTP

/// Every route of this slice, by noun.
package struct PaymentRoutes: Sendable {
    package let routes: [Route]
    /// Mounted only where the operator runs a sandbox.
    package let sandboxRoutes: [Route]

    package init(_ payments: Payments) {
        routes =
            WalletRoutes(payments: payments).routes
            + TransferRoutes(payments: payments).routes
            + TransferBatchRoutes(payments: payments).routes
            + HoldRoutes(payments: payments).routes
            + RequestRoutes(payments: payments).routes
            + LiveRoutes(payments: payments).routes
        sandboxRoutes = SandboxRoutes(payments: payments).routes
    }
}
