/// One file as it is sent, with its compressed forms, all held in memory for as long as it serves.
final class StaticFile: Sendable {
    enum Coding: String, CaseIterable {
        // In order of preference.
        case brotli = "br"
        case gzip = "gzip"
        case identity = "identity"
    }

    /// The bytes of one coding. The memory never moves, so that connections may send from it.
    struct Variant: Sendable {
        let coding: Coding
        let bytes: ImmutableBytes
        let entityTag: String
    }

    let mediaType: String
    let cacheControl: String
    /// Non-empty, the plain form last.
    let variants: [Variant]
    let isPage: Bool

    init(name: String, bytes: [UInt8]) {
        let type = FileType(name: name)
        let hash = ContentHash.hexadecimal(of: bytes)
        mediaType = type.mediaType
        isPage = type.mediaType.hasPrefix("text/html")
        cacheControl = FileName.isFingerprinted(name) ? Self.forever : Self.revalidate
        let plain = Variant(
            coding: .identity, bytes: ImmutableBytes(bytes), entityTag: "\"\(hash)\"")
        let compressed = type.isCompressible ? Self.compressed(bytes, hash) : []
        variants = compressed + [plain]
    }

    static let forever = "public, max-age=31536000, immutable"
    static let revalidate = "no-cache"

    private static func compressed(_ bytes: [UInt8], _ hash: String) -> [Variant] {
        [(Coding.brotli, Compression.brotli(bytes)), (.gzip, Compression.gzip(bytes))]
            .compactMap { coding, compressed in
                guard let compressed, compressed.count < bytes.count else { return nil }
                return Variant(
                    coding: coding, bytes: ImmutableBytes(compressed),
                    entityTag: "\"\(hash)-\(coding.rawValue)\"")
            }
    }

    func variant(accepting acceptEncoding: String?) -> Variant {
        variants.first { AcceptEncoding.allows(acceptEncoding, $0.coding) } ?? variants.last!
    }
}

/// Bytes at an address that stays, for as long as someone holds this.
///
/// `@unchecked` because of the pointer: it is written once, in `init`, before anyone else sees it.
@safe final class ImmutableBytes: @unchecked Sendable {
    let pointer: UnsafeMutableRawBufferPointer
    var count: Int { unsafe pointer.count }

    init(_ bytes: [UInt8]) {
        unsafe pointer = .allocate(byteCount: bytes.count, alignment: 1)
        unsafe pointer.copyBytes(from: bytes)
    }

    deinit { unsafe pointer.deallocate() }
}

/// What `Accept-Encoding` says of one coding (RFC 9110 §12.5.3).
enum AcceptEncoding {
    static func allows(_ field: String?, _ coding: StaticFile.Coding) -> Bool {
        if coding == .identity { return true }
        guard let field else { return false }
        var allowsAny = false
        for part in field.split(separator: ",") {
            let words = part.split(separator: ";").map { ASCII.trimmed($0) }
            guard let name = words.first else { continue }
            let isRefused = words.dropFirst().contains(where: MediaType.isZeroQuality)
            if ASCII.equalsIgnoringCase(name, coding.rawValue) { return !isRefused }
            if name == "*" { allowsAny = !isRefused }
        }
        return allowsAny
    }
}

/// 128 bits of FNV-1a (Fowler, Noll and Vo): tells contents apart, and promises nothing to anyone
/// who would collide them on purpose, since only the operator chooses these files.
enum ContentHash {
    static func hexadecimal(of bytes: [UInt8]) -> String {
        var hash: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D
        let prime: UInt128 = 0x0000_0000_0100_0000_0000_0000_0000_013B
        for byte in bytes { hash = (hash ^ UInt128(byte)) &* prime }
        return String(hash, radix: 16)
    }
}
