internal import FlorinClient
internal import Glibc
internal import HTTP

/// The log-in of this terminal, in a file that only its owner can read.
///
/// Several terminals may use it at once. A refresh token works once, so whoever renews the tokens
/// holds the lock beside the file, and looks first whether another has just renewed them.
struct CredentialFile: Sendable {
    struct LogIn: Sendable, Equatable {
        let server: String
        let username: String
        var credentials: Credentials
    }

    static let bytesMax = 64 * 1024
    private static let lockAttemptsMax = 500
    private static let lockPauseMilliseconds = 20

    let path: String

    init(environment: [String: String]) throws(WalletFailure) {
        if let path = environment["FLORIN_WALLET"], !path.isEmpty {
            self.path = path
        } else if let home = environment["HOME"], !home.isEmpty {
            path = home + "/.config/florin/wallet.json"
        } else {
            throw .refused("Neither FLORIN_WALLET nor HOME says where the log-in is kept.")
        }
    }

    // MARK: Reading

    /// Nil when nobody is logged in here.
    func load() throws(WalletFailure) -> LogIn? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("cannot be read")
        }
        defer { close(file) }
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0, facts.st_mode & 0o077 == 0 else {
            throw .refused("Others can read \(path); run: chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count >= 0, let logIn = Self.parse(Array(bytes.prefix(count))) else {
            throw .refused("\(path) is damaged; log in again.")
        }
        return logIn
    }

    private static func parse(_ bytes: [UInt8]) -> LogIn? {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { return nil }
        guard let server = json["server"]?.string, let username = json["username"]?.string,
            let access = json["access_token"]?.string, let refresh = json["refresh_token"]?.string
        else { return nil }
        return LogIn(
            server: server, username: username,
            credentials: Credentials(accessToken: access, refreshToken: refresh))
    }

    // MARK: Writing

    /// Writes another file and puts it in place, so that no reader ever finds half of it.
    func save(_ logIn: LogIn) throws(WalletFailure) {
        try makeFolders()
        let json: JSON = [
            "server": .string(logIn.server), "username": .string(logIn.username),
            "access_token": .string(logIn.credentials.accessToken),
            "refresh_token": .string(logIn.credentials.refreshToken),
        ]
        let draft = path + ".\(getpid())"
        unsafe unlink(draft)
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot be written") }
        let bytes = json.encoded() + [0x0A]
        let isWritten = unsafe write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        close(file)
        guard isWritten, unsafe rename(draft, path) == 0 else {
            unsafe unlink(draft)
            throw failure("cannot be written")
        }
    }

    func remove() throws(WalletFailure) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw failure("cannot be removed")
        }
    }

    private func makeFolders() throws(WalletFailure) {
        var folder = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw failure("cannot be written")
            }
        }
    }

    private func failure(_ what: String) -> WalletFailure {
        .refused("\(path) \(what): \(unsafe String(cString: strerror(errno)))")
    }

    // MARK: Locking

    /// Runs `body` while no other terminal does.
    func locked<Value>(_ body: () async throws -> Value) async throws -> Value {
        try makeFolders()
        let file = unsafe open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot be locked") }
        // Closing gives the lock back, and so does the end of the program.
        defer { close(file) }
        var attempts = 0
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            attempts += 1
            guard errno == EWOULDBLOCK || errno == EINTR, attempts < Self.lockAttemptsMax else {
                throw failure("is locked by another terminal")
            }
            try await Task.sleep(for: .milliseconds(Self.lockPauseMilliseconds))
        }
        return try await body()
    }
}

extension CredentialFile {
    /// A client that shares its tokens with every terminal of this file.
    func client(server: String, _ logIn: LogIn?) -> WalletClient {
        WalletClient(server: server, credentials: logIn?.credentials) { stale, refresh in
            try await locked {
                if let other = try load(), other.server == server, other.credentials != stale {
                    return other.credentials
                }
                let renewed = try await refresh(stale)
                try save(
                    LogIn(
                        server: server, username: logIn?.username ?? "", credentials: renewed))
                return renewed
            }
        }
    }
}
