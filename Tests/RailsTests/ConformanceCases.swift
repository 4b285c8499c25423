import Providers
import Rails
import Simulators
import Testing
import Values

/// An adapter and the simulator that it talks to. Whoever adds a provider adds a line here.
struct ProviderPair: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rail: String
    /// What the simulator calls the calls for money.
    let topUpOperation: String
    let payoutOperation: String
    /// What the address of the call for a payout contains, and those of every call.
    let payoutPath: String
    let paths: [String]
    /// Whether a payout that never arrived is sent by asking about it.
    var asksBySending = false
    /// New for each world, as what an adapter remembers is of one provider.
    let makeProvider: @Sendable () -> any PaymentProvider
    let makeVendor: @Sendable () -> any SimulatedVendor

    static var all: [ProviderPair] { [daraja, stripe, payPal] }

    static var daraja: ProviderPair { daraja { _ in nil } }
    static var stripe: ProviderPair { stripe { _ in nil } }
    static var payPal: ProviderPair { payPal { _ in nil } }

    /// - Parameter habit: what telephones answer that nobody answers by hand.
    static func daraja(
        _ habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer?
    ) -> ProviderPair {
        ProviderPair(
            testDescription: "daraja", rail: "mpesa", topUpOperation: "stk_push",
            payoutOperation: "b2c", payoutPath: "/b2c/",
            paths: ["/stkpush/", "/stkpushquery/", "/b2c/", "/transactionstatus/", "/oauth/"],
            makeProvider: {
                Daraja(
                    DarajaSettings(
                        baseURL: "http://simulated/daraja", consumerKey: "key",
                        consumerSecret: "hidden-consumer-secret", shortCode: "174379",
                        passkey: "hidden-passkey", payoutShortCode: "600000",
                        initiator: "florin", securityCredential: "hidden-credential"))
            }, makeVendor: { DarajaSimulator(habit: habit) })
    }

    static let stripeSecret = "whsec_hidden-secret"

    static func stripe(
        _ habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer?
    ) -> ProviderPair {
        ProviderPair(
            testDescription: "stripe", rail: "card", topUpOperation: "checkout_create",
            payoutOperation: "transfer_create", payoutPath: "/v1/transfers",
            paths: ["/checkout/sessions", "/checkout/sessions/", "/v1/transfers", "/v1/disputes"],
            makeProvider: {
                Stripe(
                    StripeSettings(
                        baseURL: "http://simulated/stripe", secretKey: "sk_test_hidden-key",
                        webhookSecrets: ["whsec_hidden-older-secret", stripeSecret],
                        currencies: [RailsWorld.kes]))
            },
            makeVendor: {
                StripeSimulator(
                    webhookURL: "http://florin.test/v1/callbacks/stripe",
                    webhookSecret: stripeSecret, habit: habit)
            })
    }

    static func payPal(
        _ habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer?
    ) -> ProviderPair {
        ProviderPair(
            testDescription: "paypal", rail: "paypal", topUpOperation: "order_create",
            payoutOperation: "payout_create", payoutPath: "/payments/payouts",
            paths: ["/checkout/orders", "/capture", "/payments/payouts", "/oauth2/"],
            asksBySending: true,
            makeProvider: {
                PayPal(
                    PayPalSettings(
                        baseURL: "http://simulated/paypal", clientID: "client",
                        clientSecret: "hidden-client-secret", webhookID: "OURS",
                        currencies: [RailsWorld.kes]))
            },
            makeVendor: {
                PayPalSimulator(
                    webhookURL: "http://florin.test/v1/callbacks/paypal", webhookID: "OURS",
                    habit: habit)
            })
    }
}
