package import HTTP
internal import Values

/// Being known better, for whom it is about.
package struct KycRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        let person = identity.callerRoutes(nil)
        return [
            person.route(
                .get, "/v1/kyc", summary: "How well one is known, and what to do next.",
                tag: "kyc", returns: .ok(KycWire.status), handler: status),
            person.route(
                .put, "/v1/kyc/images/{side}",
                summary: "Photograph the document or oneself; it waits for the submission.",
                tag: "kyc", parameters: [.path("side", KycWire.side)], takesFile: true,
                returns: .ok(KycWire.imageKept),
                refusals: Self.refused([.imageInvalid(reason: ""), .userNotFound]),
                bodyBytesMax: KycRules.imageBytesMax, handler: keepImage),
            person.route(
                .post, "/v1/kyc/submissions",
                summary: "Send in who one is, with the photographs that wait.", tag: "kyc",
                body: KycWire.form, returns: .created(KycWire.submission),
                refusals: Self.refused([
                    .kycDetailsInvalid(field: ""), .tierReached, .submissionOpen,
                    .imagesMissing([]), .userNotFound,
                ]), handler: submit),
            person.route(
                .get, "/v1/kyc/submissions/{id}", summary: "A submission of one's own.",
                tag: "kyc", parameters: [.path("id", .uuid)], returns: .ok(KycWire.submission),
                refusals: Self.refused([.submissionNotFound]), handler: show),
            person.route(
                .post, "/v1/kyc/submissions/{id}/withdrawals",
                summary: "Take an open submission back; its photographs are deleted.",
                tag: "kyc", parameters: [.path("id", .uuid)],
                returns: .created(KycWire.submission, "It is taken back."),
                refusals: Self.refused([.submissionNotFound, .submissionDecided(.approved)]),
                handler: withdraw),
        ]
    }

    private static func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    // MARK: Handlers

    private func status(_ request: Request, _ caller: Caller) async throws -> Response {
        let status = try await identity.kycStatus(of: caller.user)
        return .json { KycWire.write(status, &$0) }
    }

    private func keepImage(_ request: Request, _ caller: Caller) async throws -> Response {
        guard let side = ImageSide(rawValue: request.parameter("side")) else {
            throw Problem.notFound()
        }
        let mediaType = try await identity.keepImage(side, request.body, of: caller.user)
        return .json { body in
            body.field("side", side.rawValue)
            body.field("media_type", mediaType)
        }
    }

    private func submit(_ request: Request, _ caller: Caller) async throws -> Response {
        let submission = try await identity.submit(
            try request.kycForm, by: caller.user, from: request.origin)
        return .json(201) { KycWire.write(submission, &$0) }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        let submission = try await identity.submission(try request.submission, of: caller.user)
        return .json { KycWire.write(submission, &$0) }
    }

    private func withdraw(_ request: Request, _ caller: Caller) async throws -> Response {
        let submission = try await identity.withdraw(
            try request.submission, by: caller.user, from: request.origin)
        return .json(201) { KycWire.write(submission, &$0) }
    }
}

extension Request {
    /// The submission that the path names.
    var submission: ID<KycSubmission> {
        get throws(IdentityRejection) {
            guard let id = ID<KycSubmission>(parameter("id")) else { throw .submissionNotFound }
            return id
        }
    }

    fileprivate var kycForm: Identity.KycForm {
        get throws(IdentityRejection) {
            guard let document = json["document"],
                let kind = document["kind"]?.string.flatMap({ IdentityDocument.Kind(rawValue: $0) }
                ),
                let number = document["number"]?.string, let country = document["country"]?.string,
                let tier = json["kyc_tier"]?.integer.flatMap({ Int16(exactly: $0) })
                    .flatMap({ KycTier(rawValue: $0) })
            else { preconditionFailure("the route's schema must require a document and a tier") }
            return Identity.KycForm(
                tier: tier, fullName: text("full_name"), birthDate: text("birth_date"), kind: kind,
                number: number, country: country)
        }
    }
}

// MARK: Wire

enum KycWire {
    static let tier = Schema.integer(min: 1, max: 2)
    static let side = Schema.enumeration(ImageSide.allCases.map(\.rawValue))
    static let state = Schema.enumeration(KycSubmission.State.allCases.map(\.rawValue))
    static let cause = Schema.enumeration(KycSubmission.Cause.allCases.map(\.rawValue))
    static let kind = Schema.enumeration(IdentityDocument.Kind.allCases.map(\.rawValue))

    static let form = Schema.object(
        .required("kyc_tier", tier, "1: a document; 2: a document and the face."),
        .required("full_name", .string(min: 1, max: 200), "As it stands on the document."),
        .required("birth_date", .string(min: 10, max: 10), "Such as 1990-03-31."),
        .required(
            "document",
            .object(
                .required("kind", kind), .required("number", .string(min: 1, max: 64)),
                .required("country", .string(min: 2, max: 2), "That gave it out: ISO 3166-1."))))

    static let imageKept = Schema.object(
        .required("side", side),
        .required("media_type", .enumeration(["image/jpeg", "image/png"]), "Found in its bytes."))

    static let submission = Schema.named(
        "KycSubmission",
        .object(
            .required("id", .uuid), .required("kyc_tier", tier), .required("state", state),
            .required("submitted_at", .timestamp),
            .required("decided_at", .nullable(.timestamp)),
            .required("cause", .nullable(cause), "Why it was refused."),
            .required("message", .string(), "For its owner: what to do next.")))

    static let status = Schema.object(
        .required("kyc_tier", .integer(min: 0, max: 2)),
        .required("images_waiting", .array(side), "Photographs for the submission to come."),
        .required("submission", .nullable(submission), "The newest one."),
        .required("message", .string(), "What to do next."))

    static func write(_ submission: KycSubmission, _ writer: inout JSONWriter) {
        writer.field("id", submission.id)
        writer.field("kyc_tier", Int64(submission.tier.rawValue))
        writer.field("state", submission.state.rawValue)
        writer.field("submitted_at", submission.submittedAt)
        if let decidedAt = submission.decidedAt {
            writer.field("decided_at", decidedAt)
        } else {
            writer.null("decided_at")
        }
        writer.field("cause", submission.cause?.rawValue)
        writer.field("message", submission.message)
    }

    static func write(_ status: Identity.KycStatus, _ writer: inout JSONWriter) {
        writer.field("kyc_tier", Int64(status.tier.rawValue))
        writer.field("images_waiting", status.imagesWaiting.map(\.rawValue))
        if let submission = status.submission {
            writer.object("submission") { write(submission, &$0) }
        } else {
            writer.null("submission")
        }
        writer.field("message", status.message)
    }
}

extension Identity.KycStatus {
    fileprivate var message: String {
        if let submission, submission.state != .withdrawn { return submission.message }
        return switch tier {
        case .unknown:
            "Photograph a document that says who you are, and your limits rise. Your face beside "
                + "it raises them further."
        case .identified: "Photograph your document and your face, and your limits rise further."
        case .proven: "We know you well; there is nothing to do."
        }
    }
}
