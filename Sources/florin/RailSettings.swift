internal import Cryptography
internal import HTTP
internal import Identity
internal import Payments
internal import Providers
internal import Rails
internal import Values

/// What the environment says about rails: which providers, with which keys, at which address.
struct RailSettings: Sendable {
    /// Where providers reach this installation.
    var publicURL = ""
    var payoutFees: [Plan: FeeSchedule] = [:]
    var daraja: DarajaSettings?
    var stripe: StripeSettings?
    var payPal: PayPalSettings?
    /// Calls to one provider at once.
    var callsMax = 1_000

    /// Providers and the ways to them.
    func connected(clock: Clock) -> [Rails.Connected] {
        var connected: [Rails.Connected] = []
        if let daraja {
            connected.append(
                .init(Daraja(daraja), over: wire(clock, isDown: { Daraja.isDown($0) })))
        }
        if let stripe { connected.append(.init(Stripe(stripe), over: wire(clock))) }
        if let payPal { connected.append(.init(PayPal(payPal), over: wire(clock))) }
        return connected
    }

    /// A line to one provider: who waits for one leaves the others alone.
    private func wire(
        _ clock: Clock,
        isDown: @escaping @Sendable (OutboundResponse) -> Bool = { $0.status >= 500 }
    ) -> Wire {
        var limits = HTTPClient.Limits()
        limits.connectionsMax = callsMax
        limits.connectionsPerHostMax = callsMax
        // An answer of a provider is a page of JSON at most.
        limits.responseBytesMax = 1024 * 1024
        var rules = OutboundLine.Rules()
        rules.atOnceMax = callsMax
        rules.isDown = isDown
        return Wire(OutboundLine(client: HTTPClient(limits: limits), rules: rules, clock: clock))
    }

    func terms(_ ring: KeyRing) -> RailTerms {
        RailTerms(
            publicURL: publicURL, payoutFees: payoutFees,
            tokens: CallbackTokens(
                keys: ring.sealingKey("rails callbacks").blindIndexes("callback addresses")))
    }
}

extension EnvironmentReader {
    func rails(localPort: Int64) throws(ConfigurationError) -> RailSettings {
        var settings = RailSettings()
        settings.publicURL = text("FLORIN_PUBLIC_URL") ?? "http://127.0.0.1:\(localPort)"
        guard ["http://", "https://"].contains(where: settings.publicURL.hasPrefix),
            !settings.publicURL.hasSuffix("/")
        else {
            throw ConfigurationError(
                name: "FLORIN_PUBLIC_URL", reason: "such as https://wallet.example, without a path")
        }
        let fee = try fee("FLORIN_PAYOUT_FEE") ?? .free
        settings.payoutFees = [
            .free: fee, .premium: try self.fee("FLORIN_PAYOUT_FEE_PREMIUM") ?? fee,
        ]
        settings.callsMax =
            try integer("FLORIN_RAIL_CALLS", in: 1...10_000).map { Int($0) } ?? settings.callsMax
        settings.daraja = try daraja()
        settings.stripe = try stripe()
        settings.payPal = try payPal()
        return settings
    }

    private func daraja() throws(ConfigurationError) -> DarajaSettings? {
        guard let url = text("FLORIN_DARAJA_URL") else { return nil }
        return DarajaSettings(
            baseURL: url, consumerKey: try required("FLORIN_DARAJA_CONSUMER_KEY"),
            consumerSecret: try required("FLORIN_DARAJA_CONSUMER_SECRET"),
            shortCode: try required("FLORIN_DARAJA_SHORT_CODE"),
            passkey: try required("FLORIN_DARAJA_PASSKEY"),
            payoutShortCode: try required("FLORIN_DARAJA_PAYOUT_SHORT_CODE"),
            initiator: try required("FLORIN_DARAJA_INITIATOR"),
            securityCredential: try required("FLORIN_DARAJA_SECURITY_CREDENTIAL"))
    }

