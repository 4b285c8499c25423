internal import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Values

/// The shapes of the simple transfer API. Amounts are decimal numbers of major units, exact to the
/// digit.
enum SimpleWire {
    static let register = Schema.object(
        [
            .required("username", .string(min: 1, max: 64)),
            .required("email", .string(min: 3, max: EmailAddress.charactersMax, format: .email)),
            .required("password", .string(min: 1, max: 256)),
        ], additional: true)

    static let login = Schema.object(
        [
            .required("email", .string(min: 1, max: EmailAddress.charactersMax)),
            .required("password", .string(min: 1, max: 256)),
        ], additional: true)

    static let transaction = Schema.object(
        [
            .required("sender_email", .string(min: 1, max: EmailAddress.charactersMax)),
            .required("receiver_email", .string(min: 1, max: EmailAddress.charactersMax)),
            .required("amount", .number),
        ], additional: true)

    /// A key that cannot be one is refused: without it, a repeated request would pay twice.
    static let optionalKey = Parameter.header(
        "Idempotency-Key",
        .string(
            min: 1, max: IdempotencyKey.charactersMax,
            pattern: Schema.Pattern("^[!-~]+$") { IdempotencyKey($0) != nil }))

    static let user = Schema.named(
        "SimpleUser",
        .object(
            .required("id", .uuid), .required("username", .string()),
            .required("email", .nullable(.string())), .required("balance", .number),
            .required("currency", .string()), .required("created_at", .timestamp)))

    static let session = Schema.object(
        .required("access_token", .string(max: 4096)), .required("token", .string(max: 4096)),
        .required("token_type", .string()), .required("expires_in", .integer()),
        .required("user", user))

    static let line = Schema.named(
        "SimpleTransaction",
        .object(
            .required("id", .uuid), .required("sender_email", .string()),
            .required("receiver_email", .string()), .required("amount", .number),
            .required("currency", .string()), .required("status", .string()),
            .required("created_at", .timestamp)))

    static let report = Schema.object(
        .required("start_date", .timestamp), .required("end_date", .timestamp),
        .required("count", .integer()), .required("transactions", .array(line)))

    static let summary = Schema.object(
        .required("user", user), .required("total_sent", .number),
        .required("total_received", .number), .required("sent_count", .integer()),
        .required("received_count", .integer()))

    // MARK: Writers

    /// - Parameter caller: staff sees the addresses of others masked, here as everywhere.
    static func write(
        _ member: SimpleTransfers.Member, seenBy caller: Session? = nil, _ writer: inout JSONWriter
    ) {
        let currency = member.wallet.currency
        let isMasked = caller.map { $0.user != member.user.id } ?? false
        writer.field("id", "\(member.user.id)")
        writer.field("username", member.user.username.text)
        writer.field("email", member.user.email.map { isMasked ? "\($0)" : $0.text })
        writer.literal("balance", Money(member.balance.available, currency).decimal)
        writer.field("currency", currency.code)
        writer.field("created_at", "\(member.user.createdAt)")
    }

    static func write(_ line: SimpleTransfers.Line, _ writer: inout JSONWriter) {
        writer.field("id", "\(line.id)")
        writer.field("sender_email", line.sender)
        writer.field("receiver_email", line.receiver)
        writer.literal("amount", line.amount.decimal)
        writer.field("currency", line.amount.currency.code)
        writer.field("status", line.status)
        writer.field("created_at", "\(line.createdAt)")
    }

    // MARK: What may be refused

    static let seeing: [Refused] = [
        Refused(SimpleRejection.userNotFound), Refused(IdentityRejection.sessionInvalid),
        Refused(IdentityRejection.forbidden),
    ]

    static let registering: [Refused] = [
        IdentityRejection.usernameInvalid, .emailInvalid, .passwordTooWeak(reason: ""),
        .usernameTaken, .emailTaken,
    ].map { Refused($0) }

    static let moving: [Refused] =
        seeing + [
            Refused(SimpleRejection.amountInvalid), Refused(PaymentRejection.accountsMustDiffer),
            Refused(PaymentRejection.recipientNotFound),
            Refused(IdentityRejection.phoneNotVerified),
            Refused(IdentityRejection.pinRequired(threshold: 0, currency: "", isSet: true)),
            Refused(IdentityRejection.pinIncorrect(triesLeft: 0)),
            Refused(IdentityRejection.tooManyAttempts(retryAfter: 0)),
            Refused(LedgerRefusal(.insufficientFunds)), Refused(LedgerRefusal(.limitExceeded)),
            Refused(LedgerRefusal(.idempotencyMismatch)), Refused(LedgerRefusal(.balanceOverflow)),
            Refused(LedgerRefusal(.moneyOutStopped)), Refused(LedgerOverloaded()),
        ]
}
