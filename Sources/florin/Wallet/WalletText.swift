internal import FlorinClient
internal import Glibc
internal import Values

/// How amounts, moments and people read in a terminal.
enum WalletText {
    /// `KES 1,234.50`; a currency that this build does not know stays in minor units.
    static func money(_ amount: Int64, _ currency: String) -> String {
        guard let known = Currency(currency) else { return "\(Terminal.clean(currency)) \(amount)" }
        return Money(amount, known).description
    }

    /// With a sign where money moved; a hold only promises.
    static func signed(_ entry: Entry) -> String {
        let amount = money(entry.amount, entry.currency)
        guard movesMoney(entry) else { return "(\(amount))" }
        return (entry.isIncoming ? "+" : "-") + amount
    }

    private static func movesMoney(_ entry: Entry) -> Bool {
        !["hold", "void", "expiry"].contains(entry.kind)
    }

    /// `2026-11-21 07:15`, by this machine's clock.
    static func moment(_ text: String) -> String {
        guard let moment = Timestamp(text) else { return Terminal.clean(text) }
        var seconds = time_t(moment.microseconds / 1_000_000)
        var local = unsafe tm()
        guard unsafe localtime_r(&seconds, &local) != nil else { return Terminal.clean(text) }
        let (year, month, day) = unsafe (local.tm_year + 1900, local.tm_mon + 1, local.tm_mday)
        let (hour, minute) = unsafe (local.tm_hour, local.tm_min)
        return "\(year)-\(two(month))-\(two(day)) \(two(hour)):\(two(minute))"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    static func note(_ note: String?) -> String { note.map { "“\(Terminal.clean($0))”" } ?? "" }

    static func person(_ name: String?) -> String { name.map(Terminal.clean) ?? "—" }

    /// What a line of the history is, from its owner's side.
    static func what(_ entry: Entry) -> String {
        guard let other = entry.counterparty.map(Terminal.clean) else {
            return Terminal.clean(entry.purpose.replacing("_", with: " "))
        }
        let person = (entry.isIncoming ? "from " : "to ") + other
        let hold = (entry.isIncoming ? "held by " : "held for ") + other
        return switch entry.kind {
        case "transfer": person
        case "capture": person + ", held before"
        case "reversal": person + ", given back"
        case "hold": hold
        case "void": hold + ", let go"
        case "expiry": hold + ", expired"
        default: Terminal.clean(entry.kind) + " " + person
        }
    }

    /// A refusal, with what its person does next in a terminal.
    static func sentence(_ problem: FlorinProblem) -> String {
        let next = next(after: problem.code).map { " Next: florin wallet " + $0 } ?? ""
        return problem.detail + obstacles(problem) + next
    }

    private static func next(after code: String) -> String? {
        switch code {
        case "session_invalid", "refresh_token_invalid", "challenge_invalid": "log-in NAME"
        case "second_step_required": "log-in NAME --code CODE"
        case "phone_not_verified": "verify PHONE CODE"
        case "phone_taken", "email_taken": "log-in NAME"
        case "pin_not_set": "pin"
        case "totp_not_found", "second_factor_required": "app set-up"
        case "totp_exists": "app remove"
        case "limit_exceeded": "limits"
        case "images_missing": "kyc photo SIDE FILE"
        case "submission_open": "kyc, or kyc withdraw"
        case "erasure_exists": "erase, or erase cancel"
        case "session_not_found": "sessions"
        case "passkey_not_found": "passkeys"
        case "key_not_found": "keys"
        default: nil
        }
    }

    /// What stands in the way of being erased.
    private static func obstacles(_ problem: FlorinProblem) -> String {
        guard problem.code == "erasure_blocked" else { return "" }
        let amounts = ["balances", "debts"].flatMap { name -> [String] in
            if case .texts(let texts)? = problem.facts[name] { texts } else { [] }
        }
        let counts = ["holds", "requests"].compactMap { name -> String? in
            if case .integer(let count)? = problem.facts[name] { "\(count) \(name)" } else { nil }
        }
        let open = amounts + counts
        return open.isEmpty ? "" : " Still there: \(open.joined(separator: ", "))."
    }

    /// The facts of a refusal that help a person, as sentences.
    static func facts(_ problem: FlorinProblem, _ currency: String) -> String {
        let names = [("available", "Available"), ("limit", "Limit"), ("remaining", "Left of it")]
        let amounts = names.compactMap { name, label -> String? in
            guard case .integer(let amount) = problem.facts[name] else { return nil }
            return " \(label): \(money(amount, currency))."
        }
        guard case .text(let moment) = problem.facts["resets_at"] else { return amounts.joined() }
        return amounts.joined() + " It starts anew \(Self.moment(moment))."
    }
}
