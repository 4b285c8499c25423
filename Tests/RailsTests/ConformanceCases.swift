import Providers
import Rails
import Simulators
import Testing
import Values

/// An adapter and the simulator that it talks to. Whoever adds a provider adds a line here.
struct ProviderPair: Sendable, CustomTestStringConvertible {
    let provider: any PaymentProvider
    let makeVendor: @Sendable () -> any SimulatedVendor

    var testDescription: String { provider.name }

    static var all: [ProviderPair] { [daraja] }

    static var daraja: ProviderPair { daraja { _ in nil } }

    /// - Parameter habit: what telephones answer that nobody answers by hand.
    static func daraja(
        _ habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer?
    ) -> ProviderPair {
        ProviderPair(
            provider: Daraja(
                DarajaSettings(
                    baseURL: "http://simulated/daraja", consumerKey: "key",
                    consumerSecret: "hidden-consumer-secret", shortCode: "174379",
                    passkey: "hidden-passkey", payoutShortCode: "600000", initiator: "florin",
                    securityCredential: "hidden-credential"))
        ) { DarajaSimulator(habit: habit) }
    }

    private init(
        provider: any PaymentProvider, makeVendor: @escaping @Sendable () -> any SimulatedVendor
    ) {
        self.provider = provider
        self.makeVendor = makeVendor
    }
}
