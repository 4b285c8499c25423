internal import Glibc

/// A lock that one process at a time has, by a file that says nothing else.
enum FileLock {
    private static let attemptsMax = 500
    private static let pauseMilliseconds = 20

    struct Failure: Error {
        let errno: Int32

        /// Whether another process has had it all the time.
        var isTaken: Bool { errno == EWOULDBLOCK }
    }

    /// Runs `body` while no other process does, after waiting a few seconds at most.
    static func holding<Value>(_ path: String, _ body: () async throws -> Value) async throws
        -> Value
    {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure(errno: errno) }
        // Closing gives the lock back, and so does the end of the program.
        defer { close(file) }
        var attempts = 0
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            attempts += 1
            guard errno == EWOULDBLOCK || errno == EINTR, attempts < attemptsMax else {
                throw Failure(errno: errno)
            }
            try await Task.sleep(for: .milliseconds(pauseMilliseconds))
        }
        return try await body()
    }
}
