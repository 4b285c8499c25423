internal import Cryptography
package import HTTP
internal import Values

/// Submissions for staff: a queue, a first look, a second one, and documents for a reason.
package struct StaffKycRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    private static let path = "/v1/staff/kyc/submissions"

    package var routes: [Route] {
        looking + judging
    }

    private var looking: [Route] {
        let viewers = identity.staffViewRoutes([.support, .admin])
        return [
            viewers.route(
                .get, Self.path, summary: "Submissions, the oldest first; masked.", tag: "staff",
                parameters: [
                    .query("state", KycWire.state, "Left out: those that wait for staff."),
                    .cursor, .limit,
                ], returns: .ok(.page(of: FileWire.file)),
                refusals: [Refused(IdentityRejection.cursorInvalid)], handler: list),
            viewers.route(
                .get, Self.path + "/{id}", summary: "A submission, masked.", tag: "staff",
                parameters: [.path("id", .uuid)], returns: .ok(FileWire.file),
                refusals: [Refused(IdentityRejection.submissionNotFound)], handler: show),
            identity.staffRoutes([.support, .admin]).route(
                .post, Self.path + "/{id}/disclosures",
                summary: "Details and photographs in the clear, for a reason.", tag: "staff",
                parameters: [.path("id", .uuid), .pin], body: FileWire.request,
                returns: .created(FileWire.disclosed, "It was written down that you looked."),
                refusals: Self.refused([
                    .submissionNotFound, .disclosuresExhausted(retryAfter: 0),
                ]) + StepUpRoutes.asking, handler: disclose),
        ]
    }

    private var judging: [Route] {
        let staff = identity.staffRoutes([.support, .admin])
        let refusals: [IdentityRejection] = [
            .submissionNotFound, .ownSubmission, .submissionDecided(.approved), .documentsNotSeen,
        ]
        return [
            staff.route(
                .post, Self.path + "/{id}/reviews",
                summary: "Find nothing wrong; somebody else approves.", tag: "staff",
                parameters: [.path("id", .uuid)], returns: .created(FileWire.file, "Reviewed."),
                refusals: Self.refused(refusals), handler: review),
            staff.route(
                .post, Self.path + "/{id}/approvals",
                summary: "Agree with who reviewed it; the tier rises.", tag: "staff",
                parameters: [.path("id", .uuid)], returns: .created(FileWire.file, "Approved."),
                refusals: Self.refused(refusals + [.secondPersonNeeded]), handler: approve),
            staff.route(
                .post, Self.path + "/{id}/refusals", summary: "Say no, and why.", tag: "staff",
                parameters: [.path("id", .uuid)],
                body: .object(
                    .required("cause", KycWire.cause, "The person is told what to do about it."),
                    .required("reason", .reason, "The audit log keeps it; nobody else sees it.")),
                returns: .created(FileWire.file, "Refused."), refusals: Self.refused(refusals),
                handler: refuse),
        ]
    }

    private static func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    // MARK: Handlers

    private func list(_ request: Request, _ viewer: StaffView) async throws -> Response {
        let cursor = request.query("cursor")
        let after = cursor.flatMap { ID<KycSubmission>($0) }
        guard cursor == nil || after != nil else { throw IdentityRejection.cursorInvalid }
        let page = try await identity.kycFiles(
            request.query("state").flatMap { KycSubmission.State(rawValue: $0) }, after: after,
            limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { FileWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ viewer: StaffView) async throws -> Response {
        let file = try await identity.kycFile(try request.submission)
        return .json { FileWire.write(file, &$0) }
    }

    private func disclose(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let fields = request.json["fields"]?.array ?? []
        let (details, images) = try await identity.disclose(
            Set(fields.compactMap { $0.string.flatMap { KycPart(rawValue: $0) } }),
            of: try request.submission, because: request.text("reason"), to: staff,
            Presence(request))
        let size = images.reduce(1024) { $0 + $1.bytes.count / 3 * 4 + 64 }
        return .json(201, capacity: size) { body in
            FileWire.write(details, &body)
            body.objects("images", images) { FileWire.write($0, &$1) }
        }
    }

    private func review(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let file = try await identity.review(
            try request.submission, by: staff, from: request.origin)
        return .json(201) { FileWire.write(file, &$0) }
    }

    private func approve(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let file = try await identity.approve(
            try request.submission, by: staff, from: request.origin)
        return .json(201) { FileWire.write(file, &$0) }
    }

    private func refuse(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let cause = KycSubmission.Cause(rawValue: request.text("cause")) else {
            preconditionFailure("the route's schema must allow causes alone")
        }
        let file = try await identity.refuse(
            try request.submission, for: cause, because: request.text("reason"), by: staff,
            from: request.origin)
        return .json(201) { FileWire.write(file, &$0) }
    }
}

// MARK: Wire

private enum FileWire {
    private static let document = Schema.nullable(
        .object(
            .required("kind", KycWire.kind), .required("country", .string(min: 2, max: 2)),
            .required("number", .string())))

    static let file = Schema.named(
        "KycFile",
        .object(
            .required("id", .uuid),
            .required(
                "person", .object(.required("id", .uuid), .required("username", .string()))),
            .required("kyc_tier", KycWire.tier), .required("state", KycWire.state),
            .required("submitted_at", .timestamp),
            .required("reviewed_by", .nullable(.string()), "The username of who looked first."),
            .required("decided_at", .nullable(.timestamp)),
            .required("cause", .nullable(KycWire.cause)),
            .required("full_name", .nullable(.string()), "Such as A••• W•••."),
            .required("document", document, "Its number such as •••678."),
            .required(
                "others_with_document", .integer(min: 0),
                "How many other people have sent in the same document.")))

    static let request = Schema.object(
        .required("reason", .reason, "The audit log keeps it: name the case, not the person."),
        .required(
            "fields",
            .array(
                .enumeration(KycPart.allCases.map(\.rawValue)), min: 1,
                max: KycPart.allCases.count)))

    static let disclosed = Schema.object(
        .required(
            "details",
            .nullable(
                .object(
                    .required("full_name", .string()),
                    .required("birth_date", .string(min: 10, max: 10)),
                    .required("document", document)))),
        .required(
            "images",
            .array(
                .object(
                    .required("side", KycWire.side),
                    .required(
                        "data_url", .string(max: 4 * 1024 * 1024),
                        "The photograph itself, as `data:` that a page can show.")))))

    static func write(_ file: KycFile, _ writer: inout JSONWriter) {
        writer.field("id", file.submission.id)
        writer.object("person") {
            $0.field("id", file.submission.user)
            $0.field("username", file.username)
        }
        writer.field("kyc_tier", Int64(file.submission.tier.rawValue))
        writer.field("state", file.submission.state.rawValue)
        writer.field("submitted_at", file.submission.submittedAt)
        writer.field("reviewed_by", file.reviewer)
        if let decidedAt = file.submission.decidedAt {
            writer.field("decided_at", decidedAt)
        } else {
            writer.null("decided_at")
        }
        writer.field("cause", file.submission.cause?.rawValue)
        writer.field("full_name", file.details.map { Masked.name($0.fullName) })
        write(file.details?.document, &writer) { Masked.number($0) }
        writer.field("others_with_document", file.othersWithDocument)
    }

    static func write(_ details: KycDetails?, _ writer: inout JSONWriter) {
        guard let details else { return writer.null("details") }
        writer.object("details") { writer in
            writer.field("full_name", details.fullName)
            writer.field("birth_date", "\(details.birthDate)")
            write(details.document, &writer) { $0 }
        }
    }

    static func write(_ image: KycImage, _ writer: inout JSONWriter) {
        writer.field("side", image.side.rawValue)
        writer.field("data_url", "data:\(image.mediaType);base64,\(Base64.encode(image.bytes))")
    }

    private static func write(
        _ document: IdentityDocument?, _ writer: inout JSONWriter, number: (String) -> String
    ) {
        guard let document else { return writer.null("document") }
        writer.object("document") {
            $0.field("kind", document.kind.rawValue)
            $0.field("country", document.country)
            $0.field("number", number(document.number))
        }
    }
}
