/// Something the project's text must hold to, and where it does not.
struct Rule: Sendable {
    let name: String
    let findings: @Sendable (Repository) -> [Finding]
}

struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// Who owns which feature. Adding a slice means adding it here and to ARCHITECTURE.md.
enum Slices {
    /// Slices and the schema whose tables each may name in SQL.
    static let schemas = [
        "Jobs": "jobs", "Ledger": "ledger", "Notifications": "notifications",
        "Identity": "identity", "Payments": "payments", "Offline": "offline",
        "Rails": "rails", "Channels": "channels",
    ]

    static let all = Set(schemas.keys)

    /// Views that their owner publishes for others to read; anything else stays at home.
    static let publishedViews: Set = ["identity.people"]
}
