import FoundationEssentials

/// One text file of the repository, with the path that a person would type from its root.
struct SourceFile: Sendable {
    let path: String
    let text: String
    let lines: [Substring]
    let tokens: [Token]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        tokens = path.hasSuffix(".swift") ? SourceLexer.tokens(of: text) : []
    }

    var isSwift: Bool { path.hasSuffix(".swift") }

    /// The target that the file belongs to: the second part of `Sources/Ledger/Rules.swift`.
    var target: String? {
        let parts = path.split(separator: "/")
        guard parts.count > 2, parts[0] == "Sources" || parts[0] == "Tests" else { return nil }
        return String(parts[1])
    }

    /// Comments and strings left out: what the compiler acts on.
    var code: [Token] { tokens.filter { $0.kind == .word || $0.kind == .mark } }

    var strings: [Token] { tokens.filter { $0.kind == .string } }
}

/// What the rules look at: planted files in the test of a rule, the real ones in the project's.
struct Repository: Sendable {
    let files: [SourceFile]

    /// Targets in the order of Package.swift, tests included.
    let targets: [String]

    init(_ files: [SourceFile]) {
        self.files = files
        let package = files.first { $0.path == "Package.swift" }
        targets = package.map { Self.targets(in: $0.tokens) } ?? []
    }

    /// Files under `Sources` of the targets that own a feature; see ARCHITECTURE.md.
    var sliceFiles: [SourceFile] {
        files.filter { file in
            file.isSwift && file.path.hasPrefix("Sources/")
                && Slices.all.contains(file.target ?? "")
        }
    }

    var swiftFiles: [SourceFile] { files.filter(\.isSwift) }

    /// The names that follow `library(`, `tests(`, `.target(` and their like, in order.
    private static func targets(in tokens: [Token]) -> [String] {
        let makers: Set = ["library", "tests", "target", "systemLibrary", "executableTarget"]
        // Products name their targets too; the list itself is what the last `targets` begins.
        let list = tokens.lastIndex { $0.text == "targets" && $0.kind == .word } ?? 0
        var names: [String] = []
        for index in tokens.indices.dropFirst(list) where makers.contains(tokens[index].text) {
            guard tokens[index].kind == .word, index + 1 < tokens.count else { continue }
            guard tokens[index + 1].text == "(" else { continue }
            if let name = tokens[(index + 1)...].first(where: { $0.kind == .string }) {
                names.append(name.text)
            }
        }
        return names
    }
}

extension Repository {
    /// Folders that hold no source of ours.
    private static let skipped: Set = [".build", ".git", ".florin", ".venv", "__pycache__"]
    private static let textSuffixes = [
        ".swift", ".h", ".modulemap", ".md", ".js", ".css", ".html", ".svg", ".json",
        ".webmanifest", ".py", ".sh", ".lua", ".sql", ".conf", ".txt", ".yml", ".yaml",
    ]
    private static let namedTexts: Set = [
        "Makefile", ".ci/run", "scripts/bootstrap", "scripts/test", "scripts/lint",
        "scripts/strict-demo",
        "Benchmarks/run", ".swift-format",
    ]

    /// The project that this test was compiled from.
    static let project: Repository = {
        let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }
        var files: [SourceFile] = []
        collect(under: "", of: root, into: &files)
        return Repository(files.sorted { $0.path < $1.path })
    }()

    private static func collect(
        under folder: String, of root: String, into files: inout [SourceFile]
    ) {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
        for name in names where !skipped.contains(name) {
            let path = folder.isEmpty ? name : folder + "/" + name
            var isFolder = false
            guard FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isFolder)
            else { continue }
            if isFolder {
                collect(under: path, of: root, into: &files)
            } else if textSuffixes.contains(where: path.hasSuffix) || namedTexts.contains(path),
                let bytes = FileManager.default.contents(atPath: root + "/" + path)
            {
                files.append(SourceFile(path: path, text: String(decoding: bytes, as: UTF8.self)))
            }
        }
    }
}
