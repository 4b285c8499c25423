import Glibc
import HTTP
import TestSupport
import Testing

/// `florin wallet` as a person's shell runs it: no terminal, so nothing can be asked.
struct Shell: Sendable {
    struct Outcome: Sendable {
        let code: Int32
        let output: String
        let complaints: String

        var json: JSON? {
            do { return try JSON(parsing: Array(output.utf8)) } catch { return nil }
        }
    }

    let folder = TestFolder("florin-wallet")
    let server: String

    init(_ server: String) {
        self.server = server
        folder.removeAtEnd()
    }

    var file: String { folder.path + "/wallet.json" }

    private var environment: [String: String] {
        [
            "FLORIN_SERVER": server, "FLORIN_WALLET": file, "FLORIN_PASSWORD": Person.password,
            "TZ": "UTC",
        ]
    }

    func start(_ words: String...) -> RunningProgram {
        RunningProgram(FlorinServer.binary, ["wallet"] + words, environment: environment)
    }

    func run(_ words: String..., settings: [String: String] = [:]) async throws -> Outcome {
        try await run(words: words, settings: settings)
    }

    func run(words: [String], settings: [String: String] = [:]) async throws -> Outcome {
        let (program, ending) = try await FlorinServer.run(
            ["wallet"] + words, environment.merging(settings) { _, new in new })
        guard case .exited(let code) = ending else { throw Ended(ending: ending) }
        return Outcome(code: code, output: program.output, complaints: program.complaints)
    }

    /// What it says when it does what was asked; anything else fails the test.
    @discardableResult
    func done(
        _ words: String..., settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await done(words: words, settings: settings, at: location)
    }

    func done(
        words: [String], settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let outcome = try await run(words: words, settings: settings)
        try #require(outcome.code == 0, "\(outcome.complaints)", sourceLocation: location)
        return outcome.output
    }

    /// What it says when it refuses.
    func refused(
        _ words: String..., settings: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let outcome = try await run(words: words, settings: settings)
        try #require(outcome.code == 1, "\(outcome.output)", sourceLocation: location)
        return outcome.complaints
    }

    /// The same at a terminal, where the program can ask.
    func atTerminal(_ words: String...) -> RunningProgram {
        var settings = environment
        settings["FLORIN_PASSWORD"] = nil
        return RunningProgram(
            atTerminal: FlorinServer.binary, ["wallet"] + words, environment: settings)
    }

    private struct Ended: Error { let ending: RunningProgram.Ending }

    // MARK: Files

    /// What is in the file of the log-in.
    var contents: [UInt8]? { Self.read(file) }

    static func read(_ path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4 * 1024 * 1024)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    static func write(_ bytes: [UInt8], _ path: String) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        try #require(unsafe Glibc.write(file, bytes, bytes.count) == bytes.count)
    }

    // MARK: People

    /// Someone who has logged in here.
    static func of(_ person: Person) async throws -> Shell {
        let shell = Shell(person.api.url)
        #expect(try await shell.run("log-in", person.username).code == 1)
        let code = try await person.api.code(for: person.phone)
        _ = try await shell.done("log-in", person.username, "--code", code)
        return shell
    }
}
