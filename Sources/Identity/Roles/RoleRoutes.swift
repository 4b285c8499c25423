package import HTTP
internal import Values

/// Who is staff, who a merchant: given and taken by admins.
package struct RoleRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        [
            identity.staffRoutes([.admin]).route(
                .put, "/v1/people/{id}/role", summary: "Give a person another role.",
                tag: "staff", parameters: [.path("id", .uuid)], body: Self.body,
                returns: .ok(Self.person),
                refusals: [.personNotFound, .ownRole, .lastAdmin].map {
                    (rejection: IdentityRejection) in Refused(rejection)
                }, handler: give)
        ]
    }

    private static let role = Schema.enumeration(Role.allCases.map(\.rawValue))

    private static let body = Schema.object(
        .required("role", role), .required("reason", .reason, "It is kept in the audit log."))

    private static let person = Schema.object(
        .required("id", .uuid), .required("username", .string()), .required("role", role))

    private func give(_ request: Request, _ admin: StaffSession) async throws -> Response {
        guard let person = ID<User>(request.parameter("id")) else {
            throw IdentityRejection.personNotFound
        }
        guard let role = Role(rawValue: request.text("role")) else {
            preconditionFailure("the route's schema must allow roles alone")
        }
        let user = try await identity.give(
            role, to: person, by: admin, because: request.text("reason"), from: request.origin)
        return .json { body in
            body.field("id", user.id)
            body.field("username", user.username.text)
            body.field("role", user.role.rawValue)
        }
    }
}
