package import Values

/// A person who has logged in, as handlers see them.
package struct Session: Sendable, Equatable {
    package let id: ID<Session>
    package let user: ID<User>
    package let username: Username
    package let role: Role
    package let isVerified: Bool
    /// What this person pays in fees follows from it.
    package let plan: Plan
    /// Until when staff may work in it; nil when no second factor was shown in it lately.
    let worksUntil: Timestamp?

    /// Whether it is of staff who may see what is not theirs.
    package var seesOthers: Bool { role.isStaff && worksUntil != nil }

    /// Only a log-in and a look-up make one.
    init(
        id: ID<Session>, user: ID<User>, username: Username, role: Role, isVerified: Bool,
        plan: Plan, worksUntil: Timestamp?
    ) {
        self.id = id
        self.user = user
        self.username = username
        self.role = role
        self.isVerified = isVerified
        self.plan = plan
        self.worksUntil = worksUntil
    }
}

extension Identity {
    /// A session that nobody opened, for what the operator's own program does in somebody's name.
    package func session(vouchingFor user: User) -> Session {
        Session(
            id: ID(high: 0, low: 0), user: user.id, username: user.username, role: user.role,
            isVerified: user.isVerified, plan: user.standing.plan,
            worksUntil: Timestamp(microseconds: .max))
    }
}

/// What a log-in or a refresh gives.
package struct SessionTokens: Sendable {
    package let accessToken: String
    package let refreshToken: String
    /// Seconds for which the access token is good.
    package let expiresIn: Int64
}
