package import Values

/// What PayPal gave the operator, and what the operator does with it.
package struct PayPalSettings: Sendable {
    /// `https://api-m.paypal.com`, `https://api-m.sandbox.paypal.com`, or a simulator's.
    package let baseURL: String
    package let clientID: String
    package let clientSecret: String
    /// Which webhook of the app is ours: PayPal verifies what it sent to that one.
    package let webhookID: String
    package let currencies: [Currency]

    package init(
        baseURL: String, clientID: String, clientSecret: String, webhookID: String,
        currencies: [Currency]
    ) {
        self.baseURL = baseURL
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.webhookID = webhookID
        self.currencies = currencies
    }

    /// Whether PayPal counts this currency as ISO 4217 does.
    package static func isCounted(_ currency: Currency) -> Bool {
        currency.exponent <= 2 && !PayPalLore.oddCurrencies.contains(currency.code)
    }
}

/// What is known of PayPal only from memory, and is therefore in one place. None of it decides
/// about money in the wrong direction: at worst a payment is refused, or goes to a person.
enum PayPalLore {
    static let amounts: ClosedRange<Int64> = 100...1_000_000
    /// PayPal takes these without their minor units.
    static let oddCurrencies: Set = ["HUF", "TWD"]
    /// An order that nobody has approved ends three hours after it was made; a little more.
    static let absenceProvesAfterSeconds: Int64 = 4 * 3_600
    static let floatNames: Set = ["INSUFFICIENT_FUNDS"]
    static let recipientNames: Set = ["RECEIVER_UNREGISTERED", "RECEIVER_ACCOUNT_LOCKED"]
    /// Names under which PayPal says that it has a batch with this id already.
    static let duplicateNames: Set = ["DUPLICATE_SENDER_BATCH_ID", "USER_BUSINESS_ERROR"]
}