    private func stripe() throws(ConfigurationError) -> StripeSettings? {
        guard let url = text("FLORIN_STRIPE_URL") else { return nil }
        let secrets = try required("FLORIN_STRIPE_WEBHOOK_SECRET").split(separator: ",")
        guard !secrets.isEmpty else {
            throw ConfigurationError(
                name: "FLORIN_STRIPE_WEBHOOK_SECRET", reason: "one, or two separated by a comma")
        }
        return StripeSettings(
            baseURL: url, secretKey: try required("FLORIN_STRIPE_SECRET_KEY"),
            webhookSecrets: secrets.map { String($0) },
            currencies: try currencies(
                "FLORIN_STRIPE_CURRENCIES", where: StripeSettings.isCounted))
    }

    private func payPal() throws(ConfigurationError) -> PayPalSettings? {
        guard let url = text("FLORIN_PAYPAL_URL") else { return nil }
        return PayPalSettings(
            baseURL: url, clientID: try required("FLORIN_PAYPAL_CLIENT_ID"),
            clientSecret: try required("FLORIN_PAYPAL_CLIENT_SECRET"),
            webhookID: try required("FLORIN_PAYPAL_WEBHOOK_ID"),
            currencies: try currencies(
                "FLORIN_PAYPAL_CURRENCIES", where: PayPalSettings.isCounted))
    }

    /// - Parameter isMoved: whether the provider moves this currency as we count it.
    private func currencies(
        _ name: String, where isMoved: (Currency) -> Bool
    ) throws(ConfigurationError) -> [Currency] {
        let codes = try required(name).split(separator: ",")
        let currencies = codes.compactMap { Currency($0) }.filter(isMoved)
        guard !codes.isEmpty, currencies.count == codes.count else {
            throw ConfigurationError(
                name: name, reason: "codes that this provider moves, such as USD,EUR")
        }
        return currencies
    }

    /// A provider's address without its keys is a mistake.
    private func required(_ name: String) throws(ConfigurationError) -> String {
        guard let value = text(name) else {
            throw ConfigurationError(name: name, reason: "must be given with the provider's URL")
        }
        return value
    }
}

extension RailSettings {
    static let stripeWebhookSecret = "whsec_simulated"
    static let payPalWebhookID = "simulated"

    /// What `florin serve` needs to talk to the simulators: their keys open nothing.
    static func simulated(at url: String) -> [(name: String, value: String)] {
        [
            ("FLORIN_DARAJA_URL", url + "/daraja"),
            ("FLORIN_DARAJA_CONSUMER_KEY", "simulated"),
            ("FLORIN_DARAJA_CONSUMER_SECRET", "simulated"),
            ("FLORIN_DARAJA_SHORT_CODE", "174379"), ("FLORIN_DARAJA_PASSKEY", "simulated"),
            ("FLORIN_DARAJA_PAYOUT_SHORT_CODE", "600000"),
            ("FLORIN_DARAJA_INITIATOR", "florin"),
            ("FLORIN_DARAJA_SECURITY_CREDENTIAL", "simulated"),
            ("FLORIN_STRIPE_URL", url + "/stripe"),
            ("FLORIN_STRIPE_SECRET_KEY", "sk_test_simulated"),
            ("FLORIN_STRIPE_WEBHOOK_SECRET", stripeWebhookSecret),
            ("FLORIN_STRIPE_CURRENCIES", "USD,EUR,KES"),
            ("FLORIN_PAYPAL_URL", url + "/paypal"), ("FLORIN_PAYPAL_CLIENT_ID", "simulated"),
            ("FLORIN_PAYPAL_CLIENT_SECRET", "simulated"),
            ("FLORIN_PAYPAL_WEBHOOK_ID", payPalWebhookID),
            ("FLORIN_PAYPAL_CURRENCIES", "USD,EUR"),
        ]
    }
}
