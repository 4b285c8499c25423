internal import Cryptography
internal import Synchronization

/// The hash of a password that nobody has, made once with the parameters of real ones.
final class DecoyHash: Sendable {
    private let made = Mutex<String?>(nil)

    func hash(by make: (String) async throws -> String) async throws -> String {
        if let hash = made.withLock({ $0 }) { return hash }
        let hash = try await make(SecureRandom.token())
        made.withLock { $0 = hash }
        return hash
    }
}
