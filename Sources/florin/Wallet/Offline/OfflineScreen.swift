internal import CLinux
internal import Glibc
internal import HTTP
internal import OfflineProtocol
internal import QRCodes

/// Shows an object to the other person's camera: in the terminal, in a file, or as text for whoever
/// cannot scan.
struct OfflineScreen {
    /// A single code of a higher version takes more patience than a row of frames.
    private static let versionMax = 22
    private static let frameMilliseconds: Int32 = 250
    private static let pixelsPerModule = 8
    private static let columnsDefault = 80

    let session: WalletSession
    let text: String
    let frames: [String]

    init(_ object: [UInt8], _ session: WalletSession) {
        self.session = session
        text = String(decoding: CodeText.whole(object), as: UTF8.self)
        frames = CodeText.frames(of: object).map { String(decoding: $0, as: UTF8.self) }
    }

    /// For programs: the text of one code, and those of the frames that say the same.
    var json: [JSONObject.Member] {
        [("text", .string(text)), ("frames", .array(frames.map { .string($0) }))]
    }

    /// Everything that a person sees of it, then waits for them where codes follow each other.
    func show() throws {
        if let path = session.arguments.option("png") { try write(to: path) }
        guard !session.isForPrograms else { return }
        guard isatty(STDOUT_FILENO) == 1 else { return session.terminal.say(text) }
        if let code = try single(), !session.arguments.flag("frames") {
            for line in code.terminalLines(hasColours: true) { session.terminal.say(line) }
            session.terminal.say(session.terminal.faint(text))
        } else {
            try animate(try frames.map(Self.code))
        }
    }

    /// The one code, when it is not too large for a camera, nor for this terminal.
    private func single() throws -> QRCode? {
        let code = try Self.code(text)
        return code.version <= Self.versionMax && code.sideWithMargin <= Self.columns ? code : nil
    }

    /// In files; a row of frames is numbered.
    private func write(to path: String) throws {
        let code = try Self.code(text)
        guard code.version > Self.versionMax || session.arguments.flag("frames") else {
            return try AtomicFile.write(code.png(pixelsPerModule: Self.pixelsPerModule), to: path)
        }
        let name = path.hasSuffix(".png") ? String(path.dropLast(4)) : path
        for (index, frame) in frames.enumerated() {
            let png = try Self.code(frame).png(pixelsPerModule: Self.pixelsPerModule)
            try AtomicFile.write(png, to: "\(name)-\(index + 1).png")
        }
    }

    /// One frame after the other in the same place, until Enter is pressed.
    private func animate(_ codes: [QRCode]) throws {
        guard codes.allSatisfy({ $0.sideWithMargin <= Self.columns }) else {
            let columns = codes.map(\.sideWithMargin).max() ?? 0
            session.terminal.remark(
                "The terminal is too narrow for the code: it takes \(columns) columns.")
            return session.terminal.say(text)
        }
        session.terminal.say("Enter ends it.")
        var index = 0
        while true {
            let lines = codes[index % codes.count].terminalLines(hasColours: true)
            session.terminal.say(lines.joined(separator: "\n"))
            guard session.terminal.isInteractive else { return }
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&waiting, 1, Self.frameMilliseconds) > 0 {
                _ = readLine()
                return
            }
            // Back to where the code began.
            session.terminal.say("\u{1B}[\(lines.count + 1)A")
            index += 1
        }
    }

    private static func code(_ text: String) throws -> QRCode {
        do throws(QRCode.TooLong) { return try QRCode(forScreen: text) } catch {
            throw WalletFailure.refused("No QR code holds as much as this.")
        }
    }

    private static var columns: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return columnsDefault }
        return Int(size.ws_col)
    }
}
