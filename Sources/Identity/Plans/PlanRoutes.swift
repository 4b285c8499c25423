package import HTTP
internal import Values

/// Plans and tiers, changed by staff, and in a sandbox by oneself.
package struct PlanRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    private var staff: RouteBuilder<StaffSession> { identity.staffRoutes([.finance, .admin]) }

    package var routes: [Route] {
        [
            staff.route(
                .put, "/v1/staff/users/{id}/plan", summary: "Put a person on a plan.",
                tag: "staff", parameters: [.path("id", .uuid)],
                body: .object(
                    .required("plan", PlanWire.plan), .required("reason", PlanWire.reason)),
                returns: .ok(PlanWire.holder), refusals: Self.refused, handler: setPlan),
            staff.route(
                .put, "/v1/staff/users/{id}/kyc_tier",
                summary: "Take a tier away; a higher one takes a submission.",
                tag: "staff", parameters: [.path("id", .uuid)],
                body: .object(
                    .required("kyc_tier", PlanWire.tier), .required("reason", PlanWire.reason)),
                returns: .ok(PlanWire.holder),
                refusals: Self.refused + [Refused(IdentityRejection.tierNeedsApproval)],
                handler: lowerTier),
        ]
    }

    /// Mounted only where the operator runs a sandbox.
    package var sandboxRoutes: [Route] {
        [
            identity.sessionRoutes.route(
                .put, "/sandbox/standing", summary: "Try another plan or tier oneself.",
                tag: "sandbox",
                body: .object(
                    .optional("plan", PlanWire.plan), .optional("kyc_tier", PlanWire.tier)),
                returns: .ok(PlanWire.holder),
                refusals: [Refused(IdentityRejection.userNotFound)], handler: setInSandbox)
        ]
    }

    private static let refused = [Refused(IdentityRejection.userNotFound)]

    private func setPlan(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let plan = Plan(rawValue: request.text("plan")) else { throw PlanWire.unchecked }
        let holder = try await identity.setPlan(
            of: request.user(), to: plan, reason: request.text("reason"), by: staff,
            from: request.origin)
        return .json { PlanWire.write(holder, &$0) }
    }

    private func lowerTier(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let tier = PlanWire.tier(request) else { throw PlanWire.unchecked }
        let holder = try await identity.lowerTier(
            of: request.user(), to: tier, reason: request.text("reason"), by: staff,
            from: request.origin)
        return .json { PlanWire.write(holder, &$0) }
    }

    private func setInSandbox(_ request: Request, _ session: Session) async throws -> Response {
        let holder = try await identity.setStandingInSandbox(
            request.json["plan"]?.string.flatMap { Plan(rawValue: $0) }, PlanWire.tier(request),
            by: session, from: request.origin)
        return .json { PlanWire.write(holder, &$0) }
    }
}

extension Request {
    fileprivate func user() throws -> ID<User> {
        guard let id = ID<User>(parameter("id")) else { throw IdentityRejection.userNotFound }
        return id
    }
}

// MARK: Wire

private enum PlanWire {
    static let plan = Schema.enumeration(Plan.allCases.map(\.rawValue))
    static let tier = Schema.integer(min: 0, max: Int64(KycTier.allCases.count - 1))
    static let reason = Schema.string(min: 1, max: Act.reasonCharactersMax)

    static let holder = Schema.named(
        "Holder",
        .object(
            .required("id", .uuid), .required("username", .string()), .required("plan", plan),
            .required("kyc_tier", tier)))

    static let unchecked = Problem.invalidRequest("There is no such plan or tier.")

    static func tier(_ request: Request) -> KycTier? {
        request.json["kyc_tier"]?.integer.flatMap { Int16(exactly: $0) }
            .flatMap { KycTier(rawValue: $0) }
    }

    static func write(_ holder: Identity.Holder, _ writer: inout JSONWriter) {
        writer.field("id", holder.id)
        writer.field("username", holder.username.text)
        writer.field("plan", holder.standing.plan.rawValue)
        writer.field("kyc_tier", Int64(holder.standing.tier.rawValue))
    }
}
