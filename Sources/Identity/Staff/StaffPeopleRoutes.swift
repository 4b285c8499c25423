package import HTTP
internal import Values

/// People for staff: found by anything, masked, and in the clear for a reason.
package struct StaffPeopleRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        let viewers = identity.staffViewRoutes([.support, .finance, .admin])
        let staff = identity.staffRoutes([.support, .finance, .admin])
        return [
            viewers.route(
                .post, "/v1/staff/people/searches",
                summary: "Find people; a number or an address must not stand in a URL.",
                tag: "staff", body: PeopleWire.search, returns: .ok(.page(of: PeopleWire.person)),
                onlyAsks: true, handler: search),
            viewers.route(
                .get, "/v1/staff/people/{id}", summary: "A person, masked.", tag: "staff",
                parameters: [.path("id", .uuid)], returns: .ok(PeopleWire.person),
                refusals: [Refused(IdentityRejection.userNotFound)], handler: show),
            staff.route(
                .post, "/v1/staff/people/{id}/disclosures",
                summary: "What is masked of a person, for a reason; the person sees that it was.",
                tag: "staff", parameters: [.path("id", .uuid), .pin], body: PeopleWire.request,
                returns: .created(PeopleWire.disclosed, "It was written down that you looked."),
                refusals: [
                    Refused(IdentityRejection.userNotFound),
                    Refused(IdentityRejection.disclosuresExhausted(retryAfter: 0)),
                ] + StepUpRoutes.asking, handler: disclose),
        ]
    }

    private func search(_ request: Request, _ viewer: StaffView) async throws -> Response {
        let page = try await identity.people(
            named: request.text("text"), after: request.json["cursor"]?.string,
            limit: request.json["limit"]?.integer.map { Int($0) } ?? Page<Never>.limitDefault)
        return .json { body in
            body.objects("data", page.elements) { PeopleWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ viewer: StaffView) async throws -> Response {
        let person = try await identity.maskedPerson(try request.person)
        return .json { PeopleWire.write(person, &$0) }
    }

    private func disclose(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let fields = request.json["fields"]?.array ?? []
        let facts = Set(fields.compactMap { $0.string.flatMap { PersonalFact(rawValue: $0) } })
        let disclosed = try await identity.disclose(
            facts, of: try request.person, because: request.text("reason"), to: staff,
            Presence(request))
        return .json(201) { body in
            body.field("id", disclosed.id)
            body.field("username", disclosed.username)
            if facts.contains(.phone) { body.field("phone", disclosed.facts[.phone]) }
            if facts.contains(.email) { body.field("email", disclosed.facts[.email]) }
            if facts.contains(.fullName) { body.field("full_name", disclosed.facts[.fullName]) }
            if facts.contains(.birthDate) { body.field("birth_date", disclosed.facts[.birthDate]) }
        }
    }
}

extension Request {
    /// The person whom the path names.
    fileprivate var person: ID<User> {
        get throws(IdentityRejection) {
            guard let id = ID<User>(parameter("id")) else { throw .userNotFound }
            return id
        }
    }
}

// MARK: Wire

private enum PeopleWire {
    static let search = Schema.object(
        .required(
            "text", .string(min: 2, max: EmailAddress.charactersMax),
            "An id, a telephone number or an e-mail address in full, or how a username begins."),
        .optional("cursor", .string(min: 1, max: 64), "The next_cursor of the page before."),
        .optional("limit", .integer(min: 1, max: Int64(Page<Never>.limitMax)), "Items on a page."))

    static let person = Schema.named(
        "MaskedPerson",
        .object(
            .required("id", .uuid), .required("username", .string()),
            .required("phone", .nullable(.string()), "Such as +2547•••••678."),
            .required("email", .nullable(.string()), "Such as a•••@example.com."),
            .required("full_name", .nullable(.string()), "Such as A••• W•••."),
            .required("role", .enumeration(Role.allCases.map(\.rawValue))),
            .required("phone_verified", .boolean),
            .required("plan", .enumeration(Plan.allCases.map(\.rawValue))),
            .required("kyc_tier", .integer(min: 0, max: 2)), .required("created_at", .timestamp)))

    static let request = Schema.object(
        .required("reason", .reason, "The audit log keeps it: name the case, not the person."),
        .required(
            "fields",
            .array(
                .enumeration(PersonalFact.allCases.map(\.rawValue)), min: 1,
                max: PersonalFact.allCases.count)))

    static let disclosed = Schema.object(
        .required("id", .uuid), .required("username", .string()),
        .optional("phone", .nullable(.string())), .optional("email", .nullable(.string())),
        .optional("full_name", .nullable(.string())),
        .optional("birth_date", .nullable(.string(min: 10, max: 10))))

    static func write(_ person: MaskedPerson, _ writer: inout JSONWriter) {
        writer.field("id", person.id)
        writer.field("username", person.username)
        writer.field("phone", person.phone)
        writer.field("email", person.email)
        writer.field("full_name", person.fullName)
        writer.field("role", person.role.rawValue)
        writer.field("phone_verified", person.isVerified)
        writer.field("plan", person.standing.plan.rawValue)
        writer.field("kyc_tier", Int64(person.standing.tier.rawValue))
        writer.field("created_at", person.createdAt)
    }
}
