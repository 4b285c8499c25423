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
    /// Calls to one provider at once.
    var callsMax = 1_000

    /// Providers and the ways to them.
    func connected(clock: Clock) -> [Rails.Connected] {
        guard let daraja else { return [] }
        var limits = HTTPClient.Limits()
        limits.connectionsMax = callsMax
        limits.connectionsPerHostMax = callsMax
        // An answer of a provider is a page of JSON at most.
        limits.responseBytesMax = 1024 * 1024
        var rules = OutboundLine.Rules()
        rules.atOnceMax = callsMax
        rules.isDown = { Daraja.isDown($0) }
        let line = OutboundLine(client: HTTPClient(limits: limits), rules: rules, clock: clock)
        return [Rails.Connected(Daraja(daraja), over: Wire(line))]
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

    /// A provider's address without its keys is a mistake.
    private func required(_ name: String) throws(ConfigurationError) -> String {
        guard let value = text(name) else {
            throw ConfigurationError(name: name, reason: "must be given with the provider's URL")
        }
        return value
    }
}

extension RailSettings {
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
        ]
    }
}
