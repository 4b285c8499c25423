import HTTP

/// What a route asks of its caller, as the table of routes says it; the description of the API must
/// say the same.
enum Door {
    case open
    /// Anyone who is logged in.
    case session
    /// Who looks after their own money.
    case caller
    /// The same, but auditors may not.
    case change
    /// Who moves their own money.
    case payer
    case staff([String])
    case staffView([String])

    /// The exact refusal; nil for those who are let in.
    func refusal(of who: Who) -> (status: Int, code: String)? {
        if case .open = self { return nil }
        guard let role = who.role else { return (401, "session_invalid") }
        switch self {
        case .open, .session, .caller: return nil
        case .change: return role == "auditor" ? Self.forbidden : nil
        case .payer:
            if role == "auditor" { return Self.forbidden }
            return who == .unverified ? (403, "phone_not_verified") : nil
        case .staff(let roles): return roles.contains(role) ? nil : Self.forbidden
        case .staffView(let roles):
            return roles.contains(role) || role == "auditor" ? nil : Self.forbidden
        }
    }

    private static let forbidden = (403, "forbidden")

    /// `security` of the operation.
    var declared: JSON? {
        switch self {
        case .open: nil
        case .session, .caller, .change: [["session": []]]
        case .payer: [["session": ["verified"]]]
        case .staff(let roles): Self.alternatives(roles)
        case .staffView(let roles): Self.alternatives(roles + ["auditor"])
        }
    }

    private static func alternatives(_ roles: [String]) -> JSON {
        .array(roles.map { ["session": [.string($0)]] })
    }
}
