internal import FoundationEssentials
internal import Glibc
internal import HTTP
internal import Payments
internal import Telemetry

/// `florin serve`: everything, until SIGINT or SIGTERM.
enum ServeCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["only"], flags: ["demo"]))
        let withDemo = arguments.flag("demo")
        guard let part = Routes.Part(rawValue: arguments.option("only") ?? "all") else {
            throw Arguments.Misunderstood(
                reason: "--only wants all, users, transactions or reports")
        }
        let ending = Ending()
        return try await Installation.with { installation in
            let application = try await installation.application()
            do {
                let people = withDemo ? try await Demo(application).prepare() : []
                try await serve(application, part, people, until: ending)
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }

    private static func serve(
        _ application: Application, _ part: Routes.Part, _ people: [Demo.Login],
        until ending: Ending
    ) async throws {
        let server = try listen(application, part)
        announce(server.port, application.configuration, people)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // A server that no longer ends holds or delivers messages is not to go on.
                defer { server.drain() }
                try await application.runBackground()
            }
            group.addTask {
                await ending.wait()
                Log.notice("stopping")
                application.payments.hangUp()
                server.drain()
            }
            try await server.run()
            group.cancelAll()
            try await group.drain()
        }
        Log.notice("stopped")
    }

    private static func listen(_ application: Application, _ part: Routes.Part) throws -> Server {
        let configuration = application.configuration
        var settings = configuration.server
        settings.limiter = application.limiter
        do {
            return try Server(
                configuration: settings,
                router: Router(
                    Routes(application: application).routes(part), describe: Routes.describe),
                staticFiles: part == .all ? try webPage(configuration) : nil)
        } catch ServerError.cannotListen(_, let port, EADDRINUSE) {
            throw ConfigurationError(
                name: "PORT", reason: "\(port) is taken by another program; choose another")
        }
    }

    private static func announce(
        _ port: Int, _ configuration: Configuration, _ people: [Demo.Login]
    ) {
        Log.notice("ready", ["port": .integer(Int64(port))])
        if let login = people.first {
            Program.say(
                "Try it as one of these people; the password of each is \(login.password)")
            Program.say("and the PIN, which large payments ask for, \(login.pin)")
        }
        for person in people {
            Program.say("  \(person.username.padded(to: 9)) \(person.what)")
        }
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        Program.say("ready http://\(host):\(port)")
    }

    /// The page's files: where the operator says, or beside the sources or the program.
    private static func webPage(_ configuration: Configuration) throws -> StaticFiles? {
        if let folder = configuration.webFolder { return try StaticFiles(folder: folder) }
        let program = URL(filePath: CommandLine.arguments[0]).standardizedFileURL
        var folder = program.deletingLastPathComponent()
        var candidates = ["web"]
        for _ in 0..<4 {
            candidates.append(folder.appending(path: "web").path)
            folder.deleteLastPathComponent()
        }
        let found = candidates.first {
            FileManager.default.fileExists(atPath: $0 + "/index.html")
        }
        return try found.map { try StaticFiles(folder: $0) }
    }
}

extension Configuration {
    var server: ServerConfiguration {
        var server = ServerConfiguration()
        server.host = host
        server.port = port
        server.originsAllowed = origins
        server.proxiesTrusted = proxies
        server.strictTransportSeconds = strictTransportSeconds
        return server
    }
}

extension ThrowingTaskGroup where ChildTaskResult == Void {
    /// Waits for all children, then throws what one of them failed with; a cancelled child is no
    /// error.
    fileprivate mutating func drain() async throws {
        var failure: (any Error)?
        while let result = await nextResult() {
            if case .failure(let error) = result, !(error is CancellationError) {
                Log.error("background_failed", ["error": .text("\(error)")])
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
