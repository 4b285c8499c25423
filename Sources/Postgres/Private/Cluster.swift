import CPostgres
import Threads

#if canImport(Glibc)
    import Glibc
#endif

/// A folder of PostgreSQL's data and the server that runs on it.
///
/// Its functions block, and expect that no other process starts or stops the same cluster.
final class Cluster {
    /// Recovery after a crash can take this long with a large write-ahead log.
    static let startSecondsMax = 300
    static let stopSecondsMax = 60
    /// How often a server that ends while starting is started again.
    static let startsMax = 3
    static let lookMilliseconds = 5
    /// A longer log is put aside when the server starts; one older log is kept.
    static let logBytesMax = 16 * 1024 * 1024

    let layout: Layout
    private let options: [String]
    private var child: ChildProcess?

    /// - Parameter options: settings for the server beyond those it needs to be private.
    init(layout: Layout, options: [String]) {
        self.layout = layout
        self.options = options
    }

    // MARK: Making

    /// Makes the cluster when there is none. A crash leaves either no cluster or a whole one: it is
    /// built under another name, which the next start removes.
    func makeIfMissing() throws(DatabaseError) {
        guard !Files.exists(layout.cluster) else { return }
        // Above the cluster only the way is needed.
        try Files.makeFolder(layout.base, mode: 0o711)
        Files.remove(layout.unfinishedCluster)
        try layout.makePrivateFolder(layout.unfinishedCluster)
        try initialise(layout.unfinishedCluster)
        try Files.rename(layout.unfinishedCluster, to: layout.cluster)
        if layout.base != layout.dataFolder {
            try Files.write(layout.base + "\n", to: layout.location)
        }
    }

    private func initialise(_ folder: String) throws(DatabaseError) {
        let installation = try Installation.newest()
        let logStart = logLength
        let child = try ChildProcess(
            installation.program("initdb"),
            [
                "-D", folder, "-U", "florin", "--auth=trust", "--encoding=UTF8",
                "--locale=C.UTF-8", "--data-checksums", "--no-instructions",
            ],
            folder: "/", user: layout.user, log: layout.log)
        guard child.wait() == 0 else {
            throw .configuration("PostgreSQL could not make a database: \(logTail(logStart))")
        }
    }

    // MARK: Starting

    /// Starts the server unless one is running already, and waits until it takes connections.
    /// Returns the folder of its socket.
    func start(isCancelled: () -> Bool = { false }) throws(DatabaseError) -> String {
        let deadline = ContinuousClock.now + .seconds(Self.startSecondsMax)
        var starts = 0
        let logStart = logLength
        while ContinuousClock.now < deadline && !isCancelled() {
            switch try look() {
            case .ready(let socketFolder): return socketFolder
            case .busy: pause(milliseconds: Self.lookMilliseconds)
            case .absent:
                guard starts < Self.startsMax else {
                    throw .configuration("PostgreSQL does not start: \(logTail(logStart))")
                }
                try spawn()
                starts += 1
            }
        }
        throw .configuration("PostgreSQL does not answer; see \(layout.log).")
    }

    private enum Sight {
        case ready(socketFolder: String)
        /// A server is on its way up or down.
        case busy
        case absent
    }

    private func look() throws(DatabaseError) -> Sight {
        if let file = runningPostmaster {
            guard file.isReady, let folder = file.socketFolder, answers(folder) else {
                return .busy
            }
            return .ready(socketFolder: folder)
        }
        // A server just started has not written its file; one just killed leaves processes that
        // need a moment to notice. Both hold the lock.
        if let child, child.exitStatus() == nil { return .busy }
        return isLocked ? .busy : .absent
    }

    var runningPostmaster: PostmasterFile? {
        guard let file = PostmasterFile(cluster: layout.cluster),
            file.isAlive(on: layout.cluster)
        else { return nil }
        return file
    }

    /// Whether any process of the cluster's server lives, even one that this process cannot see
    /// because it is in another container.
    private var isLocked: Bool { FileLock.isHeld(layout.runningLock) }

