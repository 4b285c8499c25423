#if canImport(Glibc)
    import Glibc
#endif

/// What `postmaster.pid` in a cluster's folder says, in the lines that PostgreSQL's
/// `src/include/utils/pidfile.h` describes.
struct PostmasterFile {
    let pid: pid_t
    let socketFolder: String?
    let isReady: Bool

    static func path(in cluster: String) -> String { cluster + "/postmaster.pid" }

    init?(cluster: String) {
        guard let text = Files.read(Self.path(in: cluster)) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let pid = pid_t(lines[0]), pid > 0 else { return nil }
        self.pid = pid
        socketFolder = lines.count > 4 && !lines[4].isEmpty ? String(lines[4]) : nil
        isReady = lines.count > 7 && lines[7].hasPrefix("ready")
    }

    /// Whether the process of that number is a PostgreSQL on this cluster, and not one of the many
    /// that may have been given the number since.
    func isAlive(on cluster: String) -> Bool {
        guard let owner = Files.status(cluster)?.st_uid,
            Files.status("/proc/\(pid)")?.st_uid == owner,
            let commandLine = Files.read("/proc/\(pid)/cmdline")
        else { return false }
        let arguments = commandLine.split(separator: "\0").map(String.init)
        guard let program = arguments.first?.split(separator: "/").last,
            program == "postgres" || program == "postmaster"
        else { return false }
        return zip(arguments, arguments.dropFirst()).contains { $0 == "-D" && $1 == cluster }
            || Files.resolved("/proc/\(pid)/cwd") == cluster
    }
}

extension PostmasterFile {
    /// No process is ever given the number that `pid_max` itself is.
    private static var pidOfNobody: String {
        let text = Files.read("/proc/sys/kernel/pid_max") ?? ""
        return String(text.prefix { $0.isNumber })
    }

    /// Frees a cluster whose file names a process that is alive and something else.
    ///
    /// PostgreSQL would take that process for its predecessor and refuse to start. The file is not
    /// removed but made to name nobody: its other lines let PostgreSQL check that no process of the
    /// old server still holds the shared memory.
    static func disown(cluster: String) throws(DatabaseError) {
        let path = path(in: cluster)
        guard let text = Files.read(path), let end = text.firstIndex(of: "\n") else {
            Files.remove(path)
            return
        }
        let file = unsafe open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard file >= 0 else { throw Files.failure("write", path) }
        let bytes = Array((pidOfNobody + text[end...]).utf8)
        unsafe write(file, bytes, bytes.count)
        close(file)
    }
}
