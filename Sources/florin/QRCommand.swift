internal import Glibc
internal import QRCodes

/// `florin qr`: a text as a QR code in the terminal or in a file, and the text of one in a picture.
enum QRCommand {
    private static let pixelsPerModuleDefault: Int64 = 8

    static func run(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(
            words, .init(options: ["png", "svg", "scale", "read"], words: 0...1))
        if let picture = arguments.option("read") {
            for text in try read(picture) { Program.say(text) }
            return 0
        }
        let code = try code(of: text(arguments.word(0)))
        let scale = try arguments.integer("scale", in: 1...Int64(QRCode.pixelsPerModuleMax))
        if let path = arguments.option("png") {
            let png = code.png(pixelsPerModule: Int(scale ?? pixelsPerModuleDefault))
            try AtomicFile.write(png, to: path)
        }
        if let path = arguments.option("svg") {
            try AtomicFile.write(Array(code.svg.utf8), to: path)
        }
        if arguments.option("png") == nil, arguments.option("svg") == nil {
            // Colours are part of a code, not decoration: NO_COLOR does not mean them.
            let hasColours = isatty(STDOUT_FILENO) == 1
            for line in code.terminalLines(hasColours: hasColours) { Program.say(line) }
        }
        return 0
    }

    /// Without a word on the command line, which other users of the machine could read, the text is
    /// the first line of the input.
    private static func text(_ word: String?) throws(Arguments.Misunderstood) -> String {
        guard let text = word ?? readLine(), !text.isEmpty else {
            throw Arguments.Misunderstood(reason: "which text?")
        }
        return text
    }

    private static func code(of text: String) throws(Arguments.Misunderstood) -> QRCode {
        do throws(QRCode.TooLong) { return try QRCode(forScreen: text) } catch {
            throw Arguments.Misunderstood(reason: "no QR code holds a text as long as this")
        }
    }

    private static func read(_ path: String) throws(UnreadablePicture) -> [String] {
        do throws(QRPicture.Fault) { return try QRPicture.texts(inFileAt: path) } catch {
            throw UnreadablePicture(path: path, fault: error)
        }
    }
}

/// Why no code could be read in a picture, for a person.
struct UnreadablePicture: Error, CustomStringConvertible {
    let path: String
    let fault: QRPicture.Fault

    var description: String {
        switch fault {
        case .unreadable(let errno):
            "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))"
        case .tooLarge: "\(path) is larger than \(QRPicture.fileBytesMax >> 20) MiB"
        case .notAPicture: "\(path) is neither a PNG nor a JPEG picture"
        case .readerMissing: "pictures are read by zbarimg; install Debian's zbar-tools"
        case .tookTooLong: "reading \(path) took too long"
        case .noCode: "there is no QR code in \(path) that can be read"
        }
    }
}
