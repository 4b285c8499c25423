/// Holds the tokens and renews them, one renewal at a time however many calls need it.
///
/// A refresh token works once, and one that comes twice ends the session. So calls that find the
/// token too old wait for the renewal that is under way, and those that come late find it done.
actor TokenKeeper {
    private(set) var credentials: Credentials?
    private var renewal: Task<Credentials, any Error>?
    private let guarding: CredentialsGuard

    init(_ credentials: Credentials?, guarding: @escaping CredentialsGuard) {
        self.credentials = credentials
        self.guarding = guarding
    }

    func set(_ credentials: Credentials?) {
        self.credentials = credentials
    }

    func renew(
        _ stale: Credentials,
        by refresh: @escaping @Sendable (Credentials) async throws -> Credentials
    ) async throws -> Credentials {
        if let credentials, credentials != stale { return credentials }
        if let renewal { return try await renewal.value }
        // A task of its own, so that a cancelled call does not lose the tokens of the others.
        let task = Task { [guarding] in try await guarding(stale, refresh) }
        renewal = task
        defer { renewal = nil }
        let renewed = try await task.value
        credentials = renewed
        return renewed
    }
}

/// Stands around a renewal: gives back the new credentials, having kept them safe.
///
/// A program that shares its credentials with others (in a file, say) takes its lock here, looks
/// whether another has renewed them already, and stores what `refresh` gives before it returns.
public typealias CredentialsGuard =
    @Sendable (
        _ stale: Credentials, _ refresh: @Sendable (Credentials) async throws -> Credentials
    ) async throws -> Credentials
