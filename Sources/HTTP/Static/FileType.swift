/// What a file's name says of its content.
struct FileType {
    let mediaType: String
    let isCompressible: Bool

    init(name: String) {
        let suffix = name.split(separator: ".").dropFirst().last ?? ""
        let known = Self.known[suffix.lowercased()]
        mediaType = known?.0 ?? "application/octet-stream"
        isCompressible = known?.1 ?? false
    }

    private static let known: [String: (String, Bool)] = [
        "html": ("text/html; charset=utf-8", true),
        "css": ("text/css; charset=utf-8", true),
        "js": ("text/javascript; charset=utf-8", true),
        "mjs": ("text/javascript; charset=utf-8", true),
        "json": ("application/json", true),
        "map": ("application/json", true),
        "webmanifest": ("application/manifest+json", true),
        "svg": ("image/svg+xml", true),
        "txt": ("text/plain; charset=utf-8", true),
        "xml": ("application/xml", true),
        "wasm": ("application/wasm", true),
        "ico": ("image/x-icon", true),
        "png": ("image/png", false),
        "jpg": ("image/jpeg", false),
        "jpeg": ("image/jpeg", false),
        "webp": ("image/webp", false),
        "woff2": ("font/woff2", false),
        "pdf": ("application/pdf", false),
    ]
}

/// What a file's name says of its future.
enum FileName {
    static let fingerprintCharactersMin = 8

    /// `app-4XQ2KZ7B.js` and `app.9f86d081.css` change their name with their content. The mark is
    /// the last part before the suffix: eight or more of 0–9 and of either A–Z or a–f, a digit
    /// among them, so that words are not mistaken for marks.
    static func isFingerprinted(_ name: String) -> Bool {
        let parts = name.split { $0 == "." || $0 == "-" }
        guard parts.count >= 3, let mark = parts.dropLast().last,
            mark.utf8.count >= fingerprintCharactersMin,
            mark.utf8.contains(where: { ASCII.digitValue($0) != nil })
        else { return false }
        return mark.utf8.allSatisfy { ASCII.digitValue($0) != nil || (0x41...0x5A).contains($0) }
            || mark.utf8.allSatisfy { ASCII.hexValue($0) != nil }
    }
}
