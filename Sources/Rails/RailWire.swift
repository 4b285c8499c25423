internal import HTTP
internal import Identity
internal import Values

/// The shapes of this slice on the wire: schemas for requests and answers, and their writers.
enum RailWire {
    static let currency = Schema.string(
        min: 3, max: 3,
        pattern: Schema.Pattern("^[A-Z]{3}$") { $0.utf8.allSatisfy { (0x41...0x5A).contains($0) } })
    static let rail = Schema.string(
        min: 1, max: 32,
        pattern: Schema.Pattern("^[a-z_]{1,32}$") {
            $0.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }
        })

    static let command = Schema.object(
        .required("rail", rail, "As in /v1/rails."),
        .required("amount", .integer(), "Minor units."),
        .required("currency", currency))

    static let decision = Schema.object(
        .required("outcome", .enumeration(Rails.Decision.allCases.map(\.rawValue))),
        .required("reason", .reason),
        .optional(
            "receipt", .nullable(.string(min: 1, max: 255)), "What the provider's books call it."))

    private static let account = Schema.string(
        min: 1, max: 128,
        pattern: Schema.Pattern("^[A-Za-z0-9_-]{1,128}$") { text in
            text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
                default: false
                }
            }
        })

    static let entry = Schema.object(
        .required("account", account, "As the provider calls it: `acct_…`."),
        .required("reason", .reason))

    static let destination = Schema.named(
        "PayoutDestination",
        .object(.required("provider", rail), .required("account", account)))

    static let offer = Schema.named(
        "Rail",
        .object(
            .required("rail", rail), .required("kind", kind), .required("currency", currency),
            .required("amount_min", .integer()), .required("amount_max", .integer()),
            .required("amount_unit", .integer(), "Amounts are multiples of it."),
            .required("up", .boolean, "Whether its provider answers.")))

    private static let kind = Schema.enumeration(RailKind.allCases.map(\.rawValue))

    private static let action = Schema.object(
        .required("type", .enumeration(["nothing", "phone_prompt", "redirect"])),
        .optional("url", .string(max: 4096)))

    private static let fields: [Schema.Field] = [
        .required("id", .uuid), .required("kind", kind), .required("rail", rail),
        .required("amount", .integer()), .required("currency", currency),
        .required("fee", .integer()),
        .required("status", .enumeration(RailState.allCases.map(\.rawValue))),
        .required("message", .string(), "The same for a person to read."),
        .required("failure", .nullable(.string())), .required("next_action", action),
        .required("receipt", .nullable(.string()), "What the provider calls it."),
        .required("created_at", .timestamp),
    ]

    static let payment = Schema.named("OutsidePayment", .object(fields))

    static let withTimeline = Schema.named(
        "OutsidePaymentWithTimeline",
        .object(
            fields + [
                .required(
                    "timeline",
                    .array(
                        .object(
                            .required("at", .timestamp), .required("status", .string()),
                            .required("message", .string()))))
            ]))

    static let whole = Schema.named(
        "OutsidePaymentWhole",
        .object(
            fields + [
                .required("user", .uuid), .required("provider", .string()),
                .required("reference", .nullable(.string())),
                .required("asks", .integer()), .required("due_at", .nullable(.timestamp)),
                .required(
                    "timeline",
                    .array(
                        .object(
                            .required("at", .timestamp), .required("status", .string()),
                            .required("event", .string()), .required("actor", .string()),
                            .required("staff", .nullable(.uuid)),
                            .required("detail", .nullable(.string()))))),
                .required(
                    "exchanges",
                    .array(
                        .object(
                            .required("at", .timestamp), .required("operation", .string()),
                            .required("status", .nullable(.integer())),
                            .required("milliseconds", .integer()),
                            .required("request", .string()), .required("answer", .string())))),
                .required(
                    "callbacks",
                    .array(
                        .object(
                            .required("id", .uuid), .required("at", .timestamp),
                            .required("deliveries", .integer()),
                            .required("outcome", .nullable(.string())),
                            .required("body", .string())))),
            ]))
}

// MARK: Writers

extension RailWire {
    static func write(_ payment: RailPayment, _ writer: inout JSONWriter) {
        writer.field("id", payment.id)
        writer.field("kind", payment.kind.rawValue)
        writer.field("rail", payment.rail)
        writer.field("amount", payment.amount.minorUnits)
        writer.field("currency", payment.amount.currency.code)
        writer.field("fee", payment.fee.minorUnits)
        writer.field("status", payment.state.rawValue)
        writer.field("message", message(payment))
        writer.field("failure", payment.failure?.rawValue)
        writer.object("next_action") { write(payment.nextAction, &$0) }
        writer.field("receipt", payment.state == .settled ? payment.receipt : nil)
        writer.field("created_at", payment.createdAt)
    }

    private static func message(_ payment: RailPayment) -> String {
        let words = payment.state.words(payment.kind)
        return payment.failure.map { "\($0.words) \(words)" } ?? words
    }

    private static func write(_ action: NextAction, _ writer: inout JSONWriter) {
        switch action {
        case .nothing: writer.field("type", "nothing")
        case .phonePrompt: writer.field("type", "phone_prompt")
        case .redirect(let url):
            writer.field("type", "redirect")
            writer.field("url", url)
        }
    }

    /// For the owner: what changed for them, in plain words.
    static func write(
        _ payment: RailPayment, _ steps: [Rails.TimedStep], _ writer: inout JSONWriter
    ) {
        write(payment, &writer)
        var told: [Rails.TimedStep] = []
        for step in steps where told.last?.state != step.state { told.append(step) }
        writer.objects("timeline", told) { step, writer in
            writer.field("at", step.at)
            writer.field("status", step.state.rawValue)
            writer.field("message", step.state.words(payment.kind))
        }
    }

    /// For staff: everything.
    static func write(_ whole: Rails.Whole, _ writer: inout JSONWriter) {
        write(whole.payment, &writer)
        writer.field("user", whole.payment.user)
        writer.field("provider", whole.payment.provider)
        writer.field("reference", whole.payment.reference)
        writer.field("asks", whole.payment.asks)
        writer.field("due_at", moment: whole.payment.dueAt)
        writer.objects("timeline", whole.steps) { timed, writer in
            writer.field("at", timed.at)
            writer.field("status", timed.state.rawValue)
            writer.field("event", timed.step.event.rawValue)
            writer.field("actor", timed.step.actor.name)
            writer.field("staff", timed.step.actor.staff.map { "\($0)" })
            writer.field("detail", timed.step.detail)
        }
        writer.objects("exchanges", whole.exchanges) { exchange, writer in
            writer.field("at", exchange.at)
            writer.field("operation", exchange.operation)
            writer.field("status", exchange.status.map { Int64($0) })
            writer.field("milliseconds", exchange.milliseconds)
            writer.field("request", exchange.request)
            writer.field("answer", exchange.answer)
        }
        writer.objects("callbacks", whole.callbacks) { callback, writer in
            writer.field("id", callback.id)
            writer.field("at", callback.at)
            writer.field("deliveries", callback.deliveries)
            writer.field("outcome", callback.outcome)
            writer.field("body", callback.body)
        }
    }
}
