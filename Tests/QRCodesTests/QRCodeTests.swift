import QRCodes
import Testing

@Suite("QR codes")
struct QRCodeTests {
    private static let texts = [
        "A", "OF:D4*80A/EV.1S7RU9U/VIJ00V8H", "otpauth://totp/Florin:amina?secret=MFRGGZDF",
        "ƒ", String(repeating: "OF:0A", count: 200),
    ]

    /// The sizes of the legs of OFP1, by characters and level. (Version 11 at low correction holds
    /// 468 characters, two less than a payment of one hop has.)
    @Test(arguments: [
        (408, QRCode.Correction.low, 11), (485, .low, 12), (408, .medium, 12), (485, .medium, 14),
        (470, .low, 12), (470, .medium, 13), (932, .low, 17), (932, .medium, 20),
        (1394, .low, 22), (1394, .medium, 25), (144, .low, 5), (144, .medium, 6),
        (693, .low, 15), (693, .medium, 17),
    ])
    func alphanumericTextsTakeAsFewModulesAsTheStandardHasThem(
        _ characters: Int, _ correction: QRCode.Correction, _ version: Int
    ) throws {
        let text = "OF:" + String(repeating: "F", count: characters - 3)
        #expect(try QRCode(text, correction).version == version)
    }

    @Test(arguments: [(144, 6), (408, 12), (470, 13), (485, 14), (693, 15), (932, 17), (1394, 22)])
    func screensShowMediumCorrectionUntilModulesGetTooSmall(
        _ characters: Int, _ version: Int
    ) throws {
        let text = "OF:" + String(repeating: "F", count: characters - 3)
        #expect(try QRCode(forScreen: text).version == version)
    }

    @Test func lowerCaseLettersStayWhatTheyAre() throws {
        let upper = try QRCode(String(repeating: "A", count: 300), .low)
        let lower = try QRCode(String(repeating: "a", count: 300), .low)
        #expect(upper.version < lower.version)
    }

    @Test func whatNoCodeHoldsIsRefused() throws {
        #expect(throws: QRCode.TooLong.self) { try QRCode("", .low) }
        // The standard's largest code holds 4,296 characters of this kind, and 2,953 bytes.
        _ = try QRCode(String(repeating: "A", count: 4_296), .low)
        #expect(throws: QRCode.TooLong.self) {
            try QRCode(String(repeating: "A", count: 4_297), .low)
        }
        _ = try QRCode(String(repeating: "a", count: 2_953), .low)
        #expect(throws: QRCode.TooLong.self) {
            try QRCode(String(repeating: "a", count: 2_954), .low)
        }
    }

    @Test(arguments: texts, [true, false])
    func aTerminalShowsEveryModuleAndTheMargin(_ text: String, _ hasColours: Bool) throws {
        let code = try QRCode(forScreen: text)
        let lines = code.terminalLines(hasColours: hasColours)
        let margin = QRCode.quietModules
        #expect(lines.count == (code.sideWithMargin + 1) / 2)
        for (index, line) in lines.enumerated() {
            var line = line
            if hasColours {
                // Black on white, whatever the terminal's own colours are, and theirs afterwards.
                try #require(line.hasPrefix("\u{1B}[38;5;16;48;5;231m"))
                try #require(line.hasSuffix("\u{1B}[0m"))
                line = String(line.dropFirst("\u{1B}[38;5;16;48;5;231m".count).dropLast(4))
            }
            try #require(line.count == code.sideWithMargin)
            for (column, character) in line.enumerated() {
                let inked = [character == "█" || character == "▀", "█▄".contains(character)]
                let dark = (0...1).map {
                    code.isDark(column - margin, 2 * index + $0 - margin)
                }
                #expect(inked.map { $0 == hasColours } == dark)
            }
        }
    }

    @Test(arguments: texts)
    func aDrawingCoversExactlyTheDarkModules(_ text: String) throws {
        let code = try QRCode(forScreen: text)
        let svg = code.svg
        let edge = code.sideWithMargin
        #expect(svg.contains(#"viewBox="0 0 \#(edge) \#(edge)""#))
        let path = try #require(svg.split(separator: "\"").last { $0.hasPrefix("M") })
        var dark: Set<[Int]> = []
        for rectangle in path.split(separator: "z") {
            // M column row h length v1 h-length
            let numbers = rectangle.split { !$0.isNumber }.compactMap { Int($0) }
            try #require(numbers.count == 5)
            for column in numbers[0]..<numbers[0] + numbers[2] {
                dark.insert([column - QRCode.quietModules, numbers[1] - QRCode.quietModules])
            }
        }
        for row in 0..<code.side {
            for column in 0..<code.side {
                #expect(dark.contains([column, row]) == code.isDark(column, row))
            }
        }
    }

    @Test func aPictureIsAPngOfTheSizeThatWasAskedFor() throws {
        let code = try QRCode(forScreen: "OF:A")
        let png = code.png(pixelsPerModule: 3)
        #expect(Array(png.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        let width = png[16..<20].reduce(0) { $0 << 8 | Int($1) }
        #expect(width == 3 * code.sideWithMargin)
    }
}
