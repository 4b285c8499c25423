import Providers
import Rails
import Simulators
import Testing
import Values

/// An adapter and the simulator that it talks to. Whoever adds a provider adds a line here.
struct ProviderPair: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// New for each world, as what an adapter remembers is of one provider.
    let makeProvider: @Sendable () -> any PaymentProvider
    let makeVendor: @Sendable () -> any SimulatedVendor

    static var all: [ProviderPair] { [daraja] }

    static var daraja: ProviderPair { daraja { _ in nil } }

    /// - Parameter habit: what telephones answer that nobody answers by hand.
    static func daraja(
        _ habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer?
    ) -> ProviderPair {
        ProviderPair(
            testDescription: "daraja",
            makeProvider: {
                Daraja(
                    DarajaSettings(
                        baseURL: "http://simulated/daraja", consumerKey: "key",
                        consumerSecret: "hidden-consumer-secret", shortCode: "174379",
                        passkey: "hidden-passkey", payoutShortCode: "600000",
                        initiator: "florin", securityCredential: "hidden-credential"))
            }, makeVendor: { DarajaSimulator(habit: habit) })
    }
}
