package import Cryptography
internal import Synchronization
internal import Values

/// Makes and checks access tokens: ES256 JWTs, with the algorithm pinned and keys named by `kid`.
///
/// Keys come and go while the program runs, so they stand behind a lock; a token that was checked
/// lately is found in `SessionCache` and asks nothing here.
package final class TokenMint: Sendable {
    /// Keys of this moment: one signs, and those before it verify until their last token is over.
    struct Keys: Sendable {
        struct Retired: Sendable {
            let key: VerifyingKey
            let verifiesUntil: Timestamp
        }

        let signing: SigningKey
        let retired: [Retired]

        func verifying(at now: Timestamp) -> [VerifyingKey] {
            [signing.verifyingKey] + retired.filter { now < $0.verifiesUntil }.map(\.key)
        }
    }

    private struct State {
        var keys: Keys
        var soughtAt: Timestamp?
        var reads = 0
        var readUsed = 0
    }

    private let state: Mutex<State>
    /// That an access token is good for.
    let seconds: Int64

    static let issuer = "florin"
    static let audience = "florin"
    /// Seconds that an access token is good for, unless the operator says otherwise.
    package static let secondsDefault: Int64 = 900
    package static let secondsMax: Int64 = 6 * 3600
    /// Strangers' tokens name keys that nobody has; so often, at most, one is looked for.
    static let secondsBetweenSearches: Int64 = 1

    init(keys: Keys, seconds: Int64) {
        state = Mutex(State(keys: keys))
        self.seconds = seconds
    }

    /// With one key that was never stored.
    package convenience init(signing: SigningKey, seconds: Int64) {
        self.init(keys: Keys(signing: signing, retired: []), seconds: seconds)
    }

    func mint(
        for session: Session, refreshToken: String, seconds: Int64, at now: Timestamp
    ) -> SessionTokens {
        let claims = JWT.Claims(
            subject: "\(session.user)", session: "\(session.id)", issuedAt: now,
            expiresAt: now.adding(seconds: seconds), issuer: Self.issuer, audience: Self.audience,
            role: session.role.rawValue)
        let signing = state.withLock { $0.keys.signing }
        return SessionTokens(
            accessToken: JWT.sign(claims, with: signing), refreshToken: refreshToken,
            expiresIn: seconds)
    }

    /// What a token turned out to be.
    enum Verified: Sendable {
        case good(JWT.Claims)
        /// Nothing that the keys here have signed; another process may have a newer one.
        case unknownKey
        case refused
    }

    func verify(_ token: String, at now: Timestamp) -> Verified {
        let keys = published(at: now).map { ($0.kid, $0) }
        do {
            return .good(
                try JWT.verify(
                    token, keys: Dictionary(uniqueKeysWithValues: keys), issuer: Self.issuer,
                    audience: Self.audience, now: now))
        } catch .unknownHeader {
            return .unknownKey
        } catch {
            return .refused
        }
    }

    func sign(_ claims: ClientJWT.Claims) -> String {
        ClientJWT.sign(claims, with: state.withLock { $0.keys.signing })
    }

    /// The keys whose tokens are good now; the first one signs.
    func published(at now: Timestamp) -> [VerifyingKey] {
        state.withLock { $0.keys }.verifying(at: now)
    }

    /// Numbers a look at the stored keys before it begins, so that of two at once the one that
    /// began last counts.
    func beginRead() -> Int {
        state.withLock { state in
            state.reads += 1
            return state.reads
        }
    }

    func use(_ keys: Keys, of read: Int) {
        state.withLock { state in
            guard read > state.readUsed else { return }
            (state.keys, state.readUsed) = (keys, read)
        }
    }

    /// Whether the database may be asked for a key that is not known here.
    func maySearch(at now: Timestamp) -> Bool {
        state.withLock { state in
            if let soughtAt = state.soughtAt,
                abs(soughtAt.seconds(until: now)) < Self.secondsBetweenSearches
            {
                return false
            }
            state.soughtAt = now
            return true
        }
    }
}
