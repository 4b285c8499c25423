#if canImport(Glibc)
    import Glibc
#endif

/// Where a private server keeps what.
///
/// Everything is in the data folder, unless root started the program and the server's account
/// cannot get there, as below `/root`. Then the cluster is in a folder of its own below
/// `/var/lib/florin`, and the file `postgres.location` in the data folder holds its path.
package struct Layout {
    /// The absolute path of Florin's data folder.
    let dataFolder: String
    /// The folder that holds the cluster and its socket: the data folder or the one elsewhere.
    let base: String
    let user: ServerUser

    package static let elsewhere = "/var/lib/florin"
    /// The bytes of a Unix socket's path: `sun_path` of unix(7), less the closing zero.
    static let socketPathBytesMax = 107

    var cluster: String { base + "/postgres" }
    var unfinishedCluster: String { base + "/postgres.new" }
    var runningLock: String { base + "/postgres.running" }
    var log: String { dataFolder + "/postgres.log" }
    var usersLock: String { dataFolder + "/postgres.users" }
    var startLock: String { dataFolder + "/postgres.lock" }
    var location: String { dataFolder + "/postgres.location" }

    private var nearSocketFolder: String { base + "/postgres.socket" }

    init(dataFolder: String, elsewhere: String = Layout.elsewhere) throws(DatabaseError) {
        // Others may pass through the folder, so that root can hand a part of it to the server;
        // they may not list it, and what is in it guards itself.
        try Files.makeFolder(dataFolder, mode: 0o711)
        guard let folder = Files.resolved(dataFolder) else {
            throw Files.failure("find the folder", dataFolder)
        }
        self.dataFolder = folder
        if let chosen = Files.read(folder + "/postgres.location") {
            base = chosen.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            user = try Self.owner(of: base + "/postgres", namedIn: folder)
            return
        }
        let existing = try Self.userOfExisting(folder + "/postgres")
        let user = if let existing { existing } else { try ServerUser.suitable(for: folder) }
        self.user = user
        base = !ServerUser.isRoot || user.canReach(folder) ? folder : Self.another(elsewhere)
    }

    private static func another(_ elsewhere: String) -> String {
        elsewhere + "/" + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// A cluster that is elsewhere must be there: an empty one in its place would look like a loss
    /// of all data.
    private static func owner(
        of cluster: String, namedIn folder: String
    ) throws(DatabaseError) -> ServerUser {
        guard let user = try userOfExisting(cluster) else {
            throw .configuration(
                "\(folder)/postgres.location says that the database is in \(cluster), "
                    + "and it is not there. Bring it back, or remove that file to start empty.")
        }
        return user
    }

    private static func userOfExisting(_ cluster: String) throws(DatabaseError) -> ServerUser? {
        guard let status = Files.status(cluster) else { return nil }
        let owner = ServerUser(uid: status.st_uid, gid: status.st_gid)
        guard ServerUser.isRoot || owner.uid == geteuid() else {
            throw .configuration(
                "\(cluster) belongs to another account (\(owner.uid)); start Florin as that one.")
        }
        return owner
    }

    /// A private folder for the socket, whose path must be short.
    func makeSocketFolder() throws(DatabaseError) -> String {
        let near = nearSocketFolder
        // libpq takes a comma for the end of one host's name and has no way to quote it.
        if (near + "/.s.PGSQL.5432").utf8.count <= Self.socketPathBytesMax, !near.contains(",") {
            try makePrivateFolder(near)
            return near
        }
        var template = Array("\(Self.farSocketPrefix)XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw Files.failure("make", "\(Self.farSocketPrefix)…")
        }
        let far = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
        try user.own(far)
        return far
    }

    /// Removes the socket's folder when it is one of those made elsewhere.
    func removeFarSocketFolder(_ path: String) {
        guard path != nearSocketFolder, path.hasPrefix(Self.farSocketPrefix) else { return }
        Files.remove(path)
    }

    static let farSocketPrefix = "/tmp/florin-socket-"

    /// A folder only the server's account can look into.
    func makePrivateFolder(_ path: String) throws(DatabaseError) {
        try Files.makeFolder(path, mode: 0o700)
        try user.own(path)
        guard unsafe chmod(path, 0o700) == 0 else { throw Files.failure("protect", path) }
    }
}
