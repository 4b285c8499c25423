internal import Cryptography
internal import HTTP
internal import Identity
internal import OfflineProtocol
internal import Values

/// The shapes of this slice on the wire. Objects of OFP1 are base64url without padding, ids are
/// hexadecimal, amounts are minor units.
enum OfflineWire {
    /// The largest object is a payment of sixteen records.
    private static let objectBytesMax = 8_192
    static let object = Schema.string(max: objectBytesMax * 4 / 3 + 1)
    static let objects = Schema.array(object, max: Upload.objectsMax)
    static let walletID = Schema.string(
        min: 16, max: 16,
        pattern: Schema.Pattern("^[0-9A-Fa-f]{16}$") { WalletID(hex: $0) != nil })
    static let recordID = Schema.string(
        min: 32, max: 32,
        pattern: Schema.Pattern("^[0-9A-Fa-f]{32}$") { ObjectID(hex: $0) != nil })
    static let currency = Schema.string(min: 3, max: 3)
    private static let seconds = Schema.integer(min: 0, max: Int64(UInt32.max))

    static let enrolment = Schema.object(
        .required("csr", .string(min: 156, max: 156), "What the device has signed: 117 bytes."),
        .required("currency", currency),
        .optional("receive_only", .boolean, "Takes money and never pays, such as a till."),
        .optional(
            "webauthn", PasskeyAssertion.schema,
            "AuthenticationResponseJSON of a passkey whose challenge was the csr's SHA-256."))

    static let topUp = Schema.object(.required("amount", .integer(), "Minor units."))

    static let upload = Schema.object(.required("objects", objects))

    static let sync = Schema.object(
        .required("wallet", walletID), .required("objects", objects),
        .optional("head", seconds, "The counter of the device's last record."),
        .optional("top_up_to", .nullable(.integer(min: 0))),
        .optional("crl_since", seconds, "When the device's list was issued."),
        .optional("proofs_since", seconds))

    static let decline = Schema.object(.required("decline", object, "Signed by the payee."))

    static let fund = Schema.object(
        .required("currency", currency), .required("amount", .integer(min: 1)),
        .required("reason", .reason))

    // MARK: Answers

    static let wallet = Schema.named("OfflineWallet", .object(walletFields))

    private static let walletFields: [Schema.Field] = [
        .required("wallet", walletID), .required("currency", currency),
        .required("status", .enumeration(DeviceWallet.Status.allCases.map(\.rawValue))),
        .required("receive_only", .boolean), .required("claim_by", .timestamp),
    ]

    static let certified = Schema.named(
        "OfflineCertificate",
        .object(
            walletFields + [
                .required("certificate", object), .required("name", .string()),
                .required("name_salt", .string(min: 32, max: 32)),
            ]))

    static let result = Schema.named(
        "OfflineResult",
        .object(
            .required("object", .integer(), "Its place in the upload, from 0."),
            .required("id16", .nullable(recordID)),
            .required("status", .enumeration(ObjectResult.Status.allCases.map(\.rawValue))),
            .required("reason", .nullable(.string()), "Why it was rejected."),
            .required("covered", .nullable(.integer()), "Minor units that were paid.")))

    static let results = Schema.object(.required("results", .array(result, max: 4_096)))

    static let synced = Schema.object(
        .required("server_time", .timestamp), .required("results", .array(result, max: 4_096)),
        .required("missing", .array(.integer()), "Counters that nobody has shown."),
        .required("wallet", wallet), .required("locked", .integer()),
        .required("certificate", .nullable(object)), .required("name", .nullable(.string())),
        .required("name_salt", .nullable(.string())), .required("crl", .nullable(object)),
        .required("proofs", .array(object)), .required("incoming", .array(object)),
        .required("receipts", .array(object)))

    static let record = Schema.named(
        "OfflineRecord",
        .object(
            .required("id16", recordID),
            .required("status", .enumeration(ObjectResult.Status.allCases.map(\.rawValue))),
            .required("amount", .integer()), .required("covered", .integer()),
            .required("currency", currency), .required("undelivered_at", .nullable(.timestamp)),
            .required("receipt", .nullable(object))))

    static let keys = Schema.object(
        .required("keys", object, "The issuer's keys, signed by the root."),
        .required("root", object, "The root's public key, for who builds a device's program."))

    static let revocations = Schema.object(.required("crl", .nullable(object)))
    static let proofs = Schema.object(.required("proofs", .array(object)))

    private static let exposure = Schema.object(
        .required("currency", currency), .required("live_wallets", .integer()),
        .required("locked", .integer()), .required("outstanding", .integer()),
        .required("guaranteed", .integer()), .required("fund", .integer()),
        .required("owed_to_fund", .integer()), .required("owed_to_payees", .integer()),
        .required("paid_by_fund", .integer()), .required("open_cases", .integer()),
        .required("waiting", .integer()), .required("pending", .integer()))

    static let exposures = Schema.object(.required("data", .array(exposure)))
    static let oneExposure = exposure

    private static let caseFields: [Schema.Field] = [
        .required("wallet", walletID), .required("user_id", .uuid),
        .required("currency", currency), .required("overspent", .integer()),
        .required("opened_at", .timestamp), .required("upheld_at", .nullable(.timestamp)),
    ]
    static let fraudCase = Schema.object(caseFields)
    static let wholeCase = Schema.object(
        caseFields + [
            .required(
                "conflicts",
                .array(
                    .object(
                        .required("kind", .enumeration(Conflict.allCases.map { $0.name })),
                        .required("first", conflicting), .required("second", conflicting))))
        ])

