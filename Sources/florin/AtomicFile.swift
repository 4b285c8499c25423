internal import Glibc

/// Puts bytes in the place of a file so that, whatever happens, the file is there as before or as
/// it is to be, and is still so after the power has failed.
enum AtomicFile {
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let errno: Int32

        var description: String {
            "\(path) cannot be written: \(unsafe String(cString: strerror(errno)))"
        }
    }

    /// Only its owner may read it.
    private static let mode: mode_t = 0o600

    static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let draft = path + ".\(getpid())"
        unsafe unlink(draft)
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw Failure(path: path, errno: errno) }
        let isWritten = writeAll(bytes, to: file) && fsync(file) == 0
        let cause = errno
        close(file)
        guard isWritten, unsafe rename(draft, path) == 0 else {
            unsafe unlink(draft)
            throw Failure(path: path, errno: isWritten ? errno : cause)
        }
        try flushFolder(of: path)
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }

    /// The name of a file is kept by its folder, which is flushed like the file.
    private static func flushFolder(of path: String) throws(Failure) {
        let name = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : path[..<$0] } ?? "."
        let folder = unsafe open(String(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Failure(path: path, errno: errno) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw Failure(path: path, errno: errno) }
    }
}
