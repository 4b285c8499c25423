import HTTP

/// What a route asks of its caller, as the table of routes says it; the description of the API must
/// say the same.
enum Door {
    case open
    /// Anyone who is logged in.
    case session
    /// Who looks after their own money.
    case caller(String?)
    /// The same, but auditors may not.
    case change(String?)
    /// Who moves their own money.
    case payer(String?)
    case merchant
    case staff([String])
    case staffView([String])

    /// The exact refusal; nil for those who are let in.
    func refusal(of who: Who) -> (status: Int, code: String)? {
        if case .open = self { return nil }
        guard let role = who.role else { return (401, "session_invalid") }
        switch who {
        case .key(let scope), .client(let scope): return refusal(ofProgramWith: scope)
        case .nobody, .unverified, .person: break
        }
        switch self {
        case .open, .session, .caller: return nil
        case .change: return role == "auditor" ? Self.forbidden : nil
        case .payer:
            if role == "auditor" { return Self.forbidden }
            return who == .unverified ? (403, "phone_not_verified") : nil
        case .merchant: return role == "merchant" ? nil : Self.forbidden
        case .staff(let roles): return roles.contains(role) ? nil : Self.forbidden
        case .staffView(let roles):
            return roles.contains(role) || role == "auditor" ? nil : Self.forbidden
        }
    }

    private func refusal(ofProgramWith scope: String) -> (status: Int, code: String)? {
        guard let needed = self.scope else { return Self.forbidden }
        return needed == scope ? nil : (403, "insufficient_scope")
    }

    /// What a program needs; nil where only people come in.
    private var scope: String? {
        switch self {
        case .caller(let scope), .change(let scope), .payer(let scope): scope
        case .open, .session, .merchant, .staff, .staffView: nil
        }
    }

    private static let forbidden = (403, "forbidden")

    /// `security` of the operation.
    var declared: JSON? {
        switch self {
        case .open: nil
        case .session: [["session": []]]
        case .caller(let scope), .change(let scope): Self.alternatives([], scope)
        case .payer(let scope): Self.alternatives(["verified"], scope)
        case .merchant: Self.alternatives(["merchant", "verified"], nil)
        case .staff(let roles): Self.alternatives(roles)
        case .staffView(let roles): Self.alternatives(roles + ["auditor"])
        }
    }

    private static func alternatives(_ needs: [String], _ scope: String?) -> JSON {
        let person: JSON = ["session": .array(needs.map { .string($0) })]
        guard let scope else { return [person] }
        return [person, ["api_key": [.string(scope)]], ["client": [.string(scope)]]]
    }

    private static func alternatives(_ roles: [String]) -> JSON {
        .array(roles.map { ["session": [.string($0)]] })
    }
}
