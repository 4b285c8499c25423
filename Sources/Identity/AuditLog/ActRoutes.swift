internal import Cryptography
package import HTTP
internal import Values

/// The audit log for auditors, one's own part of it for everybody, and what is signed of it.
package struct ActRoutes: Sendable {
    private let identity: Identity
    private let commitments: ActCommitments

    package init(_ identity: Identity, _ commitments: ActCommitments) {
        self.identity = identity
        self.commitments = commitments
    }

    package var routes: [Route] {
        let session = identity.sessionRoutes
        let auditors = identity.staffViewRoutes([.admin])
        return [
            auditors.route(
                .get, "/v1/audit_acts",
                summary: "What was done, by whom and why, newest first; for auditors and admins.",
                tag: "audit", parameters: Self.filters + [.cursor, .limit],
                returns: .ok(.page(of: ActWire.act)),
                refusals: [Refused(IdentityRejection.cursorInvalid)], handler: search),
            session.route(
                .get, "/v1/me/acts",
                summary: "What one did oneself, and what staff did, newest first.",
                tag: "identity", parameters: [.cursor, .limit],
                returns: .ok(.page(of: ActWire.ownAct)),
                refusals: [Refused(IdentityRejection.cursorInvalid)], handler: mine),
            .open(
                .get, "/v1/act_commitments", summary: "What was signed of each day's acts.",
                tag: "audit", parameters: [.cursor, .limit],
                returns: .ok(.page(of: ActWire.commitment)),
                refusals: [Refused(IdentityRejection.cursorInvalid)], handler: list),
        ]
    }

    private static let filters: [Parameter] = [
        .query("actor", .uuid, "Who did it."), .query("subject", .uuid, "To whom it was done."),
        .query("kind", .string(min: 1, max: 64), "Such as `person_disclosed`."),
        .query("from", .timestamp, "Not before this moment."),
        .query("to", .timestamp, "Before this moment."),
        .query("address", .string(min: 2, max: 64), "The address that it came from, in full."),
        .query("reason", .string(min: 2, max: 100), "Words of the reason, in any case."),
    ]

    // MARK: Handlers

    private func search(_ request: Request, _ viewer: StaffView) async throws -> Response {
        let page = try await identity.acts(
            request.actFilter, before: try request.actCursor, limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { ActWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func mine(_ request: Request, _ session: Session) async throws -> Response {
        let page = try await identity.acts(
            ofOrBy: session.user, before: try request.actCursor, limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { ActWire.write($0, seenBy: session.user, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func list(_ request: Request) async throws -> Response {
        let cursor = request.query("cursor")
        let before = cursor.flatMap { CalendarDay($0)?.daysSince1970 }
        guard cursor == nil || before != nil else { throw IdentityRejection.cursorInvalid }
        let page = try await commitments.page(before: before, limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { ActWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }
}

extension Request {
    fileprivate var actCursor: Int64? {
        get throws(IdentityRejection) {
            guard let text = query("cursor") else { return nil }
            guard let position = Int64(text), position > 0 else { throw .cursorInvalid }
            return position
        }
    }

    fileprivate var actFilter: ActFilter {
        var filter = ActFilter()
        filter.actor = query("actor").flatMap { ID($0) }
        filter.subject = query("subject").flatMap { ID($0) }
        filter.kind = query("kind")
        filter.from = query("from").flatMap { Timestamp($0) }
        filter.to = query("to").flatMap { Timestamp($0) }
        filter.address = query("address")
        filter.reason = query("reason")
        return filter
    }
}

// MARK: ActWire

extension RecordedAct {
    /// Who did it, to the eyes of the person who is concerned: staff act for the operator.
    fileprivate func actor(seenBy user: ID<User>) -> String {
        actor?.id == user ? "you" : actor == nil ? "nobody" : "staff"
    }
}

enum ActWire {
    private static let party = Schema.nullable(
        .object(.required("id", .uuid), .required("username", .string())))

    static let act = Schema.named(
        "Act",
        .object(
            .required("position", .integer(min: 1)), .required("at", .timestamp),
            .required("kind", .string()),
            .required("actor", party, "Null for strangers and the program itself."),
            .required("subject", party, "To whom it was done."),
            .required("reason", .nullable(.string())),
            .required("address", .nullable(.string()), "Null when it is no longer kept."),
            .required("agent", .nullable(.string())),
            .required("before", .any, "What stood there before, where something changed."),
            .required("after", .any)))

    static let ownAct = Schema.named(
        "OwnAct",
        .object(
            .required("position", .integer(min: 1)), .required("at", .timestamp),
            .required("kind", .string()),
            .required("by", .enumeration(["you", "staff", "nobody"])),
            .required("address", .nullable(.string()), "Of one's own acts."),
            .required("agent", .nullable(.string())), .required("before", .any),
            .required("after", .any)))

    static let commitment = Schema.named(
        "ActCommitment",
        .object(
            .required("day", .string(min: 10, max: 10), "Of UTC."),
            .required("last", .integer(), "The last act that is covered."),
            .required("link", .string(min: 64, max: 64), "Its link."),
            .required("previous", .string(min: 64, max: 64), "The SHA-256 of the jws before."),
            .required("jws", .string(max: 2048), "The statement and its signature.")))

    static func write(_ act: RecordedAct, _ writer: inout JSONWriter) {
        writer.field("position", act.position)
        writer.field("at", act.at)
        writer.field("kind", act.kind)
        write(act.actor, "actor", &writer)
        write(act.subject, "subject", &writer)
        writer.field("reason", act.reason)
        writer.field("address", act.address)
        writer.field("agent", act.agent)
        writer.field("before", json(act.before))
        writer.field("after", json(act.after))
    }

    static func write(_ act: RecordedAct, seenBy user: ID<User>, _ writer: inout JSONWriter) {
        let isOwn = act.actor?.id == user
        let isSubject = act.subject == nil || act.subject?.id == user
        writer.field("position", act.position)
        writer.field("at", act.at)
        writer.field("kind", act.kind)
        writer.field("by", act.actor(seenBy: user))
        writer.field("address", isOwn ? act.address : nil)
        writer.field("agent", isOwn ? act.agent : nil)
        // What staff changed of somebody else is not theirs to keep.
        writer.field("before", isSubject ? json(act.before) : .null)
        writer.field("after", isSubject ? json(act.after) : .null)
    }

    static func write(_ commitment: ActCommitment, _ writer: inout JSONWriter) {
        writer.field("day", commitment.dayText)
        writer.field("last", commitment.last)
        writer.field("link", Hex.encode(commitment.link))
        writer.field("previous", Hex.encode(commitment.previous))
        writer.field("jws", commitment.jws)
    }

    private static func write(
        _ party: RecordedAct.Party?, _ name: StaticString, _ writer: inout JSONWriter
    ) {
        guard let party else { return writer.null(name) }
        writer.object(name) {
            $0.field("id", party.id)
            $0.field("username", party.username)
        }
    }

    private static func json(_ text: String?) -> JSON {
        guard let text else { return .null }
        do { return try JSON(parsing: Array(text.utf8)) } catch { return .string(text) }
    }
}
