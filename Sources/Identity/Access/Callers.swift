package import Values

/// Who looks after money: a person who is logged in, or a program with the key of a merchant.
package enum Caller: Sendable {
    case person(Session)
    case program(Grant)

    package var user: ID<User> {
        switch self {
        case .person(let session): session.user
        case .program(let grant): grant.merchant
        }
    }

    package var username: Username {
        switch self {
        case .person(let session): session.username
        case .program(let grant): grant.username
        }
    }

    package var role: Role {
        switch self {
        case .person(let session): session.role
        case .program: .merchant
        }
    }

    package var plan: Plan {
        switch self {
        case .person(let session): session.plan
        case .program(let grant): grant.plan
        }
    }

    /// Whether it is staff who may see what is not theirs.
    package var seesOthers: Bool {
        switch self {
        case .person(let session): session.seesOthers
        case .program: false
        }
    }

    package var isProgram: Bool {
        switch self {
        case .person: false
        case .program: true
        }
    }
}

/// Who may move money: somebody verified, and no auditor. Whoever holds one has passed the check,
/// so a verb that takes it cannot be called without.
package struct Payer: Sendable {
    package let caller: Caller
    /// Looked at by payments that are large enough.
    let presence: Presence

    package var user: ID<User> { caller.user }
    package var username: Username { caller.username }
    package var plan: Plan { caller.plan }

    package init(_ caller: Caller, _ presence: Presence) throws(IdentityRejection) {
        guard caller.role != .auditor else { throw .forbidden }
        switch caller {
        case .person(let session): guard session.isVerified else { throw .phoneNotVerified }
        // Only a verified merchant's key is found, and its door has seen the scope.
        case .program: break
        }
        self.caller = caller
        self.presence = presence
    }

    package init(_ session: Session, _ presence: Presence) throws(IdentityRejection) {
        try self.init(.person(session), presence)
    }
}

/// A verified merchant, logged in.
package struct Merchant: Sendable {
    package let session: Session

    package var user: ID<User> { session.user }

    init(_ session: Session) throws(IdentityRejection) {
        guard session.role == .merchant else { throw .forbidden }
        guard session.isVerified else { throw .phoneNotVerified }
        self.session = session
    }
}

/// Roles of staff that act. An auditor looks at everything and does nothing: there is no such case.
package enum StaffRole: String, Sendable, CaseIterable {
    case support
    case finance
    case admin
}

/// A member of staff who was let in to act. Nobody makes one but the check here.
package struct StaffSession: Sendable {
    package let session: Session
    package let role: StaffRole

    package var user: ID<User> { session.user }

    package init(_ session: Session, oneOf roles: Set<StaffRole>) throws(IdentityRejection) {
        guard let role = StaffRole(rawValue: session.role.rawValue), roles.contains(role) else {
            throw .forbidden
        }
        guard session.worksUntil != nil else { throw .secondFactorRequired([]) }
        self.session = session
        self.role = role
    }
}

/// A member of staff who was let in to look. Routes for them change nothing.
package struct StaffView: Sendable {
    package let session: Session

    package var user: ID<User> { session.user }

    package init(_ session: Session, oneOf roles: Set<StaffRole>) throws(IdentityRejection) {
        let role = StaffRole(rawValue: session.role.rawValue)
        guard session.role == .auditor || role.map(roles.contains) == true else {
            throw .forbidden
        }
        guard session.worksUntil != nil else { throw .secondFactorRequired([]) }
        self.session = session
    }
}
