import Glibc
import TestSupport
import Testing

@Suite("The master key in its file", .timeLimit(.minutes(1)))
struct MasterKeyTests {
    private func folder() -> (TestFolder, [String: String]) {
        let folder = TestFolder("florin-key")
        // No database stands there: what is told about the key comes first.
        return (folder, ["FLORIN_DATA": folder.path, "DATABASE_URL": "postgresql:///?host=/none"])
    }

    private func key(in folder: TestFolder) throws -> String {
        let file = unsafe open(folder.path + "/master.key", O_RDONLY)
        try #require(file >= 0)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func whatCannotBeReadIsNotReplaced() async throws {
        let (folder, environment) = folder()
        let path = folder.path + "/master.key"
        // A folder in its place cannot be read even by root.
        try #require(unsafe mkdir(path, 0o700) == 0)
        let (program, ending) = try await FlorinServer.run(["migrate"], environment)
        #expect(ending == .exited(1))
        #expect(program.complaints.contains("florin: \(path): "))
        #expect(TestFolder.names(in: folder.path) == ["master.key"])
        #expect(unsafe rmdir(path) == 0)
        folder.remove()
    }

    @Test func firstStartsAtOnceAgreeOnOne() async throws {
        let (folder, environment) = folder()
        _ = try await together(8) { _ in
            try await FlorinServer.run(["migrate"], environment).ending
        }
        let made = try key(in: folder)
        #expect(made.count == 65)
        #expect(TestFolder.names(in: folder.path) == ["master.key"])
        _ = try await FlorinServer.run(["migrate"], environment)
        #expect(try key(in: folder) == made)
        folder.remove()
    }
}
