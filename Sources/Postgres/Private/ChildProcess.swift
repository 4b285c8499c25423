import CPostgres

#if canImport(Glibc)
    import Glibc
#endif

/// A program started in its own session, so that Ctrl-C at the terminal does not reach it.
final class ChildProcess {
    let pid: pid_t
    private var status: Int32?

    /// - Parameters:
    ///   - folder: where it runs.
    ///   - log: the file its output is added to.
    ///   - kept: a lock that the program and its children hold for as long as they live.
    init(
        _ program: String, _ arguments: [String], folder: String, user: ServerUser, log: String,
        kept: FileLock? = nil
    ) throws(DatabaseError) {
        // Opened here and not by the program, which may not be allowed to.
        let output = unsafe open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard output >= 0 else { throw Files.failure("write the log", log) }
        defer { close(output) }
        let arguments = unsafe Self.strings([program] + arguments)
        // Nothing of our own environment: PGDATA, LC_ALL and their like would change the server.
        let environment = unsafe Self.strings(["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC"])
        defer {
            unsafe (arguments + environment).forEach { unsafe free($0) }
        }
        pid = unsafe florin_spawn(
            program, arguments, environment, folder, user.uid, user.gid, output,
            kept?.descriptor ?? -1)
        guard pid > 0 else { throw Files.failure("start", program) }
    }

    /// Asks, without waiting. The status is that of `waitpid`, 0 for success.
    func exitStatus() -> Int32? {
        if let status { return status }
        var raw: Int32 = 0
        guard unsafe waitpid(pid, &raw, WNOHANG) != 0 else { return nil }
        status = raw
        return raw
    }

    /// Waits for the end, blocking the thread.
    func wait() -> Int32 {
        if let status { return status }
        var raw: Int32 = 0
        while unsafe waitpid(pid, &raw, 0) < 0 && errno == EINTR {}
        status = raw
        return raw
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }
}