    private func answers(_ socketFolder: String) -> Bool {
        unsafe PQping(Self.connectionString(socketFolder, database: "postgres")) == PQPING_OK
    }

    private func spawn() throws(DatabaseError) {
        let lock = try FileLock(layout.runningLock)
        guard lock.tryExclusive() else { return }
        try PostmasterFile.disown(cluster: layout.cluster)
        let socketFolder = try freshSocketFolder()
        rotateLog()
        child = try ChildProcess(
            installation().program("postgres"), serverArguments(socketFolder),
            folder: layout.cluster, user: layout.user, log: layout.log, kept: lock)
    }

    private func installation() throws(DatabaseError) -> Installation {
        let text = Files.read(layout.cluster + "/PG_VERSION") ?? ""
        let version = text.split(whereSeparator: \.isNewline).first.map(String.init)
        guard let version else {
            throw .configuration("\(layout.cluster) does not hold a PostgreSQL database.")
        }
        return try Installation.forCluster(version: version)
    }

    /// The socket's folder, without what a killed server left in it.
    private func freshSocketFolder() throws(DatabaseError) -> String {
        if let before = PostmasterFile(cluster: layout.cluster)?.socketFolder {
            layout.removeFarSocketFolder(before)
        }
        let folder = try layout.makeSocketFolder()
        Files.remove(folder + "/.s.PGSQL.5432")
        Files.remove(folder + "/.s.PGSQL.5432.lock")
        return folder
    }

    private func serverArguments(_ socketFolder: String) -> [String] {
        let settings = [
            "listen_addresses=", "port=5432",
            "unix_socket_directories=\(Self.quotedForList(socketFolder))",
            "unix_socket_permissions=0700", "logging_collector=off", "log_destination=stderr",
            // Errors of statements are for the program, which knows what may be written down;
            // their details quote rows.
            "log_min_messages=log", "log_error_verbosity=terse", "log_min_error_statement=panic",
            "timezone=UTC", "log_timezone=UTC", "max_connections=100",
        ]
        return ["-D", layout.cluster] + (settings + options).flatMap { ["-c", $0] }
    }

    /// PostgreSQL reads the setting as a list of names.
    private static func quotedForList(_ path: String) -> String {
        "\""
            + path.split(separator: "\"", omittingEmptySubsequences: false).joined(
                separator: "\"\"")
            + "\""
    }

    // MARK: Stopping

    /// Ends the server in order: sessions are ended, everything is written, and nothing is left to
    /// recover.
    func stop() {
        guard let file = runningPostmaster else { return }
        kill(file.pid, SIGINT)
        if !waitUntilGone(seconds: Self.stopSecondsMax) {
            kill(file.pid, SIGQUIT)
            _ = waitUntilGone(seconds: Self.stopSecondsMax)
        }
        if let folder = file.socketFolder { layout.removeFarSocketFolder(folder) }
    }

    private func waitUntilGone(seconds: Int) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            let isReaped = child?.exitStatus() != nil || child == nil
            if isReaped && runningPostmaster == nil && !isLocked { return true }
            pause(milliseconds: Self.lookMilliseconds)
        }
        return false
    }

    // MARK: The log

    private var logLength: Int { Int(Files.status(layout.log)?.st_size ?? 0) }

    private func rotateLog() {
        guard logLength > Self.logBytesMax else { return }
        _ = unsafe rename(layout.log, layout.log + ".1")
    }

    /// What the log has gained, on one line and not too long.
    private func logTail(_ start: Int) -> String {
        let text = Files.read(layout.log, from: start) ?? ""
        let lines = text.split(whereSeparator: \.isNewline).suffix(4).joined(separator: " | ")
        return "\(lines.suffix(600)) (\(layout.log))"
    }

    // MARK: Connecting

    static func connectionString(_ socketFolder: String, database: String) -> String {
        var quoted = ""
        for character in socketFolder {
            if character == "'" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return "host='\(quoted)' port=5432 user=florin dbname=\(database) connect_timeout=5"
    }
}
