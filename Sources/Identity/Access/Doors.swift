internal import Cryptography
package import HTTP
internal import Values

/// The doors of the API: each makes routes whose handlers receive the proof of who came in.
///
/// What a door asks for is data on its routes, so the description of the API, `florin routes` and
/// the tests read what is checked here.
extension Identity {
    /// For anyone who is logged in.
    package var sessionRoutes: RouteBuilder<Session> {
        RouteBuilder(
            access: .session, refusals: Self.refused(Self.entering)
        ) { request in
            try await session(of: request)
        }
    }

    /// For who leaves.
    var leaverRoutes: RouteBuilder<Session> {
        RouteBuilder(
            access: .session,
            refusals: Self.refused(Self.entering)
        ) { request in
            try await leaver(request)
        }
    }

    /// For merchants.
    package var merchantRoutes: RouteBuilder<Merchant> {
        RouteBuilder(
            access: .any(of: [.session(Role.merchant.rawValue, Route.Access.Way.verified)]),
            refusals: Self.refused([.sessionInvalid, .forbidden, .phoneNotVerified])
        ) { request in
            try Merchant(await session(of: request))
        }
    }

    /// For those who look after their own money. Auditors look and change nothing.
    ///
    /// - Parameter scope: what a program needs; nil lets in people alone.
    package func callerRoutes(_ scope: Scope?) -> RouteBuilder<Caller> {
        RouteBuilder(
            access: .any(of: [.session()] + Self.ways(scope)),
            refusals: Self.refused(Self.entering + Self.refusals(scope))
        ) { request in
            let caller = try await caller(of: request, scope)
            guard caller.role != .auditor || request.method == .get else {
                throw IdentityRejection.forbidden
            }
            return caller
        }
    }

    /// For those who move their own money.
    ///
    /// - Parameter scope: what a program needs; nil lets in people alone.
    package func payerRoutes(_ scope: Scope?) -> RouteBuilder<Payer> {
        RouteBuilder(
            access: .any(of: [.session(Route.Access.Way.verified)] + Self.ways(scope)),
            refusals: Self.refused(
                Self.entering + [.phoneNotVerified] + Self.refusals(scope))
        ) { request in
            try Payer(await caller(of: request, scope), Presence(request))
        }
    }

    /// For staff of these roles, who act.
    package func staffRoutes(_ roles: Set<StaffRole>) -> RouteBuilder<StaffSession> {
        RouteBuilder(
            access: .any(of: roles.map(\.rawValue).sorted().map { .session($0) }),
            refusals: Self.refused(Self.entering + [.secondFactorRequired([])])
        ) { request in
            try await atWork(request) { session throws(IdentityRejection) in
                try StaffSession(session, oneOf: roles)
            }
        }
    }

    /// For staff of these roles, and for auditors, who look.
    package func staffViewRoutes(_ roles: Set<StaffRole>) -> RouteBuilder<StaffView> {
        RouteBuilder(
            access: .staffView(roles),
            refusals: Self.refused(Self.entering + [.secondFactorRequired([])]), isReadOnly: true
        ) { request in
            try await atWork(request) { session throws(IdentityRejection) in
                try StaffView(session, oneOf: roles)
            }
        }
    }

    // MARK: Steps

    /// What keeps out a person who would be let in otherwise.
    private static let entering: [IdentityRejection] = [
        .sessionInvalid, .forbidden, .staffAddressNotAllowed, .originNotAllowed, .csrfTokenInvalid,
    ]

    private static func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    private static func ways(_ scope: Scope?) -> [Route.Access.Way] {
        guard let scope else { return [] }
        return [SecurityScheme.apiKey, .client].map {
            Route.Access.Way($0, needs: [scope.rawValue])
        }
    }

    private static func refusals(_ scope: Scope?) -> [IdentityRejection] {
        scope.map { [.insufficientScope($0.rawValue), .keyAddressNotAllowed] } ?? []
    }

    /// The person who is logged in.
    package func session(of request: Request) async throws -> Session {
        switch try await caller(of: request) {
        case .person(let session): return session
        case .program: throw IdentityRejection.forbidden
        }
    }

    private func caller(of request: Request, _ scope: Scope?) async throws -> Caller {
        let caller = try await caller(of: request)
        guard case .program(let grant) = caller else { return caller }
        guard let scope else { throw IdentityRejection.forbidden }
        guard grant.scopes.contains(scope) else {
            throw Problem(IdentityRejection.insufficientScope(scope.rawValue)).challenging(
                #"Bearer error="insufficient_scope", scope="\#(scope.rawValue)""#)
        }
        return caller
    }

    private func caller(of request: Request) async throws -> Caller {
        let caller =
            if let token = request.bearerToken {
                try await caller(behind: token)
            } else {
                Caller.person(try await cookieSession(of: request))
            }
        try admit(caller, with: request)
        return caller
    }

    private func caller(behind token: String) async throws -> Caller {
        if token.hasPrefix(KeyText.tag) { return .program(try await grant(of: token)) }
        // Who was here lately is known without taking the token apart.
        if let caller = sessionCache.caller(for: token, at: clock.now) { return caller }
        if ClientJWT.isOne(token) { return .program(try await grant(ofToken: token)) }
        return .person(try await authenticate(token))
    }
}

extension SecurityScheme {
    static let session = SecurityScheme.bearer(
        "session", format: "JWT",
        "The access token of a log-in. Roles stand for themselves; `verified` is who has proven "
            + "the telephone number. A browser may hold the session in a cookie instead, and sends "
            + "X-CSRF-Token with whatever changes something.")

    static let apiKey = SecurityScheme.bearer(
        "api_key", format: "florin_sk_…",
        "A merchant's key for a program, which is let in for the scopes that it was given.")

    static let client = SecurityScheme.clientCredentials(
        "client", tokenPath: OAuthRoutes.tokenPath,
        scopes: Scope.allCases.map { ($0.rawValue, $0.meaning) },
        "A token that a program got for its key, for all of the key's scopes or for some.")
}

extension Route.Access.Way {
    static let verified = "verified"

    static func session(_ needs: String...) -> Route.Access.Way {
        Route.Access.Way(.session, needs: needs)
    }
}

/// What other slices write on doors that they make themselves.
extension Route.Access {
    package static let session = Route.Access.any(of: [.session()])
    package static let verified = Route.Access.any(of: [.session(Way.verified)])

    package static func staffView(_ roles: Set<StaffRole>) -> Route.Access {
        let names = roles.map(\.rawValue).sorted() + [Role.auditor.rawValue]
        return .any(of: names.map { .session($0) })
    }
}
