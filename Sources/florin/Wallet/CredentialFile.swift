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

    /// By which the server knows this terminal as one of the person's; it outlives the log-in.
    struct KnownDevice: Sendable, Equatable {
        let server: String
        /// Username, telephone number and e-mail: whatever the person logs in with.
        let names: [String]
        let token: String
    }

    static let bytesMax = 64 * 1024
    /// People who log in on this terminal; the one of longest ago is forgotten first.
    static let devicesMax = 20

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

    private struct Contents {
        var logIn: LogIn?
        var devices: [KnownDevice] = []
    }

    /// Nil when nobody is logged in here.
    func load() throws(WalletFailure) -> LogIn? { try contents().logIn }

    /// The token by which this terminal is known, if that person has logged in here before.
    func device(of name: String, on server: String) throws(WalletFailure) -> String? {
        try contents().devices.first {
            $0.server == server && $0.names.contains(name.lowercased())
        }?.token
    }

    private func contents() throws(WalletFailure) -> Contents {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return Contents() }
            throw failure("cannot be read")
        }
        defer { close(file) }
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0, facts.st_mode & 0o077 == 0 else {
            throw .refused("Others can read \(path); run: chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count >= 0, let contents = Self.parse(Array(bytes.prefix(count))) else {
            throw .refused("\(path) is damaged; remove it and log in again.")
        }
        return contents
    }

    private static func parse(_ bytes: [UInt8]) -> Contents? {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { return nil }
        guard json["access_token"] != nil || json["devices"] != nil else { return nil }
        let devices = (json["devices"]?.array ?? []).compactMap { device -> KnownDevice? in
            guard let server = device["server"]?.string, let token = device["token"]?.string
            else { return nil }
            let names = device["names"]?.array?.compactMap(\.string) ?? []
            return KnownDevice(server: server, names: names, token: token)
        }
        return Contents(logIn: logIn(json), devices: devices)
    }

    private static func logIn(_ json: JSON) -> LogIn? {
        guard let server = json["server"]?.string, let username = json["username"]?.string,
            let access = json["access_token"]?.string, let refresh = json["refresh_token"]?.string
        else { return nil }
        return LogIn(
            server: server, username: username,
            credentials: Credentials(accessToken: access, refreshToken: refresh))
    }

    // MARK: Writing

    func save(_ logIn: LogIn) throws(WalletFailure) {
        var contents = try contents()
        contents.logIn = logIn
        try write(contents)
    }

    /// Keeps what makes this terminal known, in place of what it was known by before.
    func save(_ device: KnownDevice) throws(WalletFailure) {
        var contents = try contents()
        contents.devices.removeAll {
            $0.server == device.server && !Set($0.names).isDisjoint(with: device.names)
        }
        contents.devices.insert(device, at: 0)
        contents.devices = Array(contents.devices.prefix(Self.devicesMax))
        try write(contents)
    }

    /// Forgets the log-in; the terminal stays known.
    func remove() throws(WalletFailure) {
        var contents = try contents()
        contents.logIn = nil
        guard contents.devices.isEmpty else { return try write(contents) }
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw failure("cannot be removed")
        }
    }

    private static func json(_ contents: Contents) -> JSON {
        var json = JSONObject()
        if let logIn = contents.logIn {
            json.append("server", .string(logIn.server))
            json.append("username", .string(logIn.username))
            json.append("access_token", .string(logIn.credentials.accessToken))
            json.append("refresh_token", .string(logIn.credentials.refreshToken))
        }
        let devices = contents.devices.map { device -> JSON in
            [
                "server": .string(device.server), "token": .string(device.token),
                "names": .array(device.names.map { .string($0) }),
            ]
        }
        if !devices.isEmpty { json.append("devices", .array(devices)) }
        return .object(json)
    }

    /// Writes another file and puts it in place, so that no reader ever finds half of it.
    private func write(_ contents: Contents) throws(WalletFailure) {
        try makeFolders()
        let json = Self.json(contents)
        let draft = path + ".\(getpid())"
        unsafe unlink(draft)
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot be written") }
        let bytes = json.encoded() + [0x0A]
        let isWritten =
            unsafe Glibc.write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        close(file)
        guard isWritten, unsafe rename(draft, path) == 0 else {
            unsafe unlink(draft)
            throw failure("cannot be written")
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
        do { return try await FileLock.holding(path + ".lock", body) } catch let failure
            as FileLock.Failure
        {
            throw failure.isTaken
                ? .refused("\(path) is locked by another terminal")
                : self.failure("cannot be locked")
        }
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
