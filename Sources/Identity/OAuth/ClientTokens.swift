internal import Cryptography
internal import HTTP
internal import Postgres
internal import Values

/// What bounds the tokens of programs.
enum ClientTokenRules {
    /// Short, as RFC 9068 and common sense have it: a program asks again by itself.
    static let secondsMax: Int64 = 600
    /// Told apart from `TokenMint.audience`, which is that of people.
    static let audience = "florin-programs"
}

/// What the token endpoint gives.
struct ClientToken: Sendable {
    let text: String
    let scopes: [Scope]
    let seconds: Int64
}

extension Identity {
    /// Where this server is reached, which names it to programs.
    var oauthIssuer: String { relyingParty.origins[0] }

    /// A token for a program that shows a key; it lets in for no more than the key does.
    ///
    /// - Parameter scope: names with spaces between them; nil for all that the key has.
    func clientToken(
        _ credentials: ClientCredentials, scope: String?, with request: Request
    ) async throws -> ClientToken {
        let grant = try await grant(of: credentials)
        guard grant.allows(request.address) else {
            throw OAuthError.clientInvalid(isInHeader: credentials.isInHeader)
        }
        try request.admit(.key(grant.key))
        let scopes = try Self.scopes(scope, of: grant)
        let now = clock.now
        // A key that is retired verifies for as long as a session's token is good.
        let seconds = min(ClientTokenRules.secondsMax, tokens.seconds)
        let claims = ClientJWT.Claims(
            id: "\(ID<ClientToken>.make(at: now))", client: "\(grant.key)", secret: grant.hint,
            scopes: scopes.map(\.rawValue), issuedAt: now,
            expiresAt: now.adding(seconds: seconds), issuer: oauthIssuer,
            audience: ClientTokenRules.audience)
        try await database.transaction { transaction in
            try audit.record(
                Act(
                    .clientTokenGiven, by: grant.merchant, of: grant.merchant, from: request.origin,
                    after: Self.description(claims)), in: transaction)
        }
        return ClientToken(
            text: tokens.sign(claims), scopes: scopes, seconds: seconds)
    }

    /// What the token of a program lets it do: no more than it was given for, no more than its key
    /// is good for now, and nothing once the key or the secret that it was given for has ended.
    func grant(ofToken token: String) async throws -> Grant {
        let now = clock.now
        if case .program(let grant)? = sessionCache.caller(for: token, at: now) { return grant }
        guard let claims = try await clientClaims(of: token, at: now),
            let key = ID<MerchantKey>(claims.client)
        else { throw Self.tokenInvalid }
        let scopes = Set(claims.scopes.compactMap { Scope(rawValue: $0) })
        do {
            return try await lookUp(
                token, where: "k.id = \(key) AND s.hint = \(claims.secret)",
                only: scopes, until: claims.expiresAt)
        } catch IdentityRejection.sessionInvalid {
            throw Self.tokenInvalid
        }
    }

    // MARK: Steps

    private func grant(of credentials: ClientCredentials) async throws -> Grant {
        do {
            let grant = try await grant(of: credentials.secret)
            guard "\(grant.key)" == credentials.client.lowercased() else {
                throw IdentityRejection.sessionInvalid
            }
            return grant
        } catch IdentityRejection.sessionInvalid {
            throw OAuthError.clientInvalid(isInHeader: credentials.isInHeader)
        }
    }

    /// What the token says, when it is good; another process may have signed it with a newer key.
    private func clientClaims(
        of token: String, at now: Timestamp
    ) async throws -> ClientJWT.Claims? {
        do throws(JWTError) {
            return try verify(token, at: now)
        } catch {
            guard error == .unknownHeader, tokens.maySearch(at: now) else { return nil }
        }
        try await readSigningKeys()
        do throws(JWTError) { return try verify(token, at: now) } catch { return nil }
    }

    private func verify(
        _ token: String, at now: Timestamp
    ) throws(JWTError) -> ClientJWT.Claims {
        let keys = tokens.published(at: now).map { ($0.kid, $0) }
        return try ClientJWT.verify(
            token, keys: Dictionary(uniqueKeysWithValues: keys), issuer: oauthIssuer,
            audience: ClientTokenRules.audience, now: now)
    }

    private static func scopes(
        _ text: String?, of grant: Grant
    ) throws(OAuthError) -> [Scope] {
        var chosen = grant.scopes
        if let text, !text.isEmpty {
            chosen = []
            for name in text.split(separator: " ", omittingEmptySubsequences: false) {
                guard let scope = Scope(rawValue: String(name)), grant.scopes.contains(scope)
                else { throw .scopeInvalid }
                chosen.insert(scope)
            }
        }
        return Scope.allCases.filter { chosen.contains($0) }
    }

    /// For the log of acts.
    private static func description(_ claims: ClientJWT.Claims) -> String {
        var writer = JSONWriter()
        writer.object { token in
            token.field("id", claims.id)
            token.field("key", claims.client)
            token.field("hint", claims.secret)
            token.field("scopes", claims.scopes)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// RFC 6750 §3.1.
    private static let tokenInvalid = Problem(IdentityRejection.sessionInvalid).challenging(
        #"Bearer error="invalid_token""#)
}

extension Act.Kind {
    static let clientTokenGiven = Act.Kind("client_token_given")
}
