import CSodium
package import Values

/// Hashes passwords with Argon2id (RFC 9106) on threads of its own, and checks bcrypt hashes that
/// came from elsewhere.
///
/// One hash takes tens of megabytes and tens of milliseconds on purpose. So the number of threads
/// bounds the memory, the queue before them is bounded too, and whoever comes when it is full is
/// told to come again rather than made to wait.
package struct PasswordHasher: Sendable {
    /// Longer passwords are refused before any work is done for them.
    package static let passwordBytesMax = 1024

    private let memoryBytes: Int
    private let passes: UInt64
    private let pool: HashingPool

    /// - Parameter niceness: 0 to 19; the nicer, the more its threads yield to all others.
    package init(
        memoryKiB: Int, passes: Int, threads: Int, queueMax: Int, niceness: Int32 = 0
    ) {
        precondition(memoryKiB >= 8 && passes >= 1 && threads >= 1 && queueMax >= 0)
        Sodium.start()
        memoryBytes = memoryKiB * 1024
        self.passes = UInt64(passes)
        pool = HashingPool(threads: threads, queueMax: queueMax, niceness: niceness)
    }

    /// The hash in the PHC string format: `$argon2id$v=19$m=…,t=…,p=1$salt$hash`.
    package func hash(_ password: String) async throws -> String {
        guard password.utf8.count <= Self.passwordBytesMax else { throw PasswordTooLong() }
        let (memoryBytes, passes) = (memoryBytes, passes)
        let hash = try await pool.run {
            Self.hash(password, passes: passes, memoryBytes: memoryBytes)
        }
        // Argon2 fails only when it gets no memory.
        guard let hash else { throw Overloaded() }
        return hash
    }

    private static func hash(_ password: String, passes: UInt64, memoryBytes: Int) -> String? {
        var phc = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let status = unsafe crypto_pwhash_str(
            &phc, password, UInt64(password.utf8.count), passes, memoryBytes)
        guard status == 0 else { return nil }
        let text = phc.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether the password is the one that was hashed; false also when the hash is not readable.
    package func verify(_ password: String, against hash: String) async throws -> Bool {
        guard password.utf8.count <= Self.passwordBytesMax else { return false }
        return try await pool.run {
            if let bcrypt = BcryptHash(hash) { return bcrypt.matches(password) }
            return unsafe crypto_pwhash_str_verify(hash, password, UInt64(password.utf8.count)) == 0
        }
    }

    /// Other slow work that belongs to passwords, in the same line.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) async throws -> Result {
        try await pool.run(body)
    }

    /// Whether the hash was made in another way or with other costs than these, so that the next
    /// log-in renews it.
    package func needsRehash(_ hash: String) -> Bool {
        unsafe crypto_pwhash_str_needs_rehash(hash, passes, memoryBytes) != 0
    }

    package struct Overloaded: Refusal {
        package let code = "overloaded"
        package let status = 503
        package let detail = "Too many people are logging in just now; try again in a moment."
        package let facts = [Fact("retry_after", 1)]
    }

    package struct PasswordTooLong: Refusal {
        package let code = "password_too_long"
        package let status = 422
        package let detail = "The password is longer than \(passwordBytesMax) bytes."
        package let facts = [Fact("bytes_max", Int64(passwordBytesMax))]
    }
}