    private static let conflicting = Schema.object(
        .required("id16", recordID), .required("payee", walletID),
        .required("counter", .integer()), .required("amount", .integer()),
        .required("source_spent", .integer()), .required("sent_total", .integer()),
        .required("time", .timestamp), .required("hop", .integer()),
        .required("source", recordID), .required("request", recordID),
        .required("previous", recordID), .required("object", object))
}

extension Conflict {
    /// As the protocol names it.
    var name: String { "F\(rawValue)" }
}

// MARK: Writers

extension OfflineWire {
    static func text(_ bytes: [UInt8]) -> String { Base64URL.encode(bytes) }

    static func write(_ wallet: DeviceWallet, _ writer: inout JSONWriter) {
        writer.field("wallet", wallet.id.hex)
        writer.field("currency", wallet.currency.code)
        writer.field("status", wallet.status.rawValue)
        writer.field("receive_only", wallet.isReceiveOnly)
        writer.field("claim_by", wallet.claimBy)
    }

    static func write(_ certified: Offline.Certified, _ writer: inout JSONWriter) {
        write(certified.wallet, &writer)
        writer.field("certificate", text(certified.certificate.encoded))
        writer.field("name", certified.name)
        writer.field("name_salt", certified.nameSalt.hex)
    }

    static func write(_ result: ObjectResult, _ writer: inout JSONWriter) {
        writer.field("object", result.object)
        writer.field("id16", result.id?.hex)
        writer.field("status", result.status.rawValue)
        writer.field("reason", result.rejection)
        writer.field("covered", result.covered)
    }

    static func write(_ answer: SyncAnswer, _ writer: inout JSONWriter) {
        writer.field("server_time", answer.now)
        writer.objects("results", answer.results) { write($0, &$1) }
        writer.array("missing") { for counter in answer.missing { $0.element(counter) } }
        writer.object("wallet") { write(answer.wallet, &$0) }
        writer.field("locked", answer.locked)
        writer.field("certificate", answer.certified.map { text($0.certificate.encoded) })
        writer.field("name", answer.certified?.name)
        writer.field("name_salt", answer.certified?.nameSalt.hex)
        writer.field("crl", answer.revocations.map { text($0.encoded) })
        writer.field("proofs", answer.proofs.map { text($0.encoded) })
        writer.field("incoming", answer.incoming.map { text($0.encoded) })
        writer.field("receipts", answer.receipts.map { text($0.encoded) })
    }

    static func write(
        _ record: StoredRecord, _ receipt: OfflineReceipt?, _ writer: inout JSONWriter
    ) {
        writer.field("id16", record.id.hex)
        writer.field("status", ObjectResult(record, object: 0).status.rawValue)
        writer.field("amount", record.amount)
        writer.field("covered", record.paid)
        writer.field("currency", record.currency.code)
        writer.field("undelivered_at", record.undeliveredAt.map { "\($0)" })
        writer.field("receipt", receipt.map { text($0.encoded) })
    }

    static func write(_ exposure: Exposure, _ writer: inout JSONWriter) {
        writer.field("currency", exposure.currency.code)
        writer.field("live_wallets", exposure.liveWallets)
        writer.field("locked", exposure.locked)
        writer.field("outstanding", exposure.outstanding)
        writer.field("guaranteed", exposure.guaranteed)
        writer.field("fund", exposure.fund)
        writer.field("owed_to_fund", exposure.owedToFund)
        writer.field("owed_to_payees", exposure.owedToPayees)
        writer.field("paid_by_fund", exposure.paidByFund)
        writer.field("open_cases", exposure.openCases)
        writer.field("waiting", exposure.waiting)
        writer.field("pending", exposure.pending)
    }

    static func write(_ found: FraudCase, _ writer: inout JSONWriter) {
        writer.field("wallet", found.wallet.hex)
        writer.field("user_id", found.person)
        writer.field("currency", found.currency.code)
        writer.field("overspent", found.overspent)
        writer.field("opened_at", found.openedAt)
        writer.field("upheld_at", found.upheldAt.map { "\($0)" })
    }

    static func writeWhole(_ found: FraudCase, _ writer: inout JSONWriter) {
        write(found, &writer)
        writer.objects("conflicts", found.pairs) { pair, writer in
            writer.field("kind", pair.kind.name)
            writer.object("first") { write(pair.first, &$0) }
            writer.object("second") { write(pair.second, &$0) }
        }
    }

    private static func write(_ record: SpendRecord, _ writer: inout JSONWriter) {
        writer.field("id16", record.id.hex)
        writer.field("payee", record.payee.hex)
        writer.field("counter", Int64(record.counter))
        writer.field("amount", Int64(record.amount))
        writer.field("source_spent", Int64(record.sourceSpent))
        writer.field("sent_total", Int64(record.sentTotal))
        writer.field("time", Timestamp(seconds: UInt64(record.time)))
        writer.field("hop", Int64(record.hop))
        writer.field("source", record.source.hex)
        writer.field("request", record.request.hex)
        writer.field("previous", record.previous.hex)
        writer.field("object", text(record.encoded))
    }
}
