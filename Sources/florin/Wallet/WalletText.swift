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

    static func signed(_ entry: Entry) -> String {
        (entry.isIncoming ? "+" : "-") + money(entry.amount, entry.currency)
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
        let other = entry.counterparty.map(Terminal.clean)
        switch (entry.kind, other) {
        case ("transfer", let other?): return (entry.isIncoming ? "from " : "to ") + other
        case (let kind, let other?):
            return "\(Terminal.clean(kind)) \(entry.isIncoming ? "from" : "to") \(other)"
        default: return Terminal.clean(entry.purpose.replacing("_", with: " "))
        }
    }
}
