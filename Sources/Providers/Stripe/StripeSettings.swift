package import Values

/// What Stripe gave the operator, and what the operator does with it.
package struct StripeSettings: Sendable {
    /// `https://api.stripe.com`, or a simulator's. Whether money is real depends on the key.
    package let baseURL: String
    package let secretKey: String
    /// What signs the webhooks; two while one takes the place of the other.
    package let webhookSecrets: [String]
    package let currencies: [Currency]

    package init(
        baseURL: String, secretKey: String, webhookSecrets: [String], currencies: [Currency]
    ) {
        precondition(!webhookSecrets.isEmpty && !webhookSecrets.contains(""))
        self.baseURL = baseURL
        self.secretKey = secretKey
        self.webhookSecrets = webhookSecrets
        self.currencies = currencies
    }

    /// Whether Stripe counts this currency as ISO 4217 does.
    package static func isCounted(_ currency: Currency) -> Bool {
        !StripeLore.oddCurrencies.contains(currency.code)
    }
}

/// What is known of Stripe only from memory, and is therefore in one place. None of it decides
/// about money in the wrong direction: at worst an order is refused, or goes to a person.
enum StripeLore {
    /// Minor units, of every currency: eight digits at most. The least depends on the payer's bank,
    /// and Stripe says no to what is below it.
    static let amounts: ClosedRange<Int64> = 50...99_999_999
    /// These have no minor unit, and Stripe takes them in hundredths all the same.
    static let oddCurrencies: Set = ["ISK", "UGX"]
    /// Of the third decimal Stripe wants a zero.
    static let thousandths: Int64 = 10
    /// Stripe takes 30 minutes to 24 hours; more than the least, for clocks that differ and for an
    /// order that is sent late.
    static let pageSeconds: Int64 = 45 * 60
    /// By when an order has reached Stripe's lists, if it ever does.
    static let absenceProvesAfterSeconds: Int64 = 3_600
    /// In a dispute of these statuses the money is with us, or with us again. The others have taken
    /// it.
    static let harmlessDisputes: Set = [
        "warning_needs_response", "warning_under_review", "warning_closed", "won", "prevented",
    ]
    /// Codes that say that the operator's balance at Stripe is used up.
    static let floatCodes: Set = ["balance_insufficient", "insufficient_funds"]
    /// Codes that say that nobody can be paid under this name.
    static let recipientCodes: Set = [
        "account_invalid", "resource_missing", "insufficient_capabilities_for_transfer",
        "transfers_not_allowed",
    ]
}
