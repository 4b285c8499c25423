/// What the first bytes of a photograph say of it: its type and its size, whatever it was called.
struct ImageHead: Equatable {
    enum MediaType: String, Sendable {
        case jpeg = "image/jpeg"
        case png = "image/png"
    }

    let mediaType: MediaType
    let width: Int
    let height: Int

    /// Nil when it is neither JPEG nor PNG.
    init?(_ bytes: [UInt8]) {
        guard let head = Self.png(bytes) ?? Self.jpeg(bytes) else { return nil }
        self = head
    }

    private init(_ mediaType: MediaType, width: Int, height: Int) {
        self.mediaType = mediaType
        self.width = width
        self.height = height
    }

    /// PNG (W3C, third edition) §5.2 and §11.2.1: the signature, then a chunk IHDR of 13 bytes that
    /// begins with width and height.
    private static func png(_ bytes: [UInt8]) -> ImageHead? {
        let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
        guard bytes.count >= 33, bytes.starts(with: start),
            bytes[12..<16].elementsEqual("IHDR".utf8)
        else { return nil }
        return ImageHead(
            .png, width: number(bytes[16..<20]), height: number(bytes[20..<24]))
    }

    /// ITU-T T.81 §B.1.1 and §B.2.2: segments, each a marker and a length, until the one that
    /// begins a frame and says how large it is.
    private static func jpeg(_ bytes: [UInt8]) -> ImageHead? {
        guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
        var rest = bytes.dropFirst(2)
        while rest.popFirst() == 0xFF {
            // Any number of bytes 0xFF may fill the space before a marker.
            guard let marker = rest.drop(while: { $0 == 0xFF }).first else { return nil }
            rest = rest.drop { $0 == 0xFF }.dropFirst()
            let length = number(rest.prefix(2))
            guard length >= 2, rest.count >= length else { return nil }
            if isFrame(marker) {
                let segment = rest.prefix(length)
                guard length >= 8 else { return nil }
                return ImageHead(
                    .jpeg, width: number(segment.dropFirst(5).prefix(2)),
                    height: number(segment.dropFirst(3).prefix(2)))
            }
            // The image itself would follow, and no frame was there.
            guard marker != 0xDA else { return nil }
            rest = rest.dropFirst(length)
        }
        return nil
    }

    /// SOF0 to SOF15, without the tables that share their range.
    private static func isFrame(_ marker: UInt8) -> Bool {
        (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
    }

    /// Of at most four bytes, the highest first.
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 << 8 | Int($1) }
    }
}
