#if canImport(Glibc)
    package import Glibc
#endif

/// A new folder of a test's own below `/tmp`.
package struct TestFolder: Sendable {
    package let path: String

    /// - Parameter mode: 0711 lets a server started by root pass through.
    package init(_ name: String = "florin-test", mode: mode_t = 0o711) {
        var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
        let made = unsafe mkdtemp(&template)
        precondition(unsafe made != nil, "tests need a writable /tmp")
        path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
        _ = unsafe chmod(path, mode)
    }

    package func remove() { Self.remove(path) }

    /// Removes a folder with all it holds.
    package static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove(path + "/" + name) }
        }
        _ = unsafe Glibc.remove(path)
    }

    package static func names(in folder: String) -> [String] {
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

    /// Writes a file of this text and gives back its path.
    package func file(_ name: String, _ text: String) -> String {
        let path = path + "/" + name
        let file = unsafe fopen(path, "we")
        precondition(unsafe file != nil, "tests need a writable /tmp")
        let bytes = Array(text.utf8)
        _ = unsafe fwrite(bytes, 1, bytes.count, file)
        unsafe fclose(file)
        return path
    }

    package static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    package static func write(_ text: String, to path: String) {
        guard let file = unsafe fopen(path, "we") else { preconditionFailure("\(path) opens") }
        let bytes = Array(text.utf8)
        let count = unsafe fwrite(bytes, 1, bytes.count, file)
        let isClosed = unsafe fclose(file) == 0
        precondition(count == bytes.count && isClosed, "\(path) takes what is written")
    }

    /// The process whose number is in the folder's `postmaster.pid`.
    package static func serverProcess(in folder: String) -> pid_t? {
        read(folder + "/postgres/postmaster.pid")?.split(separator: "\n").first.flatMap {
            pid_t($0)
        }
    }

    /// Ends the PostgreSQL of a data folder at once, if it really is one.
    package static func endServer(in folder: String, with signal: Int32 = SIGKILL) {
        guard let pid = serverProcess(in: folder),
            read("/proc/\(pid)/cmdline")?.contains(folder + "/postgres") == true
        else { return }
        kill(pid, signal)
    }
}
