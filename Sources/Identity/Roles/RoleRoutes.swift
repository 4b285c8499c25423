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
                .put, "/v1/staff/people/{id}/role", summary: "Give a person another role.",
                tag: "staff", parameters: [.path("id", .uuid)],
                body: .object(.required("role", Self.role), .required("reason", .reason)),
                returns: .ok(Self.holder),
                refusals: [.userNotFound, .ownRole, .lastAdmin].map {
                    (rejection: IdentityRejection) in Refused(rejection)
                }, handler: give)
        ]
    }

    private static let role = Schema.enumeration(Role.allCases.map(\.rawValue))

    private static let holder = Schema.named(
        "RoleHolder",
        .object(
            .required("id", .uuid), .required("username", .string()), .required("role", role)))

    private func give(_ request: Request, _ admin: StaffSession) async throws -> Response {
        guard let person = ID<User>(request.parameter("id")) else {
            throw IdentityRejection.userNotFound
        }
        guard let role = Role(rawValue: request.text("role")) else {
            preconditionFailure("the route's schema must allow roles alone")
        }
        let holder = try await identity.give(
            role, to: person, because: request.text("reason"), by: admin, from: request.origin)
        return .json { body in
            body.field("id", holder.id)
            body.field("username", holder.username.text)
            body.field("role", holder.role.rawValue)
        }
    }
}
