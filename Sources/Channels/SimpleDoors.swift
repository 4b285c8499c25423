internal import HTTP
internal import Identity

/// Who comes in on this surface. Where it is open, nobody need send a token, and the context is
/// then nil; where it is not, the doors are those of everybody else.
struct SimpleDoors: Sendable {
    let looking: RouteBuilder<Session?>
    let paying: RouteBuilder<Session?>
    let reporting: RouteBuilder<StaffView?>

    private static let refusals = [
        Refused(IdentityRejection.sessionInvalid), Refused(IdentityRejection.forbidden),
    ]

    init(_ simple: SimpleTransfers) {
        let identity = simple.identity
        let isOpen = simple.terms.access == .open
        looking = RouteBuilder(
            access: isOpen ? .open : .session, refusals: Self.refusals
        ) { request in
            if isOpen, request.bearerToken == nil { return nil }
            return try await identity.session(of: request)
        }
        paying = RouteBuilder(
            access: isOpen ? .open : .verified,
            refusals: Self.refusals + [Refused(IdentityRejection.phoneNotVerified)]
        ) { request in
            if isOpen, request.bearerToken == nil { return nil }
            let session = try await identity.session(of: request)
            _ = try Payer(session, Presence(request))
            return session
        }
        let staff: Set<StaffRole> = [.support, .finance, .admin]
        reporting = RouteBuilder(
            access: isOpen ? .open : .staffView(staff),
            refusals: Self.refusals + [Refused(IdentityRejection.secondFactorRequired([]))],
            isReadOnly: true
        ) { request in
            if isOpen { return nil }
            return try await identity.atWork(request) { session throws(IdentityRejection) in
                try StaffView(session, oneOf: staff)
            }
        }
    }
}
