package import HTTP
internal import Values

/// Prefixes to which no codes are sent: what staff see of them and do about them.
package struct CodeStopRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        [
            identity.staffViewRoutes([.support, .admin]).route(
                .get, "/v1/staff/code_stops",
                summary: "Prefixes whose codes went unanswered and were stopped, the newest first.",
                tag: "staff",
                returns: .ok(.object(.required("data", .array(CodeStopWire.stop)))), handler: list),
            identity.staffRoutes([.admin]).route(
                .post, "/v1/staff/code_stops/{id}/lifts",
                summary: "Send codes to the prefix again.", tag: "staff",
                parameters: [.path("id", .uuid)], body: .object(.required("reason", .reason)),
                returns: .created(CodeStopWire.stop),
                refusals: [Refused(IdentityRejection.codeStopNotFound)], handler: lift),
        ]
    }

    private func list(_ request: Request, _ staff: StaffView) async throws -> Response {
        let stops = try await identity.codeStops(seenBy: staff)
        return .json { body in
            body.objects("data", stops) { CodeStopWire.write($0, &$1) }
        }
    }

    private func lift(_ request: Request, _ staff: StaffSession) async throws -> Response {
        guard let id = ID<CodeStop>(request.parameter("id")) else {
            throw IdentityRejection.codeStopNotFound
        }
        let stop = try await identity.liftCodeStop(
            id, reason: request.text("reason"), by: staff, from: request.origin)
        return .json(201) { CodeStopWire.write(stop, &$0) }
    }
}

// MARK: Wire

private enum CodeStopWire {
    static let stop = Schema.named(
        "CodeStop",
        .object(
            .required("id", .uuid), .required("prefix", .string()),
            .required("started_at", .timestamp), .required("ends_at", .timestamp),
            .required("sent", .integer(min: 0)), .required("answered", .integer(min: 0)),
            .required("lifted_at", .nullable(.timestamp))))

    static func write(_ stop: CodeStop, _ writer: inout JSONObjectWriter) {
        writer.field("id", stop.id)
        writer.field("prefix", stop.prefix)
        writer.field("started_at", stop.startedAt)
        writer.field("ends_at", stop.endsAt)
        writer.field("sent", stop.sent)
        writer.field("answered", stop.answered)
        writer.field("lifted_at", stop.liftedAt.map { "\($0)" })
    }
}
