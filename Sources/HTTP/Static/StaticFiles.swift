import Glibc

/// The files of one folder, read once at start and served from memory.
///
/// Requests are looked up among the names found then, so no request ever becomes a path of the
/// file system, and there is nothing to traverse.
package struct StaticFiles: Sendable {
    private var files: [String: StaticFile] = [:]

    /// Bytes of all files together.
    static let bytesMax = 64 * 1024 * 1024
    static let depthMax = 16

    package enum LoadError: Error, CustomStringConvertible {
        case unreadable(path: String, errno: Int32)
        case tooLarge
        case tooDeep(path: String)

        package var description: String {
            switch self {
            case .unreadable(let path, let code): "cannot read \(path) (errno \(code))"
            case .tooLarge: "more than \(StaticFiles.bytesMax) bytes of static files"
            case .tooDeep(let path): "folders nested too deeply at \(path)"
            }
        }
    }

    /// Files given by name, such as `index.html` or `assets/app.js`.
    package init(_ contents: [String: [UInt8]]) {
        for (name, bytes) in contents { add(name, bytes) }
    }

    /// Reads the folder. Names that start with a dot are left out, and links are not followed.
    package init(folder: String) throws(LoadError) {
        var bytesLeft = Self.bytesMax
        try load(folder, prefix: "", depth: 0, bytesLeft: &bytesLeft)
    }

    package var isEmpty: Bool { files.isEmpty }

    func file(at target: RequestTarget) -> StaticFile? {
        files[target.segments.joined(separator: "/")]
    }

    /// A folder's `index.html` is also the folder.
    private mutating func add(_ name: String, _ bytes: [UInt8]) {
        let file = StaticFile(name: String(name.split(separator: "/").last ?? ""), bytes: bytes)
        files[name] = file
        if name == "index.html" || name.hasSuffix("/index.html") {
            files[String(name.dropLast("index.html".count))] = file
        }
    }

    private mutating func load(
        _ folder: String, prefix: String, depth: Int, bytesLeft: inout Int
    ) throws(LoadError) {
        guard depth <= Self.depthMax else { throw .tooDeep(path: folder) }
        for name in try Self.names(in: folder) {
            let path = folder + "/" + name
            switch try Self.kind(of: path) {
            case .folder:
                try load(
                    path, prefix: prefix + name + "/", depth: depth + 1, bytesLeft: &bytesLeft)
            case .file(let size):
                bytesLeft -= size
                guard bytesLeft >= 0 else { throw .tooLarge }
                add(prefix + name, try Self.read(path))
            case .other: continue
            }
        }
    }

    // MARK: File system

    private enum Kind { case folder, file(bytes: Int), other }

    private static func names(in folder: String) throws(LoadError) -> [String] {
        guard let stream = unsafe opendir(folder) else {
            throw .unreadable(path: folder, errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func kind(of path: String) throws(LoadError) -> Kind {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .folder
        case S_IFREG: return .file(bytes: Int(status.st_size))
        default: return .other
        }
    }

    private static func read(_ path: String) throws(LoadError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .unreadable(path: path, errno: errno) }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = unsafe Glibc.read(descriptor, &block, block.count)
            guard count >= 0 else { throw .unreadable(path: path, errno: errno) }
            if count == 0 { return contents }
            contents.append(contentsOf: block.prefix(count))
        }
    }
}

// MARK: Answers

extension StaticFiles {
    /// The file at that address in the best form the client takes, or 304 if it has it already.
    func response(to head: RequestHead) -> Response? {
        guard let file = file(at: head.target) else { return nil }
        let variant = file.variant(accepting: head.fields["accept-encoding"])
        let isKnown = EntityTags.match(head.fields["if-none-match"], variant.entityTag)
        var response = Response(
            status: isKnown ? 304 : 200, body: isKnown ? .none : .file(variant.bytes))
        response.set("ETag", variant.entityTag)
        response.set("Cache-Control", file.cacheControl)
        if file.variants.count > 1 { response.set("Vary", "Accept-Encoding") }
        if isKnown { return response }
        response.set("Content-Type", file.mediaType)
        if variant.coding != .identity { response.set("Content-Encoding", variant.coding.rawValue) }
        response.isPage = file.isPage
        return response
    }
}

/// `If-None-Match` (RFC 9110 §13.1.2): compared weakly, so `W/` is looked past.
enum EntityTags {
    static func match(_ field: String?, _ entityTag: String) -> Bool {
        guard let field else { return false }
        return field.split(separator: ",").map { ASCII.trimmed($0) }.contains { tag in
            tag == "*" || tag == entityTag || tag == "W/" + entityTag
        }
    }
}
