package import HTTP
internal import Values

/// Oneself, as far as one says it oneself. Everything else about a person, such as the role or the
/// plan, is no field here, and who sends it is told which.
package struct ProfileRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        [
            identity.sessionRoutes.route(
                .patch, "/v1/me", summary: "Change name, birth date or language; null removes.",
                tag: "identity", body: Self.change, returns: .ok(Wire.user),
                refusals: Wire.refused([
                    .nameInvalid, .birthDateInvalid, .languageInvalid, .identityProven,
                ]), handler: change)
        ]
    }

    private static let change = Schema.object(
        .optional("full_name", .nullable(.string(min: 1, max: FullName.charactersMax))),
        .optional("birth_date", .nullable(.string(min: 10, max: 10)), "Such as 1990-05-17."),
        .optional(
            "language", .nullable(.string(min: 2, max: Language.charactersMax)),
            "A tag of BCP 47, such as sw or pt-BR."))

    private func change(_ request: Request, _ session: Session) async throws -> Response {
        var change = ProfileChange()
        change.fullName = try request.change("full_name", else: .nameInvalid) { FullName($0) }
        change.birthDate = try request.change("birth_date", else: .birthDateInvalid) {
            CalendarDay($0)
        }
        change.language = try request.change("language", else: .languageInvalid) { Language($0) }
        let user = try await identity.change(change, of: session, from: request.origin)
        return .json { Wire.write(user, &$0) }
    }
}

extension Request {
    fileprivate func change<Value>(
        _ name: String, else refusal: IdentityRejection, _ parse: (String) -> Value?
    ) throws(IdentityRejection) -> ProfileChange.Change<Value> {
        guard let json = json.object?[name] else { return .keep }
        guard let text = json.string else { return .set(nil) }
        guard let value = parse(text) else { throw refusal }
        return .set(value)
    }
}
