/// What Safaricom gave the operator. Everything here is a secret or may become one.
package struct DarajaSettings: Sendable {
    /// `https://sandbox.safaricom.co.ke`, `https://api.safaricom.co.ke`, or a simulator's.
    package let baseURL: String
    package let consumerKey: String
    package let consumerSecret: String
    /// The pay-bill number that customers pay to.
    package let shortCode: String
    /// What signs the password of an STK push.
    package let passkey: String
    /// The number that pays out.
    package let payoutShortCode: String
    package let initiator: String
    /// The initiator's password, encrypted for Safaricom by the operator.
    package let securityCredential: String

    package init(
        baseURL: String, consumerKey: String, consumerSecret: String, shortCode: String,
        passkey: String, payoutShortCode: String, initiator: String, securityCredential: String
    ) {
        self.baseURL = baseURL
        self.consumerKey = consumerKey
        self.consumerSecret = consumerSecret
        self.shortCode = shortCode
        self.passkey = passkey
        self.payoutShortCode = payoutShortCode
        self.initiator = initiator
        self.securityCredential = securityCredential
    }
}

/// What is known of Daraja only from memory, and is therefore in one place. None of it decides
/// about money in the wrong direction: at worst a payment goes to a person.
enum DarajaLore {
    /// The form of B2C that takes the caller's own id.
    static let payoutPath = "/mpesa/b2c/v3/paymentrequest"
    /// Result of a status query for what M-Pesa has never heard of.
    static let absentCodes: Set<Int64> = [2032]
    /// The most that M-Pesa moves at once, in shillings.
    static let shillingsMax: Int64 = 250_000
    /// The least that B2C pays.
    static let payoutShillingsMin: Int64 = 10
    /// By when an order has reached M-Pesa's books, if it ever does.
    static let absenceProvesAfterSeconds: Int64 = 3_600
}
