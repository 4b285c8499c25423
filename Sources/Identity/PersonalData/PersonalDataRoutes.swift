package import HTTP
internal import Values

/// What a person may do about what is kept of them: take a copy, and be forgotten.
package struct PersonalDataRoutes: Sendable {
    private let identity: Identity
    private let export: PersonalExport
    private let erasures: Erasures

    package init(_ identity: Identity, _ export: PersonalExport, _ erasures: Erasures) {
        self.identity = identity
        self.export = export
        self.erasures = erasures
    }

    package var routes: [Route] {
        let session = identity.sessionRoutes
        return [
            session.route(
                .post, "/v1/me/exports",
                summary: "Take a copy of everything that is kept of oneself; a few times a day.",
                tag: "identity", parameters: [.pin], body: .object(.stepUpPassword),
                returns: .ok(Self.copy), refusals: Wire.refused(Identity.stepUpRejections),
                handler: copy),
            session.route(
                .post, "/v1/me/erasures",
                summary: "Ask to be erased, after some days to think.", tag: "identity",
                parameters: [.pin], body: .object(.stepUpPassword),
                returns: .created(Self.erasure),
                refusals: Wire.refused(
                    [.erasureBlocked([]), .erasureExists] + Identity.stepUpRejections),
                handler: ask),
            session.route(
                .get, "/v1/me/erasures/current", summary: "When one will be erased.",
                tag: "identity", returns: .ok(Self.erasure),
                refusals: Wire.refused([.erasureNotFound]), handler: show),
            session.route(
                .delete, "/v1/me/erasures/current", summary: "Stay after all.",
                tag: "identity", returns: .noContent("Nothing will be erased."),
                refusals: Wire.refused([.erasureNotFound]), handler: cancel),
        ]
    }

    private static let copy = Schema.named(
        "PersonalExport",
        .object(
            [
                .required("format", .enumeration([ExportRules.format])),
                .required("exported_at", .timestamp), .required("person", Wire.user),
            ], additional: true))

    private static let erasure = Schema.named(
        "Erasure",
        .object(
            .required("id", .uuid), .required("asked_at", .timestamp),
            .required("due_at", .timestamp, "Until then it can be cancelled."),
            .required(
                "blocked_at", .nullable(.timestamp), "When something stood in the way last.")))

    private func copy(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.requireStepUp(
            of: session, Presence(request), password: request.stepUpPassword)
        try await export.begin(for: session, from: request.origin)
        let disposition = ("Content-Disposition", #"attachment; filename="florin-export.json""#)
        return .produced(as: "application/json", headers: [disposition]) { body in
            try await export.write(of: session.user, to: body)
        }
    }

    private func ask(_ request: Request, _ session: Session) async throws -> Response {
        try await identity.requireStepUp(
            of: session, Presence(request), password: request.stepUpPassword)
        let erasure = try await erasures.ask(session, from: request.origin)
        return .json(201) { Self.write(erasure, &$0) }
    }

    private func show(_ request: Request, _ session: Session) async throws -> Response {
        let erasure = try await erasures.waiting(of: session)
        return .json { Self.write(erasure, &$0) }
    }

    private func cancel(_ request: Request, _ session: Session) async throws -> Response {
        try await erasures.cancel(session, from: request.origin)
        return .empty()
    }

    private static func write(_ erasure: Erasure, _ writer: inout JSONWriter) {
        writer.field("id", erasure.id)
        writer.field("asked_at", erasure.askedAt)
        writer.field("due_at", erasure.dueAt)
        writer.field("blocked_at", moment: erasure.blockedAt)
    }
}
