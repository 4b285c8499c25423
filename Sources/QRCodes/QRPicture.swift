import Glibc

/// Reads the codes in a picture, with the program `zbarimg` of Debian's zbar-tools.
///
/// A picture may come from a stranger, and decoders of pictures have had many faults. So it is
/// decoded by a process that holds no key, in a kind that this one has told from its first bytes,
/// from standard input, so that no name of a file means anything to it, and with limits.
package enum QRPicture {
    package enum Fault: Error, Equatable {
        case unreadable(errno: Int32)
        case tooLarge
        /// Neither PNG nor JPEG.
        case notAPicture
        /// The program that reads codes is not installed.
        case readerMissing
        case tookTooLong
        case noCode
    }

    /// A telephone's camera writes about a tenth of it.
    package static let fileBytesMax: Int64 = 64 << 20
    private static let secondsMax: Int32 = 30
    private static let textBytesMax = 64 * 1024

    private static let reader = "zbarimg"
    private static let options = ["--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable"]
    private static let limits = [
        "MAGICK_MEMORY_LIMIT=512MiB", "MAGICK_MAP_LIMIT=0", "MAGICK_DISK_LIMIT=0",
        "MAGICK_AREA_LIMIT=128MP", "MAGICK_WIDTH_LIMIT=16KP", "MAGICK_HEIGHT_LIMIT=16KP",
        "MAGICK_TIME_LIMIT=30",
    ]

    /// The text of each code in it, at least one.
    package static func texts(inFileAt path: String) throws(Fault) -> [String] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(errno: errno) }
        defer { close(file) }
        let kind = try kind(of: file)
        let (child, output) = try start(kind, reading: file)
        let text = collect(output)
        close(output)
        if text == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard let text else { throw .tookTooLong }
        let texts = text.split(separator: UInt8(ascii: "\n")).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard !texts.isEmpty else { throw .noCode }
        return texts
    }

    private static func kind(of file: Int32) throws(Fault) -> String {
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else { throw .unreadable(errno: errno) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw .notAPicture }
        guard Int64(facts.st_size) <= fileBytesMax else { throw .tooLarge }
        var head = [UInt8](repeating: 0, count: 8)
        let count = unsafe pread(file, &head, head.count, 0)
        guard count >= 0 else { throw .unreadable(errno: errno) }
        if head == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] { return "png" }
        guard head.starts(with: [0xFF, 0xD8, 0xFF]) else { throw .notAPicture }
        return "jpeg"
    }

    // MARK: The other process

    /// - Returns: the process, and where it writes what it reads.
    private static func start(
        _ kind: String, reading file: Int32
    ) throws(Fault) -> (child: pid_t, output: Int32) {
        var pipe: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&pipe) == 0 else { throw .unreadable(errno: errno) }
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(pipe[1]) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, file, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addopen(
            &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var child: pid_t = 0
        let path = unsafe getenv("PATH").map { unsafe "PATH=" + String(cString: $0) }
        let failure = unsafe withStrings([reader] + options + [kind + ":-"]) { words in
            unsafe withStrings(limits + [path].compactMap(\.self)) { environment in
                unsafe posix_spawnp(&child, reader, &actions, nil, words, environment)
            }
        }
        guard failure == 0 else {
            close(pipe[0])
            throw failure == ENOENT ? .readerMissing : .unreadable(errno: failure)
        }
        return (child, pipe[0])
    }

    /// What it says until it ends; nil when it says too much or takes too long.
    private static func collect(_ output: Int32) -> [UInt8]? {
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        let end = time(nil) + time_t(secondsMax)
        while true {
            let left = end - time(nil)
            guard left > 0, text.count <= textBytesMax else { return nil }
            var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, Int32(left) * 1000) > 0 || errno == EINTR
            else { return nil }
            guard waiting.revents != 0 else { continue }
            let count = unsafe read(output, &piece, piece.count)
            if count == 0 { return text }
            if count > 0 { text += piece.prefix(count) }
        }
    }

    /// C's list of strings, which ends with a null pointer.
    @unsafe private static func withStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe body(copies)
    }
}
