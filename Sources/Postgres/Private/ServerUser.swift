#if canImport(Glibc)
    import Glibc
#endif

/// The account a private server runs under. PostgreSQL refuses to run as root.
struct ServerUser: Equatable {
    let uid: uid_t
    let gid: gid_t

    static var current: ServerUser { ServerUser(uid: geteuid(), gid: getegid()) }
    static var isRoot: Bool { geteuid() == 0 }

    /// The account for a new server whose files are kept in `folder`: oneself, or, when started by
    /// root, whom the folder belongs to, or else the account Debian makes for PostgreSQL.
    static func suitable(for folder: String) throws(DatabaseError) -> ServerUser {
        guard isRoot else { return current }
        if let owner = Files.status(folder).map({ ServerUser(uid: $0.st_uid, gid: $0.st_gid) }),
            owner.uid != 0
        {
            return owner
        }
        for name in ["postgres", "nobody"] {
            if let user = named(name) { return user }
        }
        throw .configuration(
            "PostgreSQL does not run as root, and there is no account to run it under: "
                + "add one with `adduser --system --group postgres`.")
    }

    private static func named(_ name: String) -> ServerUser? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var memory = [CChar](repeating: 0, count: 16 * 1024)
        unsafe getpwnam_r(name, &entry, &memory, memory.count, &found)
        guard unsafe found != nil else { return nil }
        return unsafe ServerUser(uid: entry.pw_uid, gid: entry.pw_gid)
    }

    /// Whether this account may pass through the folder and every one above it.
    func canReach(_ folder: String) -> Bool {
        var folder = folder
        while true {
            guard let status = Files.status(folder), mayEnter(status) else { return false }
            if folder == "/" { return true }
            folder = Files.parent(of: folder)
        }
    }

    private func mayEnter(_ status: stat) -> Bool {
        let bit: mode_t =
            status.st_uid == uid ? S_IXUSR : status.st_gid == gid ? S_IXGRP : S_IXOTH
        return status.st_mode & bit != 0
    }

    func own(_ path: String) throws(DatabaseError) {
        guard unsafe uid == geteuid() || chown(path, uid, gid) == 0 else {
            throw Files.failure("change the owner of", path)
        }
    }
}
