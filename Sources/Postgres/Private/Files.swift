#if canImport(Glibc)
    import Glibc
#endif

/// The few things the private server does with files, each saying clearly what failed.
enum Files {
    /// More than any file read here holds.
    static let readBytesMax = 64 * 1024

    static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    static func exists(_ path: String) -> Bool { status(path) != nil }

    /// The absolute path without links, when there is such a thing.
    static func resolved(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// Makes the folder and those above it that are missing.
    static func makeFolder(_ path: String, mode: mode_t) throws(DatabaseError) {
        if exists(path) { return }
        let parent = parent(of: path)
        if parent != path { try makeFolder(parent, mode: mode) }
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
            throw failure("make the folder", path)
        }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func names(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// The text from `offset` on, at most `readBytesMax`; nil when the file cannot be read.
    static func read(_ path: String, from offset: Int = 0) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: readBytesMax)
        let count = unsafe pread(file, &bytes, bytes.count, offset)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Replaces the file in one step that survives a power cut: either text is read, never a part.
    static func write(_ text: String, to path: String) throws(DatabaseError) {
        let temporary = path + ".new"
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("write", temporary) }
        let bytes = Array(text.utf8)
        let isWritten = unsafe Glibc.write(file, bytes, bytes.count) == bytes.count
        guard close(file, synced: isWritten) else { throw failure("write", temporary) }
        try rename(temporary, to: path)
    }

    private static func close(_ file: Int32, synced isWritten: Bool) -> Bool {
        let isSynced = isWritten && fsync(file) == 0
        return Glibc.close(file) == 0 && isSynced
    }

    static func rename(_ path: String, to target: String) throws(DatabaseError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw failure("rename", path) }
        let folder = unsafe open(parent(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        fsync(folder)
        Glibc.close(folder)
    }

    /// Removes a file, or a folder with all it holds; links inside are removed, not followed.
    static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove(path + "/" + name) }
        }
        _ = unsafe Glibc.remove(path)
    }

    static func failure(_ verb: String, _ path: String) -> DatabaseError {
        .configuration("Cannot \(verb) \(path): \(unsafe String(cString: strerror(errno))).")
    }
}

/// A lock that other processes see, and that falls when its last holder ends, however it ends.
final class FileLock: Sendable {
    let descriptor: Int32

    init(_ path: String) throws(DatabaseError) {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Files.failure("open", path) }
    }

    deinit { close(descriptor) }

    /// Whether anybody holds the lock; a file that is not there is held by nobody.
    static func isHeld(_ path: String) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    func tryExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
    func tryShared() -> Bool { flock(descriptor, LOCK_SH | LOCK_NB) == 0 }
    func unlock() { flock(descriptor, LOCK_UN) }
}
