internal import Glibc
internal import Synchronization

/// A file that a command makes for its person alone, and that is there whole or not at all.
final class PrivateFile: Sendable {
    private struct State {
        var file: Int32
        var bytesWritten: Int64 = 0
        var failure: Int32?
    }

    private let path: String
    private let draft: String
    private let state: Mutex<State>

    /// Refuses to write over what is there.
    init(creating path: String) throws(WalletFailure) {
        self.path = path
        draft = path + ".\(getpid())"
        guard unsafe access(path, F_OK) != 0 else {
            throw .refused("\(path) exists already; choose another name.")
        }
        let file = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure(path, "cannot be written", errno) }
        state = Mutex(State(file: file))
    }

    /// Writes on. What fails is told by `finish`.
    func append(_ bytes: [UInt8]) {
        state.withLock { state in
            var rest = bytes[...]
            while !rest.isEmpty, state.failure == nil {
                let count = unsafe rest.withUnsafeBytes {
                    unsafe write(state.file, $0.baseAddress, $0.count)
                }
                if count < 0, errno != EINTR { state.failure = errno }
                rest = rest.dropFirst(max(0, count))
            }
            state.bytesWritten += Int64(bytes.count)
        }
    }

    /// Puts the file in its place, and answers its length.
    func finish() throws(WalletFailure) -> Int64 {
        let (failure, count) = state.withLock { state in
            if state.failure == nil, fsync(state.file) != 0 { state.failure = errno }
            return (state.failure, state.bytesWritten)
        }
        if let failure { throw Self.failure(path, "cannot be written", failure) }
        // Another file of that name may have come meanwhile: `link` refuses it, `rename` would not.
        guard unsafe link(draft, path) == 0 else {
            throw Self.failure(path, "cannot be written", errno)
        }
        unsafe unlink(draft)
        return count
    }

    /// Leaves nothing behind of what did not become whole.
    func remove() { unsafe unlink(draft) }

    deinit { state.withLock { _ = close($0.file) } }

    static func read(_ path: String, bytesMax: Int) throws(WalletFailure) -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(path, "cannot be read", errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= bytesMax {
            let count = unsafe Glibc.read(file, &piece, piece.count)
            guard count >= 0 else { throw failure(path, "cannot be read", errno) }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
        }
        throw .refused("\(path) has more than \(bytesMax / 1024 / 1024) MiB; send a smaller one.")
    }

    private static func failure(_ path: String, _ what: String, _ number: Int32) -> WalletFailure {
        .refused("\(path) \(what): \(unsafe String(cString: strerror(number)))")
    }
}
