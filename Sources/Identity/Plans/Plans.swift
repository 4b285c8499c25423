package import Postgres
package import Values

extension Identity {
    /// What other slices do in the transaction in which a person's plan or tier changes.
    package typealias StandingChange =
        @Sendable (ID<User>, Standing, borrowing Transaction) throws -> Void

    /// Puts a person on another plan.
    package func setPlan(
        of user: ID<User>, to plan: Plan, reason: String, by staff: StaffSession,
        from origin: Origin
    ) async throws -> Holder {
        try await change(user, .planChanged, reason, by: staff.user, origin) { standing in
            standing.plan = plan
        }
    }

    /// Takes a tier away, whose documents turned out to be worth nothing. Nobody is given a tier
    /// here: that takes a submission and two members of staff.
    package func lowerTier(
        of user: ID<User>, to tier: KycTier, reason: String, by staff: StaffSession,
        from origin: Origin
    ) async throws -> Holder {
        try await change(user, .tierLowered, reason, by: staff.user, origin) { standing in
            guard tier <= standing.tier else { throw IdentityRejection.tierNeedsApproval }
            standing.tier = tier
        }
    }

    /// Play people choose for themselves what they want to try.
    package func setStandingInSandbox(
        _ plan: Plan?, _ tier: KycTier?, by session: Session, from origin: Origin
    ) async throws -> Holder {
        try await change(session.user, .sandboxStandingChanged, nil, by: session.user, origin) {
            $0.plan = plan ?? $0.plan
            $0.tier = tier ?? $0.tier
        }
    }

    /// A person with what their terms depend on, as staff may see them.
    package struct Holder: Sendable {
        package let id: ID<User>
        package let username: Username
        package let standing: Standing
    }

    /// What a person's terms depend on, and will until this transaction ends.
    package func standing(
        of user: ID<User>, in transaction: borrowing Transaction
    ) throws -> Standing {
        // A change waits for this transaction, and then finds what it wrote.
        let row = try transaction.query(
            "SELECT plan, kyc_tier FROM identity.users WHERE id = \(user) FOR SHARE")[0]
        return Standing(plan: try Plan(stored: row[0]), tier: try KycTier(stored: row[1]))
    }

    // MARK: Steps

    private func change(
        _ user: ID<User>, _ kind: Act.Kind, _ reason: String?, by actor: ID<User>,
        _ origin: Origin, _ alter: @escaping @Sendable (inout Standing) throws -> Void
    ) async throws -> Holder {
        let changed = try await database.transaction { transaction in
            let before = try holder(user, transaction)
            var standing = before.standing
            try alter(&standing)
            let after = Holder(id: user, username: before.username, standing: standing)
            guard standing != before.standing else { return after }
            try set(standing, of: user, transaction)
            try audit.record(
                Act(
                    kind, by: actor, of: user, from: origin, reason: reason,
                    before: before.standing.json, after: standing.json), in: transaction)
            return after
        }
        sessionCache.forget(user: user)
        return changed
    }

    /// The person, whose standing nobody else reads or changes until the transaction ends.
    ///
    /// Not `FOR UPDATE`: a payment may note something beside this person, for which it needs to
    /// know no more than that the person exists.
    func holder(
        _ user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> Holder {
        let row = try transaction.first(
            """
            SELECT username, plan, kyc_tier FROM identity.users
            WHERE id = \(user) AND erased_at IS NULL FOR NO KEY UPDATE
            """)
        guard let row else { throw IdentityRejection.userNotFound }
        return Holder(
            id: user, username: try Username(stored: row[0]),
            standing: Standing(
                plan: try Plan(stored: row[1]), tier: try KycTier(stored: row[2])))
    }

    /// Moves the ledger's fence by way of whoever follows: nothing slow after this.
    func set(
        _ standing: Standing, of user: ID<User>, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            UPDATE identity.users SET plan = \(standing.plan.rawValue),
                kyc_tier = \(standing.tier.rawValue)
            WHERE id = \(user)
            """)
        try announceChange(of: user, in: transaction)
        try followStanding(user, standing, transaction)
    }
}

extension Act.Kind {
    static let planChanged = Act.Kind("plan_changed")
    static let tierLowered = Act.Kind("kyc_tier_lowered")
    static let sandboxStandingChanged = Act.Kind("sandbox_standing_changed")
}

extension Standing {
    /// For the audit log.
    var json: String { #"{"plan":"\#(plan.rawValue)","kyc_tier":\#(tier.rawValue)}"# }
}

extension Plan {
    init(stored text: String) throws(DatabaseError) {
        guard let plan = Plan(rawValue: text) else {
            throw .decoding(column: 0, expected: "a plan")
        }
        self = plan
    }
}

extension KycTier {
    init(stored number: Int16) throws(DatabaseError) {
        guard let tier = KycTier(rawValue: number) else {
            throw .decoding(column: 0, expected: "a tier")
        }
        self = tier
    }
}
