package import Glibc

/// A file system in memory that is soon full. Only root may mount one.
package final class SmallDisk: Sendable {
    package let folder: TestFolder

    /// Whether this process may mount at all; found out by doing so.
    package static let isPermitted: Bool = {
        guard geteuid() == 0 else { return false }
        let folder = TestFolder("florin-mount")
        defer { folder.remove() }
        guard mount(folder.path, "size=64k") else { return false }
        return unsafe umount2(folder.path, Int32(MNT_DETACH)) == 0
    }()

    /// - Parameters:
    ///   - owner: who may use it; a tablespace belongs to the server's account.
    ///   - mode: as for `chmod`.
    package init(bytes: Int, owner: (user: uid_t, group: gid_t) = (0, 0), mode: Int = 0o711) {
        folder = TestFolder("florin-disk")
        let options =
            "size=\(bytes),uid=\(owner.user),gid=\(owner.group),mode=\(String(mode, radix: 8))"
        precondition(Self.mount(folder.path, options), "a small disk cannot be mounted")
    }

    deinit { end() }

    /// Takes it away with all that is on it.
    package func end() {
        _ = unsafe umount2(folder.path, Int32(MNT_DETACH))
        folder.remove()
    }

    private static func mount(_ path: String, _ options: String) -> Bool {
        unsafe Glibc.mount("florin-tests", path, "tmpfs", 0, options) == 0
    }

    // MARK: Room

    private var ballast: String { folder.path + "/ballast" }

    /// Takes all the room that is left but for so many bytes.
    package func fill(leaving bytes: Int = 0) {
        guard let file = unsafe fopen(ballast, "we") else { return }
        unsafe setvbuf(file, nil, Int32(_IONBF), 0)
        let block = [UInt8](repeating: 0, count: 4096)
        while unsafe fwrite(block, block.count, 1, file) == 1 {}
        unsafe fclose(file)
        guard bytes > 0 else { return }
        var status = stat()
        unsafe stat(ballast, &status)
        unsafe truncate(ballast, max(0, status.st_size - bytes))
    }

    package func makeRoom() { _ = unsafe unlink(ballast) }

    /// Who a file or folder belongs to.
    package static func owner(of path: String) -> (user: uid_t, group: gid_t) {
        var status = stat()
        unsafe stat(path, &status)
        return (status.st_uid, status.st_gid)
    }
}
